"""An answer as JSON: what the process that reads writes, and the operator takes from it, bounded on both sides."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from llamastack_contract.layer import Layer
from llamastack_operator.api.conditions import cut
from llamastack_operator.api.status import FINDINGS_LIMIT
from llamastack_operator.planning.install.install_plan import InstallPlan
from llamastack_operator.planning.install.reasons import InstallReason
from llamastack_operator.planning.install.requirements import Wanted
from llamastack_operator.planning.reading.answer import Answer, Planned
from llamastack_operator.planning.stack.reading import Provider, ProviderState, Reading
from llamastack_operator.planning.vocabulary import RESOLVERS_REASONS
from llamastack_operator.workloads.server_config import ServerConfig, Slot
from llamastack_resolver.findings import Finding, Findings, Reason, Severity
from llamastack_resolver.releases import Release

LONGEST = 1024
"""Most characters of one text of a finding or a provider."""
_TEXTS = ("message", "path", "api", "provider", "hint", "object")
_REASONS: Mapping[str, Reason] = {**RESOLVERS_REASONS, **{reason.value: reason for reason in InstallReason}}


def to_text(answer: Answer) -> str:
    """Return an answer as JSON."""
    planned = answer.planned
    return json.dumps(
        {"reading": _reading_wire(answer.reading), "planned": _planned_wire(planned) if planned is not None else None}
    )


def of_text(text: str | bytes) -> Answer:
    """Return the answer that was written as JSON.

    Raises:
        ValueError: it is none.
    """
    try:
        value = json.loads(text)
        planned = value["planned"]
        return Answer(_reading(value["reading"]), _planned(planned) if planned is not None else None)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an answer: {type(error).__name__}: {error}") from error


def _reading_wire(reading: Reading) -> dict[str, Any]:
    return {
        "digest": reading.digest,
        "release": reading.release,
        "findings": [_finding_wire(finding) for finding in reading.findings],
        "omitted": reading.omitted,
        "providers": [asdict(provider) for provider in reading.providers],
        "complete": reading.complete,
        "reported": reading.reported,
    }


def _reading(value: Mapping[str, Any]) -> Reading:
    return Reading(
        digest=value["digest"],
        release=value["release"],
        findings=tuple(map(_finding, value["findings"])),
        omitted=value["omitted"],
        providers=tuple(_provider(entry) for entry in value["providers"]),
        complete=value["complete"],
        reported=value["reported"],
    )


def _planned_wire(planned: Planned) -> dict[str, Any]:
    install = planned.install
    return {
        "install": _install_wire(install) if install is not None else None,
        "completed": _config_wire(planned.completed),
        "renamed": _config_wire(planned.renamed),
    }


def _planned(value: Mapping[str, Any]) -> Planned:
    install = value["install"]
    return Planned(
        install=_install(install) if install is not None else None,
        completed=_config(value["completed"]),
        renamed=_config(value["renamed"]),
    )


def _install_wire(plan: InstallPlan) -> dict[str, Any]:
    return {
        "image": plan.image,
        "release": str(plan.release) if plan.release else None,
        "layers": [layer.to_dict() for layer in plan.layers],
        "findings": [_finding_wire(finding) for finding in _first(plan.findings)],
        "least": [layer.to_dict() for layer in plan.least] if plan.least is not None else None,
        "asked": [[one.text, one.path] for one in plan.asked],
    }


def _first(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return as many findings as are ever shown, and how many more there were."""
    if len(findings) <= FINDINGS_LIMIT:
        return findings
    more = Findings()
    kept = findings[: FINDINGS_LIMIT - 1]
    message = f"{len(findings) - len(kept)} more mistakes were found in what is to be installed"
    more.error(InstallReason.LIMIT_EXCEEDED, message, "spec", hint="correct the ones that are told first")
    return (*kept, *more)


def _install(value: Mapping[str, Any]) -> InstallPlan:
    least = value["least"]
    return InstallPlan(
        image=value["image"],
        release=Release.parse(value["release"]) if value["release"] else None,
        layers=tuple(map(Layer.from_dict, value["layers"])),
        findings=tuple(map(_finding, value["findings"])),
        least=tuple(map(Layer.from_dict, least)) if least is not None else None,
        asked=tuple(Wanted(text, path) for text, path in value["asked"]),
    )


def _config_wire(config: ServerConfig | None) -> dict[str, Any] | None:
    if config is None:
        return None
    return {
        "packed": base64.b64encode(config.packed).decode("ascii"),
        "slots": [[slot.offset, slot.module] for slot in config.slots],
        "json": config.is_json,
    }


def _config(value: Mapping[str, Any] | None) -> ServerConfig | None:
    if value is None:
        return None
    slots = tuple(Slot(offset, module) for offset, module in value["slots"])
    return ServerConfig(base64.b64decode(value["packed"]), slots, value["json"])


def _finding_wire(finding: Finding) -> dict[str, Any]:
    data = finding.to_dict()
    return {key: cut(value, LONGEST) if key in _TEXTS else value for key, value in data.items()}


def _finding(value: Mapping[str, Any]) -> Finding:
    rest = {key: text for key, text in value.items() if key in _TEXTS}
    return Finding(Severity(value["severity"]), _REASONS[value["reason"]], **rest)


def _provider(value: Mapping[str, Any]) -> Provider:
    return Provider(**{**value, "state": ProviderState(value["state"]), "message": cut(value["message"], LONGEST)})
