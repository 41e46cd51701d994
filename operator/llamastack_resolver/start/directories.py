"""The external directories of a run config as its server finds them: it runs where the check does, as the same user.

Elsewhere a directory that cannot be read is one of another machine. Here nobody else will read it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llamastack_resolver.behaviour import NEWEST, Behaviour
from llamastack_resolver.config.env import Environment, substitute
from llamastack_resolver.providers.external_dirs import read_directory
from llamastack_resolver.resolution import ExternalFiles


def files_of_server(raw: Any, variables: Mapping[str, str]) -> ExternalFiles:
    """Read the directories that a run config names.

    Args:
        raw: the run config as written.
        variables: the server's.
    """
    directories = {key: _named(raw, key, variables) for key in ("external_providers_dir", "external_apis_dir")}
    found = {key: read_directory(name) or {} if name else {} for key, name in directories.items()}
    states = {key: _state(Path(name).expanduser()) for key, name in directories.items() if name}
    providers = directories["external_providers_dir"]
    return ExternalFiles(
        found["external_providers_dir"],
        found["external_apis_dir"],
        absent=tuple(key for key, state in states.items() if state == "absent"),
        closed=tuple(key for key, state in states.items() if state == "closed"),
        plain=tuple(key for key, state in states.items() if state == "plain"),
        read_only=bool(providers) and not _can_be_made(Path(providers).expanduser()),
        at_server=True,
    )


def _named(raw: Any, key: str, variables: Mapping[str, str]) -> str:
    name = raw.get(key) if isinstance(raw, dict) else None
    value = substitute(name, Environment(variables), Behaviour.of(NEWEST)).value
    return value if isinstance(value, str) else ""


def _state(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except PermissionError:
        return "closed"
    except (OSError, ValueError):
        return "absent"
    return "directory" if stat.S_ISDIR(mode) else "plain"


def _can_be_made(path: Path) -> bool:
    """Whether this user can make a directory that is not there: a link to nothing stays one."""
    if os.path.lexists(path):
        return False
    above = next((parent for parent in path.absolute().parents if os.path.lexists(parent)), Path("/"))
    return above.is_dir() and os.access(above, os.W_OK | os.X_OK)
