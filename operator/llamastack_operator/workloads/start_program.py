"""The parts of a server's pod that check it before it starts, and run it: one program for all stacks of a namespace.

The program is a file in a ConfigMap, so that no further image is pulled. Whoever may write ConfigMaps could put another
file there: the pod template names the SHA-256, and what stands in the template itself compares it before anything of
the file runs.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from llamastack_contract.paths import BYTECODE, CHECK, PROVEN, PROVEN_FILE, START, START_FILE, TERMINATION_LOG
from llamastack_operator.api.labels import program_labels
from llamastack_operator.api.pods import Probe
from llamastack_operator.api.server import Server
from llamastack_operator.api.stack import Compliance, LlamaStackSpec, Startup
from llamastack_operator.objects.resources import CONFIGMAPS
from llamastack_operator.packed.bootstrap import bootstrap_command
from llamastack_operator.workloads.names import server_port
from llamastack_operator.workloads.restricted import security_context
from llamastack_operator.workloads.run_config import CONFIG_PATH
from llamastack_operator.workloads.runtime import Runtime, StartProgram

_FILE = f"{START}/{START_FILE}"
_VOLUME, _BYTECODE_VOLUME, _PROVEN_VOLUME = "llamastack-start", "llamastack-bytecode", "llamastack-proven"
SHARE_OF_PROGRESS = 4
"""A check takes at most this part of the time in which a rollout has to make progress."""


def program_config_map(namespace: str, program: StartProgram, content: bytes) -> dict[str, Any]:
    """Return the ConfigMap that holds a program.

    Args:
        namespace: of the stacks that share it.
        program: the program.
        content: its file.
    """
    metadata = {"namespace": namespace, "name": program.config_map, "labels": program_labels(program.sha256)}
    return {
        "apiVersion": CONFIGMAPS.api_version,
        "kind": CONFIGMAPS.kind,
        "metadata": metadata,
        "binaryData": {START_FILE: base64.b64encode(content).decode("ascii")},
        "immutable": True,
    }


def wants_check(startup: Startup | None) -> bool:
    """Tell whether a stack has its pods checked before their server starts."""
    return startup is None or startup.check != "Skip"


def check_container(
    spec: LlamaStackSpec, runtime: Runtime, program: StartProgram, server: Mapping[str, Any], deadline: int
) -> dict[str, Any]:
    """Return the init container that runs the check, with all that the server has.

    Args:
        spec: the stack's spec.
        runtime: what the pods run.
        program: the program.
        server: the server's container in wire form.
        deadline: the seconds that the check may take.
    """
    startup = spec.startup or Startup()
    compliance = startup.compliance or Compliance()
    severities = {"--missing": compliance.missing, "--signature": compliance.signature}
    options = [
        "--config",
        CONFIG_PATH,
        "--termination-log",
        TERMINATION_LOG,
        "--deadline",
        str(deadline),
        "--mode",
        "import" if startup.check == "Import" else "instantiate",
        *(word for option, chosen in severities.items() if chosen for word in (option, chosen.lower())),
        *(["--report-only"] if startup.validation == "Warn" else []),
        "--proven",
        f"{PROVEN}/{PROVEN_FILE}",
        *_common(spec.server or Server()),
    ]
    taken = ("env", "envFrom", "resources")
    return {
        "name": CHECK,
        "image": runtime.image,
        "command": _command(program, "check", options),
        **{name: server[name] for name in taken if name in server},
        "volumeMounts": [*server["volumeMounts"], {"name": _PROVEN_VOLUME, "mountPath": PROVEN, "readOnly": True}],
        "terminationMessagePolicy": "File",
        "securityContext": security_context(),
    }


def serve_command(spec: LlamaStackSpec, runtime: Runtime, program: StartProgram) -> list[str]:
    """Return the command of the server's container.

    Args:
        spec: the stack's spec.
        runtime: what the pods run.
        program: the program.
    """
    release = runtime.release
    options = [
        "--config",
        CONFIG_PATH,
        "--port",
        str(server_port(spec)),
        *(["--release", release.package, release.version] if release else []),
        "--termination-log",
        TERMINATION_LOG,
        *_common(spec.server or Server()),
    ]
    return _command(program, "serve", options)


def mounts() -> list[dict[str, Any]]:
    """Return the server's mounts of the program, and of the modules that are compiled at the start."""
    return [
        {"name": _VOLUME, "mountPath": START, "readOnly": True},
        {"name": _BYTECODE_VOLUME, "mountPath": BYTECODE},
    ]


def volumes(program: StartProgram) -> list[dict[str, Any]]:
    """Return the volumes of those mounts."""
    return [
        {"name": _VOLUME, "configMap": {"name": program.config_map}},
        {"name": _BYTECODE_VOLUME, "emptyDir": {}},
    ]


def proven_volume(name: str) -> dict[str, Any]:
    """Return the volume that tells a check whether pods of its revision were ready once.

    It is not a part of the template that says so, for that would make another template.

    Args:
        name: of the ConfigMap that comes to be then.
    """
    return {"name": _PROVEN_VOLUME, "configMap": {"name": name, "optional": True}}


def proven_by(volume: Mapping[str, Any]) -> str | None:
    """Return the ConfigMap of such a volume; None for another one."""
    return str(volume["configMap"]["name"]) if volume["name"] == _PROVEN_VOLUME else None


def check_deadline(progress_deadline: int) -> int:
    """Return the seconds that a check may take where a rollout has this many to make progress."""
    return max(10, progress_deadline // SHARE_OF_PROGRESS)


def start_budget(defaults: dict[str, int], chosen: Probe | None) -> int:
    """Return the seconds that the startup probe gives a server, from its defaults and what a stack chose instead."""
    wire = {**defaults, **(chosen.to_wire() if chosen else {})}
    return int(wire.get("initialDelaySeconds", 0) + wire["periodSeconds"] * wire["failureThreshold"])


def _command(program: StartProgram, mode: Literal["check", "serve"], options: list[str]) -> list[str]:
    return bootstrap_command(_FILE, program.sha256, program.config_map, mode, *options)


def _common(server: Server) -> Iterator[str]:
    yield from ("--bytecode-cache", BYTECODE)
    for variable in server.env or []:
        source = variable.value_from
        yield from ("--secret" if source and source.secret_key_ref else "--public", variable.name)
    if any(source.secret_ref for source in server.env_from or []):
        yield "--others-secret"
