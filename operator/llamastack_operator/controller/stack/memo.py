"""Remembers what each stack was last planned to be, so that most passes render nothing.

A pass runs for every change of a pod or Deployment, but the wanted objects depend on the spec and its references
alone. As long as those are the same and all children bear the remembered digests, there is nothing to apply; this
turns the commonest pass from a millisecond into a tenth of it, and keeps no rendered object in memory.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from llamastack_operator.objects.child import Key
from llamastack_operator.planning.stack.plan import Plan
from llamastack_operator.planning.stack.programs import serves
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.stopping import read_findings
from llamastack_resolver.findings import Finding

_Place = tuple[str, Key]
"""The kind of an object, its namespace and name."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    inputs: tuple[Any, ...]
    findings: tuple[Finding, ...]
    digests: dict[_Place, tuple[str, str]]


class Memo:
    """The last settled plan of each stack, as digests."""

    def __init__(self) -> None:
        self._plans: dict[Key, _Remembered] = {}

    def recall(self, snapshot: Snapshot) -> tuple[Finding, ...] | None:
        """Return the findings of the last plan if it still holds and all of it is in place, else None."""
        known = self._plans.get(snapshot.stack.key)
        if known is None or known.inputs != _inputs(snapshot):
            return None
        return known.findings if _live(snapshot, known.digests.keys()) == known.digests else None

    def remember(self, snapshot: Snapshot, plan: Plan) -> None:
        """Remember a plan that was carried out in full; the snapshot is the one after it."""
        names = {(item.resource.kind, item.key) for item in plan.desired or ()}
        live = _live(snapshot, names)
        # An object that is yet to go, or that another stack left, wants another look.
        if live.keys() == names:
            self._plans[snapshot.stack.key] = _Remembered(_inputs(snapshot), plan.findings, live)

    def forget(self, key: Key) -> None:
        """Forget a stack."""
        self._plans.pop(key, None)


def _live(snapshot: Snapshot, wanted: Set[_Place]) -> dict[_Place, tuple[str, str]]:
    """Return the digests of a stack's objects: of its own, and of whatever has the name of one that is wanted.

    What only bears its label is nothing to it, or strangers could have every pass render.
    """
    uid = snapshot.stack.uid
    return {
        place: (child.applied, child.owned)
        for child in snapshot.children
        if (place := (child.resource.kind, child.key)) in wanted or child.owner_uid == uid
    }


def _inputs(snapshot: Snapshot) -> tuple[Any, ...]:
    stack, referred = snapshot.stack, snapshot.referred
    return (
        stack.uid,
        stack.generation,
        referred.digest,
        referred.claim_modes,
        referred.findings,
        read_findings(stack, snapshot.facts.reading),
        snapshot.install_findings,
        snapshot.facts.programs,
        snapshot.deployment is not None and serves(snapshot.deployment),
        snapshot.image and (snapshot.image.runtime, snapshot.image.wishes),
    )
