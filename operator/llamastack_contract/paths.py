"""Where things lie in the pods that build, install and serve: what one container writes another one reads.

The same paths hold at build and at run time, so that console scripts and shebangs fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

LayerKind = Literal["stack", "modules"]

PLACE = "/llamastack"
"""Beneath it lies what the programs of a build hand on."""
LAYERS = "/opt/llamastack"
"""Beneath it lie the layers."""
ROOTS: Mapping[LayerKind, str] = {"stack": f"{LAYERS}/stack", "modules": f"{LAYERS}/modules"}
"""Where a layer of each kind lives."""

INPUTS = f"{PLACE}/inputs"
FACTS = f"{PLACE}/facts"
TOOLS = f"{PLACE}/tools"
WHEELS = f"{PLACE}/wheels"
CREDENTIALS = f"{PLACE}/credentials"
AUTHORITIES = f"{PLACE}/ca"
TERMINATION_LOG = "/dev/termination-log"
SCRATCH = "/tmp"  # noqa: S108 - a volume of the pod

BUILD_FILE = "build.json"
"""What a build is about; also the key of the ConfigMap that has it."""
BASE_FILE = "base.json"
"""What `prepare` found out of the base, for `push`."""
RECORD_FILE = "llamastack.json"
"""The record, in the root of a layer."""
INSTALLER_FILE = "install.pyz"
AUTHORITIES_FILE = "ca.crt"

START = f"{PLACE}/start"
"""Where pods of a stack have the program that checks and runs their server."""
START_FILE = "start.pyz"
"""That program; also the key of the ConfigMap that has it."""
BYTECODE = f"{PLACE}/bytecode"
"""Where check and server of one pod share compiled modules, if their image has none."""
PROVEN = f"{PLACE}/proven"
"""A folder in which `PROVEN_FILE` is there once pods of a revision were ready."""
PROVEN_FILE = "ready"
CHECK: Final = "llamastack-resolver"
"""The container of a stack's pod that runs the start check."""

# Folders of credentials, and the volumes that hold them.
PULL, PUSH_LOGIN, INDEX_LOGIN = "pull", "push", "index"

# Programs of a build; its pod's containers are called after them.
PREPARE: Final = "prepare"
INDEX: Final = "index"
INSTALL: Final = "install"
PUSH: Final = "push"
FETCH: Final = "fetch"

# Where `index` listens, for `install` beside it.
INDEX_HOST, INDEX_PORT = "127.0.0.1", 8780


def packages_of(python: str) -> str:
    """Return the folder of packages within a layer's root.

    Args:
        python: major and minor version of the interpreter, such as `3.13`.
    """
    return f"lib/python{python}/site-packages"
