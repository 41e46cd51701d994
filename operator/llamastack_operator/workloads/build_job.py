"""The Job of one try of a build: separated containers under the restricted Pod Security profile, and no API token.

What each container may hold is the heart of the matter (docs/threat-model.md): tenants' code runs in `install`
alone, which has no credential; `index` alone has the package index's, `push` alone those that may push.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llamastack_contract.build_json import DIGEST_OPTION
from llamastack_contract.paths import (
    AUTHORITIES,
    AUTHORITIES_FILE,
    BUILD_FILE,
    CREDENTIALS,
    FACTS,
    INDEX,
    INDEX_LOGIN,
    INPUTS,
    INSTALL,
    INSTALLER_FILE,
    LAYERS,
    PREPARE,
    PULL,
    PUSH,
    PUSH_LOGIN,
    SCRATCH,
    TOOLS,
)
from llamastack_contract.printed import digest_of
from llamastack_operator.api.labels import ATTEMPT_ANNOTATION, build_labels
from llamastack_operator.api.llamastackbuild import BuildAccess
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.objects.owners import controller_reference
from llamastack_operator.objects.pods import at_digest
from llamastack_operator.objects.resources import LLAMASTACKBUILDS
from llamastack_operator.workloads.build_inputs import base_digest
from llamastack_operator.workloads.names import lock_name
from llamastack_operator.workloads.program import program_container
from llamastack_operator.workloads.settings import ImageSettings, WorkloadSettings

KEPT_SECONDS = 7 * 24 * 3600
"""Seconds that a Job stays after its end: long after its result was recorded, be the operator away for days."""
CONTAINERS = (PREPARE, INDEX, INSTALL, PUSH)
_PROGRAM = ["python3", "-m", "llamastack_operator.images"]
_INSTALLER = ["python3", f"{TOOLS}/{INSTALLER_FILE}", f"{INPUTS}/{BUILD_FILE}"]
_SMALL = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}
# Packing streams, but a base's manifest and config are held whole.
_PUSHING = {"requests": {"cpu": "200m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
_INSTALLING = {"requests": {"cpu": "200m", "memory": "256Mi"}}


def job_name(build: str, attempt: int) -> str:
    """Return the name of the Job, and of its ConfigMap, of one try."""
    return f"{build}-{attempt}"


def inputs_config_map(build: BuildRecord, attempt: int, text: str) -> dict[str, Any]:
    """Return the ConfigMap with what the programs of one try of a build read.

    Args:
        build: the build.
        attempt: which try, from 1.
        text: of build.json.
    """
    return _config_map(build, job_name(build.key[1], attempt), text)


def lock_config_map(build: BuildRecord, text: str) -> dict[str, Any]:
    """Return the ConfigMap from which pods install what a build locked.

    Args:
        build: the build; its status has the digest of the text, but where an earlier operator made it.
        text: of build.json.
    """
    return _config_map(build, lock_name(build.key[1], build.status.lock_digest), text)


def text_digest(text: str) -> str:
    """Return the digest of build.json by which its programs tell it from another one."""
    return digest_of(text.encode())


def _config_map(build: BuildRecord, name: str, text: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(build, name),
        "data": {BUILD_FILE: text},
        "immutable": True,
    }


def job(build: BuildRecord, attempt: int, settings: WorkloadSettings, inputs: str) -> dict[str, Any]:
    """Return the Job of one try of a build.

    Args:
        build: the build.
        attempt: which try, from 1.
        settings: the operator's settings.
        inputs: the digest of its build.json: a ConfigMap is easier to replace than what a Job's containers are told.
    """
    access = BuildAccess.model_validate(build.spec.access)
    name = job_name(build.key[1], attempt)
    metadata = _metadata(build, name)
    metadata["annotations"] = {ATTEMPT_ANNOTATION: str(attempt)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            # The operator decides whether another try can help, and says why in the build's status.
            "backoffLimit": 0,
            # The operator deletes all but the last two tries of a build; what it does not come to goes by itself.
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "activeDeadlineSeconds": settings.images.timeout(access.timeout_seconds),
            "template": {
                "metadata": {"labels": build_labels(build.key[1])},
                "spec": _pod(build, access, name, settings, [DIGEST_OPTION, inputs]),
            },
        },
    }


def base_image(build: BuildRecord) -> str:
    """Return the image of the installing container: the base, by digest where that is known."""
    image, digest = build.spec.inputs.base, base_digest(build)
    return image if digest is None else at_digest(image, digest)


def container_images(build: BuildRecord, settings: WorkloadSettings) -> dict[str, str]:
    """Return the image that each container of a build's pod must run."""
    return {name: base_image(build) if name == INSTALL else settings.images.operator for name in CONTAINERS}


def _metadata(build: BuildRecord, name: str) -> dict[str, Any]:
    namespace, build_name = build.key
    return {
        "namespace": namespace,
        "name": name,
        "labels": build_labels(build_name),
        "ownerReferences": [controller_reference(LLAMASTACKBUILDS, build_name, build.uid)],
    }


