"""What tests make once and keep outside the repository: each thing in a folder named after all that it is made of.

A folder is made under another name and renamed when it is complete, and only one process makes it, so that whoever
finds it can use it. A changed ingredient is another folder: nothing depends on which test came first.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_directory(kind: str) -> Path:
    """Folder of the user's cache for one kind of artefact (``bin``, ``images``), made when missing."""
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(os.environ.get("LLAMASTACK_CACHE") or user_cache / "llamastack-operator")
    folder = root / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path``, so that two test runs do not build the same thing at once."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def digest(*ingredients: str | bytes) -> str:
    """Return 16 hexadecimal digits that stand for these ingredients, in this order."""
    found = hashlib.sha256()
    for ingredient in ingredients:
        content = ingredient.encode() if isinstance(ingredient, str) else ingredient
        # The length keeps two ingredients apart from one that is both.
        found.update(b"%d:" % len(content) + content)
    return found.hexdigest()[:16]


def kept(kind: str, label: str, ingredients: tuple[str | bytes, ...], make: Callable[[Path], None]) -> Path:
    """Return the folder of the cache that has been made of the ingredients; make it where there is none.

    Args:
        kind: kind of artefact, as in ``cache_directory``.
        label: what people call it; the folder's name begins with it.
        ingredients: all that the content depends on.
        make: fills an empty folder, which is then moved to its place: what it writes must not hold that path.
    """
    cache = cache_directory(kind)
    folder = cache / f"{label}-{digest(*ingredients)}"
    if folder.is_dir():
        return folder
    with locked(cache / f"{label}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix="draft-") as scratch:
                draft = Path(scratch) / label
                draft.mkdir()
                make(draft)
                draft.rename(folder)
    return folder
