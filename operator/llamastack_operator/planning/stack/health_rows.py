"""What a running server says of its providers' health, put beside what is known of them. Nothing else follows from it.

It is told of the inputs alone with which the server runs. What a status has stays until the server says otherwise, so
that a restarted operator has nothing to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llamastack_operator.api.status import Health, ProviderName
from llamastack_operator.planning.stack.snapshot import Snapshot


def with_health(
    rows: Sequence[dict[str, Any]], snapshot: Snapshot, told: Mapping[ProviderName, Health] | None
) -> list[dict[str, Any]]:
    """Return the rows of providers with the health of each, where its server tells it.

    Args:
        rows: the rows, in wire form.
        snapshot: the stack and its objects.
        told: what its server said last; None where it is yet to be asked.
    """
    status, digest = snapshot.stack.status, snapshot.facts.reading.digest
    if not digest or status.get("servedInputs") != digest:
        return list(rows)
    health = _kept(status) if told is None else told
    return [_with(row, health.get((row["api"], row["id"]))) for row in rows]


def _with(row: dict[str, Any], health: Health | None) -> dict[str, Any]:
    return row if health is None else {**row, "health": health}


def _kept(status: Mapping[str, Any]) -> dict[ProviderName, Health]:
    """Return what a status has of providers' health, which a stranger may have written."""
    kept: dict[ProviderName, Health] = {}
    rows = status.get("providers")
    for row in rows if isinstance(rows, list) else ():
        match row:
            case {"api": str(api), "id": str(name), "health": "OK" | "Error" as health}:
                kept[api, name] = health
    return kept
