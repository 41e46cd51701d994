"""Exceptions of tenants' code as text: what, and where in their own code.

Their texts are made by that code too: they may be of any length, hold secrets, or fail.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath
from types import FrameType

from llamastack_resolver.watching import redactor, watcher

MOST_CHARACTERS = 400
_OURS = __name__.partition(".")[0]
_DEEPEST = 8
_MOST_FRAMES = 10_000


def describe_error(error: BaseException, module: str | None = None) -> str:
    """Return an exception in one line of bounded length, without secrets.

    Args:
        error: what was raised; of a group, its first cause is named too.
        module: the module that was imported or called: the innermost place in its package is told.
    """
    words, cause = [_in_words(error)], error
    for _ in range(_DEEPEST):
        if not isinstance(cause, BaseExceptionGroup):
            break
        cause = cause.exceptions[0]
        words.append(_in_words(cause))
    where = place_of(cause, module) or place_of(error, module) if module else None
    text = ": ".join(words)
    place = f" ({where})" if where else ""
    return f"{text[: MOST_CHARACTERS - len(place)]}{place}"


def place_of(error: BaseException, module: str | None) -> str | None:
    """Return the innermost place of a module's package that an exception went through, such as
    `greeter/provider.py:12`; None where there is none."""
    package = (module or "").partition(".")[0]
    if isinstance(error, SyntaxError) and error.filename:
        return _place(error.filename, error.lineno or 0, package)
    found = None
    for frame, line in _frames(error):
        name = frame.f_globals.get("__name__")
        if package and isinstance(name, str) and name.partition(".")[0] == package:
            found = _place(frame.f_code.co_filename, line, package)
    return found


def is_ours(error: BaseException) -> bool:
    """Tell whether an exception was raised by the resolver's own code, and not by what it called."""
    name: object = None
    for frame, _ in _frames(error):
        name = frame.f_globals.get("__name__")
    return isinstance(name, str) and name.partition(".")[0] == _OURS


def tell_error(error: BaseException) -> None:
    """Tell whoever watches that tenants' code raised an exception, with its traceback and without secrets."""
    try:
        text = "".join(traceback.format_exception(error))
    except BaseException as another:
        text = f"{type(error).__name__}, whose traceback cannot be had: {type(another).__name__}\n"
    watcher().raised(redactor().both_ends(text))


def _in_words(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException as another:
        return f"{name}, whose text cannot be had: {type(another).__name__}"
    # `str()` takes subclasses of text for what they are.
    text = " ".join(redactor().text(str.__str__(text)).split())
    return f"{name}: {text[:MOST_CHARACTERS]}" if text else name


def _frames(error: BaseException) -> list[tuple[FrameType, int]]:
    frames: list[tuple[FrameType, int]] = []
    trace = error.__traceback__
    while trace is not None and len(frames) < _MOST_FRAMES:
        frames.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return frames


def _place(filename: str, line: int, package: str) -> str:
    """Return a file from its package on, wherever that lies."""
    parts = PurePath(filename).parts
    indices = [index for index, part in enumerate(parts) if part == package]
    return f"{PurePath(*parts[indices[-1] :]) if indices else parts[-1]}:{line}" if parts else f"{package}:{line}"
