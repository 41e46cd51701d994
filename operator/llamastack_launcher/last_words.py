"""What a server that failed leaves in the container's termination message: how it ended, and its last lines.

Imported only then. Secrets are blotted out before anything is cut; where that is not possible no line is told.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from llamastack_contract.limits import MESSAGE_BYTES, TAIL_CHARACTERS
from llamastack_contract.message import one_line
from llamastack_launcher.options import Options


def leave(options: Options, how: str, text: str, variables: Mapping[str, str] = os.environ) -> None:
    """Write the termination message; a place that cannot be written to is no second failure.

    Args:
        options: where to, and what is secret.
        how: how the server ended.
        text: what it printed last.
        variables: all that it saw.
    """
    if options.termination_log is None:
        return
    with suppress(OSError):
        Path(options.termination_log).write_bytes(message(how, redacted(text, options, variables)).encode())


def redacted(text: str, options: Options, variables: Mapping[str, str]) -> str:
    """Return a text without the secrets of the server's variables and of its run config; nothing of it where they
    cannot be told."""
    try:
        from llamastack_resolver.config.secret_values import SecretVariables, secret_values
        from llamastack_resolver.redact import Redactor
        from llamastack_resolver.yaml_io import read_value

        known = SecretVariables(frozenset(options.secrets), frozenset(options.public), options.others_secret)
        path = Path(options.config)
        config = read_value(path.read_bytes())[0] if path.exists() else None
        cleaned = Redactor([*known.values(variables), *secret_values(config, variables)]).both_ends(text)
    except Exception:  # of whatever kind: it must not cost a secret
        return ""
    return cleaned


def message(how: str, text: str) -> str:
    """Return at most `MESSAGE_BYTES` bytes: how it ended, then the last lines, the newest last and kept longest."""
    head = one_line(how, TAIL_CHARACTERS)
    room = MESSAGE_BYTES - len(head.encode())
    kept: list[str] = []
    for line in reversed(text.splitlines()):
        plain = one_line(line, TAIL_CHARACTERS)
        if not any(character.isalnum() for character in plain):  # such as the marks below a traceback's lines
            continue
        room -= len(plain.encode()) + 1
        if room < 0:
            break
        kept.append(plain)
    return "\n".join([head, *reversed(kept)])
