"""Runs the operator: `python -m llamastack_operator`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys

from llamastack_operator.controller.operator import Operator, OperatorSettings
from llamastack_operator.kube.client import Client, load_configuration
from llamastack_operator.kube.restored import RestoredError
from llamastack_operator.logs import configure_logging
from llamastack_operator.workloads.addresses import LoginInAddressError, without_login
from llamastack_operator.workloads.settings import ImageSettings, WorkloadSettings


def main(arguments: list[str] | None = None) -> int:
    """Run the operator until it is told to stop; 0 after a stop, 1 when a part of it died, 2 on wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        images = _images(options)
    except LoginInAddressError as error:
        parser.error(f"a proxy {error}")
    configure_logging(options.log_format, logging.DEBUG if options.verbose else logging.INFO)
    workloads = WorkloadSettings(run_as=options.run_as_user, progress_deadline=options.progress_deadline, images=images)
    settings = OperatorSettings(
        namespaces=tuple(options.namespace),
        workers=options.workers,
        health_port=options.health_port,
        ready_port=options.ready_port,
        metrics=(options.metrics_address, options.metrics_port) if options.metrics_port else None,
        instance=os.environ.get("HOSTNAME", "llamastack-operator"),
        workloads=workloads,
        provider_health=options.provider_health,
    )
    try:
        asyncio.run(_run(settings))
    except asyncio.CancelledError:
        return 0
    except Exception as error:
        logger = logging.getLogger(__name__)
        if (restored := _restored(error)) is not None:
            logger.critical("%s; the process ends, and is to begin anew", restored)
        else:
            logger.critical("a part of the operator died; the process ends", exc_info=True)
        return 1
    return 0


def _restored(error: Exception) -> BaseException | None:
    """Return the first of the errors in a group that tells of a store that was set back."""
    found: BaseException | None = error.subgroup(RestoredError) if isinstance(error, ExceptionGroup) else None
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found


async def _run(settings: OperatorSettings) -> None:
    # Until kopf listens for them, nobody does: and what is process 1 of a container is not ended by a signal as such.
    whole = asyncio.current_task()
    assert whole is not None  # noqa: S101 - asyncio.run made it
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, whole.cancel)
    client = Client(await load_configuration())
    try:
        await Operator(client, settings).run()
    finally:
        await client.close()


def _images(options: argparse.Namespace) -> ImageSettings:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
    return ImageSettings(
        operator=options.operator_image,
        python=options.python_image,
        index=options.index_url,
        named_indexes=tuple(options.named_index),
        mirrors=tuple(options.registry_mirror),
        addresses=tuple(options.registry_address),
        insecure=tuple(options.insecure_registry),
        proxies=tuple((name, without_login(os.environ[name])) for name in names if os.environ.get(name)),
        parallel=options.parallel_builds,
        parallel_in_namespace=options.parallel_builds_per_namespace,
        default_timeout=options.build_timeout,
        longest_timeout=options.max_build_timeout,
    )


def _address(text: str) -> str:
    try:
        return without_login(text)
    except LoginInAddressError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = _address(text).partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m llamastack_operator", description="The LlamaStack operator.")
    parser.add_argument("--namespace", action="append", default=[], help="look after this namespace only (repeatable)")
    parser.add_argument("--workers", type=int, default=8, help="passes that run side by side")
    parser.add_argument("--health-port", type=int, default=8080, help="port of /healthz; 0 for none")
    parser.add_argument("--ready-port", type=int, default=0, help="port of /readyz; 0 for none")
    parser.add_argument("--metrics-port", type=int, default=0, help="port of /metrics; 0 for none")
    parser.add_argument("--metrics-address", default="127.0.0.1", help="the address that /metrics is served at")
    parser.add_argument(
        "--provider-health",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="ask servers every ten minutes at most how their providers are, which makes them ask their vendors",
    )
    parser.add_argument("--log-format", choices=("json", "text"), default="json")
    parser.add_argument("--progress-deadline", type=int, default=600, help="seconds until a rollout counts as failed")
    parser.add_argument(
        "--run-as-user",
        type=lambda text: None if text == "none" else int(text),
        default=1001,
        help="user, group and fsGroup of the server pods; `none` where the platform chooses, as OpenShift does",
    )
    _add_image_options(parser.add_argument_group("images"))
    parser.add_argument("--verbose", action="store_true", help="log at debug level")
    return parser


def _add_image_options(group: argparse._ArgumentGroup) -> None:
    defaults = ImageSettings()
    group.add_argument("--operator-image", default="", help="the operator's own image; builds run its programs")
    group.add_argument("--python-image", default=defaults.python, help="what releases without an image go on")
    group.add_argument(
        "--index-url", type=_address, default="", help="package index where a stack names none; else pip's default"
    )
    group.add_argument(
        "--named-index",
        action="append",
        type=_pair,
        default=[],
        metavar="NAME=URL",
        help="address of an index that releases name, for example pytorch-cpu (repeatable)",
    )
    group.add_argument(
        "--registry-mirror",
        action="append",
        type=_pair,
        default=[],
        metavar="NAME=URL",
        help="what builds read instead of a registry, for example docker.io=https://mirror.example (repeatable)",
    )
    group.add_argument(
        "--registry-address",
        action="append",
        type=_pair,
        default=[],
        metavar="NAME=URL",
        help="the server of a registry, where it is not at the name, for example registry.local=http://10.0.0.5:5000",
    )
    group.add_argument(
        "--insecure-registry",
        action="append",
        type=_address,
        default=[],
        metavar="HOST[:PORT]",
        help="without TLS (repeatable)",
    )
    group.add_argument("--parallel-builds", type=int, default=defaults.parallel, help="builds that run side by side")
    group.add_argument(
        "--parallel-builds-per-namespace",
        type=int,
        default=defaults.parallel_in_namespace,
        help="of these, builds of one namespace",
    )
    group.add_argument("--build-timeout", type=int, default=defaults.default_timeout, help="seconds for one try")
    group.add_argument(
        "--max-build-timeout",
        type=int,
        default=defaults.longest_timeout,
        help="seconds for one try at most, whatever a stack asks for",
    )


if __name__ == "__main__":
    sys.exit(main())
