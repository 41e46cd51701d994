"""A pod's cache for bytecode, where the image has none of its release.

Images often come without bytecode and their root is read-only, so each start compiles the whole release again. With
PYTHONPYCACHEPREFIX, though, Python ignores all bytecode that an image has: whether it helps can be told only here,
beside the packages. The launcher asks before it does anything else, so that this imports next to nothing.
"""

from __future__ import annotations

import importlib.util
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "PYTHONPYCACHEPREFIX"
DONT_WRITE = "PYTHONDONTWRITEBYTECODE"
_PACKAGES = ("ogx", "llama_stack")
# What only a server imports: tools that ran while an image was made have compiled the package's top at most.
_SERVERS = (("core", "server", "server.py"), ("distribution", "server", "server.py"))


def environment_of(environ: Mapping[str, str], cache: str | None) -> dict[str, str]:
    """Return the variables for a child that imports the release.

    They are those of `environ` but where the image has no bytecode of its release: then bytecode is kept in the cache.
    Who has set PYTHONPYCACHEPREFIX, to nothing too, has decided already.

    Args:
        environ: the variables of this process.
        cache: a folder that belongs to this pod alone and goes with it: layers have files of one age, so that the
            bytecode of an older file would pass for that of a newer one. None, or one that cannot be written to, for
            no cache.
    """
    variables = dict(environ)
    if cache is None or PREFIX in variables or not (os.path.isdir(cache) and os.access(cache, os.W_OK | os.X_OK)):  # noqa: PTH112
        return variables
    source = _source()
    if source is not None and not _is_compiled(source):
        variables.update({PREFIX: cache, DONT_WRITE: ""})
    return variables


def _source() -> str | None:
    """Return a file that a server of the installed release imports; None where there is no release."""
    for package in _PACKAGES:
        try:
            spec = importlib.util.find_spec(package)
        except Exception:  # noqa: S112 - a finder of the image's own may raise anything
            continue
        if spec is None or spec.origin is None or not spec.has_location:
            continue
        folder = os.path.dirname(spec.origin)  # noqa: PTH120
        files = [os.path.join(folder, *parts) for parts in _SERVERS]  # noqa: PTH118
        return next((file for file in files if os.path.exists(file)), spec.origin)  # noqa: PTH110
    return None


def _is_compiled(source: str) -> bool:
    """Whether this Python would take the bytecode that lies beside a source; none is needed where that is bytecode."""
    if not source.endswith(".py"):
        return True
    try:
        with open(importlib.util.cache_from_source(source), "rb") as stream:  # noqa: PTH123
            header = stream.read(16)
        found = os.stat(source)  # noqa: PTH116
    except (OSError, NotImplementedError):
        return False
    magic, flags, made_of = header[:4], header[4:8], header[8:]
    if magic != importlib.util.MAGIC_NUMBER or len(made_of) != 8:
        return False
    # Other flags say that it is compared by a hash of the source, or not at all (PEP 552).
    age = (int(found.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little") + (found.st_size & 0xFFFFFFFF).to_bytes(4, "little")
    return any(flags) or made_of == age
