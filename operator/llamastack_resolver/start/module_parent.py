"""The check of a module for its author, as it is asked for: whatever the module does, there is an answer in time.

It stands beside `parent`, which answers to a pod: the process that is watched, its deadline and what its end says are
the same. A check that cannot be made is told as such here: nothing waits behind it that has to start all the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llamastack_resolver.start.process import watch
from llamastack_resolver.start.summary import add_ending, in_order, states_of
from llamastack_resolver.start.told import Told

DEADLINE = 60.0
"""Seconds for a check, if nothing else is said."""
NOT_INSTALLED = ("ModuleNotFound", "module")
"""Reason and path of the finding that there is no such module here."""
_LOG = 2
_CHECK = "llamastack_resolver.start.module_child"


@dataclass(frozen=True)
class ModuleReport:
    """What a check of a module found.

    Attributes:
        stack_version: the installed release; empty where none was found.
        module: as it was asked for.
        version: of the distribution that brings it, where that is known.
        providers: the state of each provider.
        findings: errors first.
        failed: why the check could not be made, or not to its end.
    """

    stack_version: str
    module: str
    version: str | None
    providers: tuple[Mapping[str, str], ...]
    findings: tuple[Mapping[str, Any], ...]
    failed: str | None

    @property
    def has_errors(self) -> bool:
        """Whether the module is no good for this release."""
        return any(one["severity"] == "error" for one in self.findings)

    @property
    def is_installed(self) -> bool:
        """Whether there is such a module here."""
        return all((one["reason"], one["path"]) != NOT_INSTALLED for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape."""
        return {
            "stackVersion": self.stack_version,
            "module": self.module,
            "version": self.version,
            **({"message": self.failed} if self.failed is not None else {}),
            "providers": [dict(one) for one in self.providers],
            "findings": [dict(one) for one in self.findings],
        }


def check_in_process(
    module: str, provider_type: str | None = None, config: Path | None = None, deadline: float = DEADLINE
) -> ModuleReport:
    """Check an installed module against the installed release, in a process of its own.

    What the module prints goes to standard error, as do the tracebacks of what it raises.

    Args:
        module: as a run config names it in `module:`.
        provider_type: the only one of its types that is looked at, or `api/type`; default: all.
        config: a file with the `config` of a provider, which is then started.
        deadline: seconds for all.
    """
    begun, told = time.monotonic(), Told()
    with TemporaryDirectory(prefix="check-provider-", ignore_cleanup_errors=True) as scratch:
        options = [module, provider_type or "", str(config or ""), scratch]
        ending, relay = watch(options, os.environ, begun + deadline, told, _LOG, _CHECK)
        relay.finish(1.0)
    add_ending(told, ending, deadline)
    return ModuleReport(
        told.release,
        module,
        _version_of(module),
        _providers(told),
        tuple(in_order(told.findings)),
        told.failed,
    )


def _providers(told: Told) -> tuple[dict[str, str], ...]:
    """Return the state of each provider once: one that is started was planned to be looked at before."""
    states = {(str(one.get("api")), str(one.get("type"))): one for one in states_of(told)}
    keys = ("api", "type", "state", "message")
    return tuple({key: str(one[key]) for key in keys if one.get(key)} for one in states.values())


def _version_of(module: str) -> str | None:
    from llamastack_resolver.installed.modules import distribution_of
    from llamastack_resolver.providers.requirements import RequirementError, parse_module

    try:
        requirement = parse_module(module)
    except RequirementError:
        return None
    return distribution_of(requirement, requirement.name)[1]
