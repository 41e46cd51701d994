"""What an operator asked of an API server, read from the audit log: held to the table of its rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llamastack_operator.kube.rights import Use, granted, requested

AGENTS = ("llamastack-operator", "kopf")
"""How the operator's programs call themselves; tests borrow its account for requests of their own."""


@dataclass
class UsedRights:
    """The rights that the operators of a test run asked for.

    Attributes:
        asked: all of them; whether they had them is another question.
    """

    asked: set[Use] = field(default_factory=set)

    def add(self, audit_log: Path, account: str) -> None:
        """Read what an operator asked for.

        Args:
            audit_log: the log; the API server puts earlier parts of it beside it.
            account: the user that the operator is, such as `system:serviceaccount:operator:llamastack-operator`.
        """
        for part in audit_log.parent.glob(f"{audit_log.stem}*{audit_log.suffix}"):
            for entry in _entries(part, account):
                self.asked |= _uses(entry)

    def check(self, *, whole: bool) -> None:
        """Compare with the table.

        Args:
            whole: whether all tests ran that show rights in use, so that none may be left unused.
        """
        beyond = sorted(self.asked - granted())
        assert beyond == [], f"asked for, and not in kube/rights.py: {beyond}"
        if whole:
            unused = sorted(requested() - self.asked)
            assert unused == [], f"in kube/rights.py, and asked for by no test: {unused}"


def _entries(log: Path, account: str) -> Iterator[dict[str, Any]]:
    """Yield the requests of an account from a log that is still written to."""
    with log.open("rb") as lines:
        for line in lines:
            if account.encode() not in line or not line.endswith(b"\n"):
                continue
            entry: dict[str, Any] = json.loads(line)
            if entry["user"]["username"] == account and entry.get("userAgent", "").startswith(AGENTS):
                yield entry


def _uses(entry: dict[str, Any]) -> set[Use]:
    reference = entry.get("objectRef")
    if reference is None:
        # Addresses such as /version are of no kind, and open to everybody.
        return set()
    name = "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
    verbs = {str(entry["verb"])}
    if verbs == {"patch"} and entry.get("responseStatus", {}).get("code") == 201:
        # An apply that made an object: the API server asked for the right to create it too.
        verbs.add("create")
    return {(reference.get("apiGroup", ""), name, verb) for verb in verbs}
