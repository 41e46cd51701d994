"""Tells which wheels can never fit an interpreter, by their names alone (PEP 425).

A project that is built for every Python and system has thousands of files, and pip reads each of them, twice in a
build. Those left out are only ones that pip would refuse; whatever is in doubt stays.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable

# Machines of Linux wheels, and which of them may run on which other: the narrower ones, as a 32-bit Python.
_MACHINES = ("x86_64", "i686", "aarch64", "armv7l", "armv6l", "ppc64le", "ppc64", "s390x", "riscv64", "loongarch64")
_NARROWER = {"x86_64": ("i686",), "aarch64": ("armv7l", "armv6l")}
_ELSEWHERE = ("win", "macosx_", "ios_", "android_", "pyodide_", "emscripten_", "wasi_")
_CPYTHON = re.compile(r"cp(\d{2,})")
_OTHERS = re.compile(r"(pp|graalpy|ip|jy)\d")


def fitting(python: str, machine: str | None = None) -> Callable[[str], bool]:
    """Return a test of files' names: False for a wheel that cannot be installed.

    Args:
        python: major and minor version of a CPython on Linux without the dot, for example `312`.
        machine: its machine, as the kernel names it; default: this one's.
    """
    own = machine or platform.machine()
    foreign = tuple(f"_{name}" for name in _MACHINES if name != own and name not in _NARROWER.get(own, ()))
    if own not in _MACHINES:
        foreign = ()

    def fits(filename: str) -> bool:
        parts = filename.removesuffix(".whl").split("-")
        if not filename.endswith(".whl") or len(parts) < 5:
            return True
        pythons, abis, platforms = (part.split(".") for part in parts[-3:])
        if all(name.startswith(_ELSEWHERE) or name.endswith(foreign) for name in platforms):
            return False
        return "abi3" in abis or any(_python_fits(tag, python) for tag in pythons)

    return fits


def _python_fits(tag: str, python: str) -> bool:
    if _OTHERS.match(tag):
        return False
    match = _CPYTHON.fullmatch(tag)
    return match is None or match[1] == python
