"""Why an import failed: a package that is not installed, or a part that an installed one has not.

The second is a mismatch of versions, however alike the messages of Python are: to install the package does nothing,
for it is there. So both sides are named with their versions: who asks, and what is installed.
"""

from __future__ import annotations

import importlib.metadata
import sys
from dataclasses import dataclass
from types import TracebackType

_LLAMA_STACK = ("llama_stack", "llama_stack_api", "ogx", "ogx_api")
_MACHINERY = ("importlib", __name__.partition(".")[0])


@dataclass(frozen=True)
class Lack:
    """What an import lacks.

    Attributes:
        what: the two sides, to stand behind the error in a message; empty where only one is known.
        cure: what to do.
        installed: whether the package is there, and only a part of it is not.
    """

    what: str
    cure: str
    installed: bool


def lack_of(module: str, error: BaseException) -> Lack | None:
    """Return what an import lacked; None for every error that does not say, and for a module's own missing part.

    Args:
        module: the module that was imported; it asks for the missing part unless the traceback knows better.
        error: what was raised.
    """
    if not isinstance(error, ImportError) or not error.name:
        return None
    top = error.name.partition(".")[0]
    asking = _asking(error.__traceback__) or module
    who = _distribution_of(asking)
    teller = f"{asking} of {who}" if who else asking
    if top in sys.stdlib_module_names:
        python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        cure = f"use a version of {_name(who) or asking} that is made for {python}"
        return Lack(f"{teller} asks for it, and {python} has it not", cure, installed=True)
    installed = _distribution_of(error.name, at_least_its_parent=True)
    if top in _LLAMA_STACK:
        what = f"{who} is made" if who else "the package is made"
        cure = f"{what} for another release of Llama Stack" + (f" than {installed}" if installed else "")
        return Lack(f"{teller} asks for it, and {installed} has it not" if installed else "", cure, installed=True)
    if top == module.partition(".")[0]:
        return None
    if installed is None:
        cure = f"the package does not require what it imports: install {top} too (spec.build.pip.requirements)"
        return Lack("", cure, installed=False)
    if installed == who:
        return Lack(f"a part of {installed} itself", f"use another version of {_name(who)}", installed=True)
    cure = f"use versions of {_name(installed)} and of {_name(who) or asking} that go together"
    return Lack(f"{teller} asks for it, and {installed} has it not", cure, installed=True)


def _asking(trace: TracebackType | None) -> str | None:
    """Return the module that the error comes from, if it is none of the machinery's that imports."""
    asking = None
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__")
        if isinstance(name, str) and name.partition(".")[0] not in _MACHINERY:
            asking = name
        trace = trace.tb_next
    return asking


def _distribution_of(module: str, *, at_least_its_parent: bool = False) -> str | None:
    """Return name and version of the installed distribution that has a module.

    Args:
        module: dotted name; it may be one that does not exist.
        at_least_its_parent: whether a package that the module would be in is proof enough. A folder that several
            distributions share is none: what is missing there may be in one that is not installed.
    """
    top = module.partition(".")[0]
    names = importlib.metadata.packages_distributions().get(top, [])
    if len(set(names)) > 1:
        file = _file_of(module, at_least_its_parent)
        names = [name for name in names if file is not None and _has(name, file)]
    return f"{names[0]} {importlib.metadata.version(names[0])}" if names else None


def _file_of(module: str, or_its_parent: bool) -> str | None:
    """Return the file of a module that was imported, or of the nearest package around it that was."""
    while module not in sys.modules and or_its_parent and "." in module:
        module = module.rpartition(".")[0]
    file = getattr(sys.modules.get(module), "__file__", None)
    return file if isinstance(file, str) else None


def _has(distribution: str, file: str) -> bool:
    found = importlib.metadata.distribution(distribution)
    return any(str(found.locate_file(one)) == file for one in found.files or ())


def _name(distribution: str | None) -> str:
    return (distribution or "").partition(" ")[0]
