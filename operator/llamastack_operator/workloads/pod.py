"""The pod template of a stack: the server under the restricted Pod Security profile, with probes and no token."""

from __future__ import annotations

from typing import Any

from llamastack_operator.api.base import GROUP
from llamastack_operator.api.labels import PROGRAM_ANNOTATION, REVISION_ANNOTATION, child_labels
from llamastack_operator.api.pods import Probe, Probes
from llamastack_operator.api.server import PodTemplate, Server
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.child import digest
from llamastack_operator.workloads import external, start_install, start_program
from llamastack_operator.workloads.names import SERVER, account_name, claim_name, proven_name, server_port
from llamastack_operator.workloads.restricted import security_context
from llamastack_operator.workloads.run_config import CONFIG_PATH, MOUNT_PATH
from llamastack_operator.workloads.runtime import Runtime
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_operator.workloads.start import server_command

REFERENCES_ANNOTATION = f"{GROUP}/references"
"""On pod templates: the digest of the referenced ConfigMaps, so that an edit of one rolls the pods."""

STATE_PATH = "/var/lib/llama-stack"
"""The server's home: all that upstream keeps below `~/.llama` and `~/.cache` lands in the state volume."""

_STARTUP = {"periodSeconds": 2, "failureThreshold": 300, "timeoutSeconds": 2}
# A check takes a second or two of each start; looking more often gives one of them back. What a stack chooses counts in
# the periods that it was chosen for.
_STARTUP_OF_CHECKED = {"periodSeconds": 1, "failureThreshold": 600, "timeoutSeconds": 2}
_READINESS = {"periodSeconds": 5, "failureThreshold": 3, "timeoutSeconds": 5}
_LIVENESS = {"periodSeconds": 15, "failureThreshold": 6, "timeoutSeconds": 10}
# The endpoints of a Service are updated after a pod was told to stop; until then it must go on serving.
_DRAIN_SECONDS = 5


def pod_template(
    stack: str,
    spec: LlamaStackSpec,
    runtime: Runtime,
    config_name: str,
    references: str,
    settings: WorkloadSettings,
) -> dict[str, Any]:
    """Return the pod template of a stack.

    Of each list the stack's own entries come first: what the API server says of one is said by its place there.

    Args:
        stack: the name of the stack.
        spec: its spec.
        runtime: what its pods run.
        config_name: the ConfigMap with its run config.
        references: the digest of the referenced ConfigMaps, empty where there are none.
        settings: the operator's defaults.
    """
    server = spec.server or Server()
    extra = server.pod_template or PodTemplate()
    container = _container(spec, server, extra, runtime)
    template = {
        "metadata": _metadata(stack, extra, references, runtime),
        "spec": _without_empty(
            {
                "serviceAccountName": account_name(stack, spec),
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": _pod_security(extra, settings),
                "terminationGracePeriodSeconds": extra.termination_grace_period_seconds or 30,
                "initContainers": [
                    *_installing(stack, server, runtime, settings),
                    *_checking(spec, runtime, container, settings),
                ],
                "containers": [container],
                "volumes": _volumes(stack, spec, extra, config_name, runtime),
                "imagePullSecrets": _pull_secrets(server, runtime),
                "nodeSelector": _node_selector(server, runtime),
                "tolerations": _wire(server.tolerations),
                "affinity": server.affinity.to_wire() if server.affinity else None,
                "topologySpreadConstraints": _spread(stack, server),
                "priorityClassName": extra.priority_class_name,
                "runtimeClassName": extra.runtime_class_name,
            }
        ),
    }
    if runtime.program is not None and start_program.wants_check(spec.startup):
        template["spec"]["volumes"].append(start_program.proven_volume(proven_name(stack, digest(template))))
    template["metadata"]["annotations"][REVISION_ANNOTATION] = digest(template)
    return template


def _metadata(stack: str, extra: PodTemplate, references: str, runtime: Runtime) -> dict[str, Any]:
    labels = dict((extra.metadata and extra.metadata.labels) or {})
    annotations = dict((extra.metadata and extra.metadata.annotations) or {})
    if references:
        annotations[REFERENCES_ANNOTATION] = references
    if runtime.program is not None:
        annotations[PROGRAM_ANNOTATION] = runtime.program.sha256
    return {"labels": {**labels, **child_labels(stack)}, "annotations": annotations}


def _pod_security(extra: PodTemplate, settings: WorkloadSettings) -> dict[str, Any]:
    chosen = extra.security_context.to_wire() if extra.security_context else {}
    ids = {} if settings.run_as is None else dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), settings.run_as)
    return {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "fsGroupChangePolicy": "OnRootMismatch",
        **ids,
        **chosen,
    }


def _installing(stack: str, server: Server, runtime: Runtime, settings: WorkloadSettings) -> list[dict[str, Any]]:
    if runtime.install is None:
        return []
    cached = claim_name(stack, server) is not None
    return start_install.init_containers(runtime, runtime.install, STATE_PATH, cached, settings.images)


def _checking(
    spec: LlamaStackSpec, runtime: Runtime, container: dict[str, Any], settings: WorkloadSettings
) -> list[dict[str, Any]]:
    if runtime.program is None or not start_program.wants_check(spec.startup):
        return []
    deadline = start_program.check_deadline(settings.progress_deadline)
    return [start_program.check_container(spec, runtime, runtime.program, container, deadline)]


