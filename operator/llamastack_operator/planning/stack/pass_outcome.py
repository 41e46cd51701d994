"""What a pass has to report beside what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamastack_operator.api.conditions import with_rest
from llamastack_operator.api.status import Health, ProviderName
from llamastack_operator.planning.stack.preflight import Preflight
from llamastack_resolver.findings import Finding


@dataclass(frozen=True, slots=True)
class PassOutcome:
    """What a pass has to report beside the snapshot.

    Attributes:
        findings: from planning and from applying.
        applied: whether every wanted object is in place.
        asked: whether the running server was asked for its version in this pass.
        release: what it answered.
        health: what it said last of its providers; None where it is yet to be asked, so that what is known stays.
        preflight: how the preflight of the wanted revision stands; None where there is none.
    """

    findings: Sequence[Finding] = ()
    applied: bool = True
    asked: bool = False
    release: str | None = None
    health: Mapping[ProviderName, Health] | None = None
    preflight: Preflight | None = None

    @property
    def held(self) -> Preflight | None:
        """The preflight for which the roll-out waits; None where it does not."""
        return self.preflight if self.preflight is not None and self.preflight.holds else None


def summary(findings: Sequence[Finding]) -> str:
    """Return the first of some findings, and how many there are beside it."""
    first, rest = findings[0].message, rest_of(findings)
    return with_rest(first, rest) if rest else first


def rest_of(findings: Sequence[Finding]) -> str:
    """Return how many findings there are beside the first; empty where there are none."""
    return "" if len(findings) == 1 else f" (and {len(findings) - 1} more in status.findings)"
