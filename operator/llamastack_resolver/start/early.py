"""What is said where the check cannot be made at all: the interpreter may be too old for everything else here.

So this is written for every Python since 3.7, and stands alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TextIO

VERSION = 1


def give_up(arguments: Sequence[str], message: str) -> None:
    """Report that the check could not be made, wherever the options say; nothing here fails.

    Args:
        arguments: the options as given; they may be wrong.
        message: why.
    """
    # The operator reads it as `llamastack_contract.start_report` has it.
    line = json.dumps([VERSION, "CheckFailed", "", [0, 0, 0, 0], True, message[:500]])
    report = {"verdict": "CheckFailed", "message": message, "stackVersion": "", "order": []}
    report.update({"findings": [], "providers": []})
    text = json.dumps(report, indent=2) + "\n"
    log, out = _value(arguments, "--termination-log"), _value(arguments, "--report")
    if log:
        _write(log, line)
    if not out or not _write(out, text):
        _print(sys.stdout, text)
    _print(sys.stderr, f"start-check: {message}\n")


def python_is_too_old() -> str:
    """Return why this interpreter cannot make the check."""
    return "the check needs Python 3.12 or newer, and this is " + ".".join(str(part) for part in sys.version_info[:3])


def _value(arguments: Sequence[str], name: str) -> str | None:
    for index, argument in enumerate(arguments):
        if argument == name:
            return arguments[index + 1] if index + 1 < len(arguments) else None
        if argument.startswith(name + "="):
            return argument[len(name) + 1 :]
    return None


def _write(path: str, text: str) -> bool:
    try:
        with open(path, "w") as file:  # noqa: PTH123
            file.write(text)
    except (OSError, ValueError):
        return False
    return True


def _print(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except Exception:  # noqa: S110 - there is nobody left to tell
        pass
