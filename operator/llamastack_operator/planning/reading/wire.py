"""A reading as JSON: what the process that reads writes, and the operator takes from it, bounded on both sides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from llamastack_operator.api.conditions import cut
from llamastack_operator.planning.stack.reading import Provider, ProviderState, Reading
from llamastack_resolver.findings import Finding, Reason, Severity
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.reasons import ConfigReason, ProtocolReason
from llamastack_resolver.start_plan.reasons import StartPlanReason

LONGEST = 1024
"""Most characters of one text of a reading."""
_TEXTS = ("message", "path", "api", "provider", "hint", "object")
_REASONS: Mapping[str, Reason] = {
    reason.value: reason
    for room in (ConfigReason, ProtocolReason, ProviderReason, ModuleReason, StartPlanReason)
    for reason in room
}


def to_text(reading: Reading) -> str:
    """Return a reading as JSON."""
    return json.dumps(
        {
            "digest": reading.digest,
            "release": reading.release,
            "findings": [_finding_wire(finding) for finding in reading.findings],
            "omitted": reading.omitted,
            "providers": [asdict(provider) for provider in reading.providers],
            "complete": reading.complete,
        }
    )


def of_text(text: str | bytes) -> Reading:
    """Return the reading that was written as JSON.

    Raises:
        ValueError: it is none.
    """
    try:
        value = json.loads(text)
        return Reading(
            digest=value["digest"],
            release=value["release"],
            findings=tuple(map(_finding, value["findings"])),
            omitted=value["omitted"],
            providers=tuple(_provider(entry) for entry in value["providers"]),
            complete=value["complete"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a reading: {type(error).__name__}: {error}") from error


def _finding_wire(finding: Finding) -> dict[str, Any]:
    data = finding.to_dict()
    return {key: cut(value, LONGEST) if key in _TEXTS else value for key, value in data.items()}


def _finding(value: Mapping[str, Any]) -> Finding:
    rest = {key: text for key, text in value.items() if key in _TEXTS}
    return Finding(Severity(value["severity"]), _REASONS[value["reason"]], **rest)


def _provider(value: Mapping[str, Any]) -> Provider:
    return Provider(**{**value, "state": ProviderState(value["state"]), "message": cut(value["message"], LONGEST)})