def _pod(
    build: BuildRecord, access: BuildAccess, inputs: str, settings: WorkloadSettings, told: Sequence[str]
) -> dict[str, Any]:
    ids = {} if settings.run_as is None else dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), settings.run_as)
    platform = build.spec.inputs.platform
    images = container_images(build, settings)
    prepare, index, push = ([*_PROGRAM, program, *told] for program in (PREPARE, INDEX, PUSH))
    if not build.spec.pushes:
        push.append("--no-push")
    work = _work(build)
    pulls = [access.pull_secret_ref or access.push_secret_ref]
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **ids},
        "initContainers": [
            _container(PREPARE, images, prepare, _SMALL, ["tools:rw", "facts:rw", PULL], access, work),
            {
                **_container(INDEX, images, index, _SMALL, [INDEX_LOGIN], access, work),
                # A sidecar (KEP-753): it is there for those that follow and is stopped with the last of them.
                "restartPolicy": "Always",
            },
            {
                **_container(
                    INSTALL, images, [*_INSTALLER, *told], _installing(access), ["tools", "work:rw"], access, work
                ),
                # A tag is looked up anew, or the node might install on another base than the image gets.
                "imagePullPolicy": "IfNotPresent" if base_digest(build) else "Always",
            },
        ],
        "containers": [
            _container(PUSH, images, push, _PUSHING, ["facts", "work", PUSH_LOGIN, PULL], access, work),
        ],
        "volumes": _volumes(access, inputs),
        "imagePullSecrets": [pull.to_wire() for pull in pulls if pull is not None],
    }
    if platform:
        pod["nodeSelector"] = {"kubernetes.io/arch": platform.partition("/")[2]}
    _with_proxies(pod, settings.images)
    return pod


def _installing(access: BuildAccess) -> dict[str, Any]:
    return access.resources.to_wire() if access.resources else _INSTALLING


def _container(
    name: str,
    images: Mapping[str, str],
    command: list[str],
    resources: Mapping[str, Any],
    volumes: Sequence[str],
    access: BuildAccess,
    work: str,
) -> dict[str, Any]:
    mounts: list[dict[str, Any]] = [
        {"name": "inputs", "mountPath": INPUTS, "readOnly": True},
        {"name": f"tmp-{name}", "mountPath": SCRATCH},
    ]
    if access.ca_bundle_ref:
        mounts.append({"name": "ca", "mountPath": AUTHORITIES, "readOnly": True})
    mounts += [_mount(volume, work) for volume in volumes if _has(volume, access)]
    return program_container(name, images[name], command, mounts, resources)


def _work(build: BuildRecord) -> str:
    """Return where a build's volume is mounted: over its own layer, since the base may have others beside it."""
    inputs = build.spec.inputs
    return LAYERS if inputs.earlier_builds else inputs.layer.root


def _mount(volume: str, work: str) -> dict[str, Any]:
    name, _, mode = volume.partition(":")
    places = {"work": work, "tools": TOOLS, "facts": FACTS}
    mount = {"name": name, "mountPath": places.get(name, f"{CREDENTIALS}/{name}")}
    return mount if mode == "rw" else {**mount, "readOnly": True}


def _has(volume: str, access: BuildAccess) -> bool:
    """Tell whether a container's volume exists: credentials are there only where the stack names them."""
    return volume not in (INDEX_LOGIN, PULL, PUSH_LOGIN) or volume in _secrets(access)


def _secrets(access: BuildAccess) -> dict[str, str]:
    named = {
        INDEX_LOGIN: access.index_secret_ref,
        # Who may push may read: the base can be in the same registry.
        PULL: access.pull_secret_ref or access.push_secret_ref,
        PUSH_LOGIN: access.push_secret_ref,
    }
    return {volume: reference.name for volume, reference in named.items() if reference is not None}


def _volumes(access: BuildAccess, inputs: str) -> list[dict[str, Any]]:
    work: dict[str, Any] = {}
    if access.workspace_medium:
        work["medium"] = access.workspace_medium
    if access.workspace_size_limit:
        work["sizeLimit"] = access.workspace_size_limit
    volumes: list[dict[str, Any]] = [
        {"name": "inputs", "configMap": {"name": inputs}},
        {"name": "work", "emptyDir": work},
        *({"name": name, "emptyDir": {}} for name in ("tools", "facts", *(f"tmp-{name}" for name in CONTAINERS))),
    ]
    if access.ca_bundle_ref:
        reference = access.ca_bundle_ref
        items = [{"key": reference.key, "path": AUTHORITIES_FILE}]
        volumes.append({"name": "ca", "configMap": {"name": reference.name, "items": items}})
    for name, secret in _secrets(access).items():
        volumes.append({"name": name, "secret": {"secretName": secret, "defaultMode": 0o440}})
    return volumes


def _with_proxies(pod: dict[str, Any], settings: ImageSettings) -> None:
    for container in (*pod["initContainers"], *pod["containers"]):
        container["env"] += [{"name": name, "value": value} for name, value in settings.proxies]