def progress_deadline(spec: LlamaStackSpec, runtime: Runtime, settings: WorkloadSettings) -> int:
    """Return the seconds after which a rollout counts as failed: no check and no start that is allowed takes longer."""
    if runtime.program is None:
        return settings.progress_deadline
    probes = (spec.server.probes if spec.server else None) or Probes()
    allowed = start_program.check_deadline(settings.progress_deadline)
    budget = start_program.start_budget(_startup(runtime, probes), probes.startup)
    return max(settings.progress_deadline, allowed + budget)


def _startup(runtime: Runtime, probes: Probes) -> dict[str, int]:
    return _STARTUP_OF_CHECKED if runtime.program is not None and probes.startup is None else _STARTUP


def _pull_secrets(server: Server, runtime: Runtime) -> list[dict[str, Any]]:
    chosen = _wire(server.image_pull_secrets)
    if runtime.pull_secret and all(secret["name"] != runtime.pull_secret for secret in chosen):
        chosen.append({"name": runtime.pull_secret})
    return chosen


def _node_selector(server: Server, runtime: Runtime) -> dict[str, str]:
    """Keep the pods where their image runs: one that was built is for the platform of the node that built it."""
    own = {"kubernetes.io/arch": runtime.architecture} if runtime.architecture else {}
    return {**own, **(server.node_selector or {})}


def _container(spec: LlamaStackSpec, server: Server, extra: PodTemplate, runtime: Runtime) -> dict[str, Any]:
    port = server_port(spec)
    probes = server.probes or Probes()
    return _without_empty(
        {
            "name": SERVER,
            "image": runtime.image,
            "command": _command(spec, runtime, port),
            "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}],
            "env": _environment(server, runtime),
            "envFrom": _wire(server.env_from),
            "resources": server.resources.to_wire() if server.resources else None,
            "volumeMounts": [
                *_wire(extra.volume_mounts),
                {"name": "llamastack-config", "mountPath": MOUNT_PATH, "readOnly": True},
                *external.mounts(spec),
                {"name": "llamastack-state", "mountPath": STATE_PATH},
                {"name": "llamastack-tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod
                *([start_install.packages_mount()] if runtime.install else []),
                *(start_program.mounts() if runtime.program else []),
            ],
            "startupProbe": _probe(port, _startup(runtime, probes), probes.startup),
            "readinessProbe": _probe(port, _READINESS, probes.readiness),
            "livenessProbe": _probe(port, _LIVENESS, probes.liveness),
            "lifecycle": {"preStop": {"sleep": {"seconds": _DRAIN_SECONDS}}},
            "terminationMessagePolicy": "File",
            "securityContext": security_context(),
        }
    )


def _command(spec: LlamaStackSpec, runtime: Runtime, port: int) -> list[str]:
    if runtime.program is None:
        return server_command(runtime.release, CONFIG_PATH, port)
    return start_program.serve_command(spec, runtime, runtime.program)


def _environment(server: Server, runtime: Runtime) -> list[dict[str, Any]]:
    own = {"HOME": STATE_PATH, "PYTHONUNBUFFERED": "1"}
    chosen = _wire(server.env)
    if runtime.install is not None:
        # A plain value is put behind ours; one that comes from elsewhere cannot be, and stands.
        plain = next((entry["value"] for entry in chosen if entry["name"] == "PYTHONPATH" and "value" in entry), None)
        own |= start_install.environment(runtime.install, plain)
        if plain is not None and "PYTHONPATH" in own:
            chosen = [
                {**entry, "value": own["PYTHONPATH"]} if entry["name"] == "PYTHONPATH" else entry for entry in chosen
            ]
    names = {entry["name"] for entry in chosen}
    return chosen + [{"name": name, "value": value} for name, value in own.items() if name not in names]


def _volumes(
    stack: str, spec: LlamaStackSpec, extra: PodTemplate, config_name: str, runtime: Runtime
) -> list[dict[str, Any]]:
    claim = claim_name(stack, spec.server)
    state = {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}}
    return [
        *_wire(extra.volumes),
        {"name": "llamastack-config", "configMap": external.config_source(spec, config_name)},
        *external.volumes(spec, config_name),
        {"name": "llamastack-state", **state},
        {"name": "llamastack-tmp", "emptyDir": {}},
        *(start_install.volumes(runtime.install) if runtime.install else []),
        *(start_program.volumes(runtime.program) if runtime.program else []),
    ]


def _probe(port: int, defaults: dict[str, int], chosen: Probe | None) -> dict[str, Any]:
    own = chosen.to_wire() if chosen else {}
    return {"httpGet": {"path": "/v1/health", "port": port}, **defaults, **own}


def _spread(stack: str, server: Server) -> list[dict[str, Any]]:
    selector = {"matchLabels": {f"{GROUP}/stack": stack}}
    return [{"labelSelector": selector, **constraint} for constraint in _wire(server.topology_spread_constraints)]


def _wire(models: Any) -> list[dict[str, Any]]:
    return [model.to_wire() for model in models or []]


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, [], {})}
