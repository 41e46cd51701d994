"""Lines of a container's log that tell how far a build is."""

from __future__ import annotations

import re

_PREFIX = "progress: "
_PLAIN = re.compile(rf"^{_PREFIX}((?:[a-z]{{1,20}} ?){{1,4}}(?:\d{{1,6}} of \d{{1,6}})?)$", re.MULTILINE)


def progress_line(what: str) -> str:
    """Return the line to print, such as `progress: installing 3 of 17`."""
    return f"{_PREFIX}{what}"


def progress_in(line: str) -> str | None:
    """Return what a line tells, or None for any other line."""
    return line.removeprefix(_PREFIX).strip() if line.startswith(_PREFIX) else None


def newest_progress(log: str) -> str:
    """Return what was told last in a log that a stranger may have written, or nothing; plain words and numbers only."""
    found = _PLAIN.findall(log)
    return found[-1].strip() if found else ""
