"""The parts of a server's pod that install its packages at start (strategy Start).

`fetch` alone holds the index's credentials and runs no package's code; `install` runs offline in the stack's own
image, from files whose hashes were checked. What both are to install stands in a ConfigMap, where whoever may write
ConfigMaps could name files of his own: they are told its digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llamastack_contract.build_json import DIGEST_OPTION
from llamastack_contract.paths import (
    AUTHORITIES,
    AUTHORITIES_FILE,
    BUILD_FILE,
    CREDENTIALS,
    FETCH,
    INDEX_LOGIN,
    INPUTS,
    INSTALL,
    INSTALLER_FILE,
    LAYERS,
    SCRATCH,
    TOOLS,
    WHEELS,
)
from llamastack_operator.workloads.program import program_container
from llamastack_operator.workloads.runtime import Runtime, StartInstall
from llamastack_operator.workloads.settings import ImageSettings

_FETCHER, _INSTALLER = f"llamastack-{FETCH}", f"llamastack-{INSTALL}"
_CACHE = ".llamastack/wheels"
# What python images have; pods name their PATH whole, since Kubernetes cannot put something before an image's.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SMALL = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}


def init_containers(
    runtime: Runtime, install: StartInstall, state_path: str, cached: bool, settings: ImageSettings
) -> list[dict[str, Any]]:
    """Return the init containers.

    Args:
        runtime: what the pods run.
        install: what they install.
        state_path: where the state volume is mounted.
        cached: whether the state volume outlives the pod, so that files are kept there.
        settings: the operator's settings.
    """
    cache = ["--cache", f"{state_path}/{_CACHE}"] if cached else []
    fetch_mounts = [
        _mount("llamastack-wheels", WHEELS, read_only=False),
        _mount("llamastack-tools", TOOLS, read_only=False),
    ]
    if cached:
        fetch_mounts.append(_mount("llamastack-state", state_path, read_only=False))
    if install.settings.pip and install.settings.pip.secret_ref:
        fetch_mounts.append(_mount("llamastack-index", f"{CREDENTIALS}/{INDEX_LOGIN}"))
    told = [] if install.digest is None else [DIGEST_OPTION, install.digest]
    program = ["python3", "-m", "llamastack_operator.images", FETCH, "--tools", TOOLS, *cache, *told]
    installer = ["python3", f"{TOOLS}/{INSTALLER_FILE}", f"{INPUTS}/{BUILD_FILE}", "--wheels", WHEELS, *told]
    install_mounts = [
        _mount("llamastack-wheels", WHEELS),
        _mount("llamastack-tools", TOOLS),
        _mount("llamastack-packages", LAYERS, read_only=False),
    ]
    resources = install.settings.resources
    return [
        _container(_FETCHER, install.operator, program, fetch_mounts, install, _SMALL, settings.proxies),
        _container(
            _INSTALLER,
            runtime.image,
            installer,
            install_mounts,
            install,
            resources.to_wire() if resources else {"requests": {"cpu": "100m", "memory": "128Mi"}},
            (),
        ),
    ]


def volumes(install: StartInstall) -> list[dict[str, Any]]:
    """Return the volumes of the init containers and of what they install."""
    found: list[dict[str, Any]] = [
        {"name": "llamastack-inputs", "configMap": {"name": install.lock}},
        *(
            {"name": f"llamastack-{name}", "emptyDir": {}}
            for name in ("wheels", "tools", "packages", "tmp-fetch", "tmp-install")
        ),
    ]
    if install.ca_bundle is not None:
        items = [{"key": install.ca_bundle.key, "path": AUTHORITIES_FILE}]
        found.append({"name": "llamastack-ca", "configMap": {"name": install.ca_bundle.name, "items": items}})
    if install.settings.pip and install.settings.pip.secret_ref:
        name = install.settings.pip.secret_ref.name
        found.append({"name": "llamastack-index", "secret": {"secretName": name, "defaultMode": 0o440}})
    return found


def packages_mount() -> dict[str, Any]:
    """Return the server's mount of what was installed."""
    return _mount("llamastack-packages", LAYERS)


def environment(install: StartInstall, chosen: str | None) -> dict[str, str]:
    """Return the server's variables by which it finds what was installed.

    Args:
        install: what was installed.
        chosen: a PYTHONPATH that the stack itself sets.
    """
    found = {"PYTHONPATH": ":".join([*install.packages, *([chosen] if chosen else [])])} if install.packages else {}
    if install.programs:
        found["PATH"] = ":".join([*install.programs, _PATH])
    return found


def _container(
    name: str,
    image: str,
    command: list[str],
    mounts: list[dict[str, Any]],
    install: StartInstall,
    resources: dict[str, Any],
    env: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    tmp = f"llamastack-tmp-{name.removeprefix('llamastack-')}"
    common = [
        _mount("llamastack-inputs", INPUTS),
        _mount(tmp, SCRATCH, read_only=False),
    ]
    if install.ca_bundle is not None:
        common.append(_mount("llamastack-ca", AUTHORITIES))
    return program_container(name, image, command, [*common, *mounts], resources, env)


def _mount(name: str, path: str, read_only: bool = True) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": name, "mountPath": path}
    return {**mount, "readOnly": True} if read_only else mount
