"""Runs the operator: `python -m llamastack_operator`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from llamastack_operator.controller.logs import configure_logging
from llamastack_operator.controller.operator import Operator, OperatorSettings
from llamastack_operator.kube.client import Client, load_configuration
from llamastack_operator.workloads.settings import WorkloadSettings


def main(arguments: list[str] | None = None) -> int:
    """Run the operator until it is told to stop; 0 after a stop, 1 when a part of it died, 2 on wrong usage."""
    options = _parser().parse_args(arguments)
    configure_logging(options.log_format, logging.DEBUG if options.verbose else logging.INFO)
    workloads = WorkloadSettings(run_as=options.run_as_user, progress_deadline=options.progress_deadline)
    settings = OperatorSettings(
        namespaces=tuple(options.namespace),
        workers=options.workers,
        health_port=options.health_port,
        instance=os.environ.get("HOSTNAME", "llamastack-operator"),
        workloads=workloads,
    )
    try:
        asyncio.run(_run(settings))
    except Exception:
        logging.getLogger(__name__).critical("a part of the operator died; the process ends", exc_info=True)
        return 1
    return 0


async def _run(settings: OperatorSettings) -> None:
    client = Client(await load_configuration())
    try:
        await Operator(client, settings).run()
    finally:
        await client.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m llamastack_operator", description="The LlamaStack operator.")
    parser.add_argument("--namespace", action="append", default=[], help="look after this namespace only (repeatable)")
    parser.add_argument("--workers", type=int, default=8, help="passes that run side by side")
    parser.add_argument("--health-port", type=int, default=8080, help="port of /healthz; 0 for none")
    parser.add_argument("--log-format", choices=("json", "text"), default="json")
    parser.add_argument("--progress-deadline", type=int, default=600, help="seconds until a rollout counts as failed")
    parser.add_argument(
        "--run-as-user",
        type=lambda text: None if text == "none" else int(text),
        default=1001,
        help="user, group and fsGroup of the server pods; `none` where the platform chooses, as OpenShift does",
    )
    parser.add_argument("--verbose", action="store_true", help="log at debug level")
    return parser


if __name__ == "__main__":
    sys.exit(main())
