"""The command that starts the server: by the release where it is told, else by the one that is installed here.

The rules are the resolver's `START_RULES`: they are written into the zipapp as a module of its own, without what it
takes to import the resolver. This file must be readable by Python 3.6.
"""

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    Rule = tuple[str, tuple[int, int, int], tuple[str, ...]]

NOTHING_FOUND = (
    "no llama-stack >= 0.2.12 and no ogx >= 0.8 in this image: use another, or set spec.distribution.release"
)


class NoReleaseError(LookupError):
    """There is no release that can be started."""


def rules() -> "tuple[Rule, ...]":
    """Return package, first version and command of each range of releases, as the zipapp has them."""
    return tuple(import_module("llamastack_launcher.rules").RULES)


def command_of(release: "tuple[str, str] | None", config: str, port: int) -> "list[str]":
    """Return program and arguments.

    `python3` becomes the Python that runs this: the release was found there, and PATH may have another one.

    Args:
        release: package and version; None to look it up among what is installed.
        config: path of the run config.
        port: the TCP port to serve on.

    Raises:
        NoReleaseError: no release that can be started is here, or the one that was told is too old.
    """
    versions = dict([release]) if release else {}  # type: dict[str, str | None]
    for package, since, argv in rules():
        if release is None and package not in versions:
            versions[package] = _installed(package)
        version = versions.get(package)
        if version is None or number_of(version) < since:
            continue
        command = [part.format(config=config, port=port) for part in argv]
        return [sys.executable or command[0], *command[1:]] if command[0] == "python3" else command
    raise NoReleaseError(NOTHING_FOUND)


def number_of(version: str) -> "tuple[int, ...]":
    """Return the first three numbers of a version; what it does not say is 0."""
    numbers, digits = [], ""
    for character in version + ".":
        if character in "0123456789":
            digits += character
        elif digits:
            numbers.append(int(digits))
            digits = ""
    return tuple([*numbers, 0, 0, 0][:3])


def _installed(package: str) -> "str | None":
    try:
        from importlib.metadata import PackageNotFoundError, version
    except ImportError:  # before Python 3.8, on which no release runs
        return None
    try:
        return version(package)
    except PackageNotFoundError:
        return None
