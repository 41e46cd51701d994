"""Makes `docs/conditions.md` and `docs/reasons.md`: `python -m llamastack_operator.api.reasons_page DIRECTORY [--check]`.

People write alerts and scripts against conditions and reasons; pages that are generated cannot forget one.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import llamastack_operator
import llamastack_resolver
from llamastack_operator.api.conditions import CONDITION_MEANINGS, ConditionType
from llamastack_operator.api.generated import write_or_check
from llamastack_resolver.findings import Place, Reason

CONDITIONS, REASONS = "conditions.md", "reasons.md"
# ruff: noqa: E501 - rows of Markdown tables cannot be broken
_CONDITIONS_HEAD = """\
<!-- Generated from llamastack_operator/api/conditions.py by `make generate`: do not edit. -->
# Conditions of a LlamaStack

Every condition is a `metav1.Condition` and is there from the first pass on. `lastTransitionTime` changes with the
status only; `observedGeneration` tells which spec a condition speaks of. What a reason means, and what to do about it, is
in [reasons.md](reasons.md).

| condition | means |
| --- | --- |
"""
_CONDITIONS_TAIL = """
## Who reads them

| reader | rule |
| --- | --- |
| `kubectl wait --for=condition=Ready` | waits for `Ready=True` of the newest generation |
| kstatus (Flux, kpt) | `InProgress` while `Reconciling=True` or the generation is not observed; `Failed` on `Stalled=True`; else `Current` when `Ready=True` |
| Argo CD | the health script in [install.md](install.md#argo-cd) follows the same rules |

A stack that was told to run no pod (`suspend: true` or `replicas: 0`) is `Ready=True` with reason `Suspended`, for it is
as it was asked to be, and `Available=False`.
"""
_REASONS_HEAD = """\
<!-- Generated from the `reasons.py` of each room by `make generate`: do not edit. -->
# Reasons

A reason is one word for machines: it stands in the [conditions](conditions.md) of a LlamaStack, in its
`status.findings`, in Events, in the failure of a LlamaStackBuild, and in what `llamastack` reports (in SARIF it is the
rule). A word never changes its meaning.

## What each sets

What the conditions say in which a reason stands, and what that is for kstatus, which Flux and kpt read:

- *Stalled*: `Stalled=True` and `Reconciling=False`. Only a change from outside helps, and Flux gives up.
- *passing*: `Reconciling=True`. The operator tries again, or the cluster is at work: it can end by itself.
- *passing or Stalled*: passing as long as a failed build is tried again.

With any other reason a stack is what its condition `Ready` says. Of what a finding can set, a warning sets
`ProvidersResolved=Unknown` and `Deprecated=True` alone.

| reason | sets | the stack is |
| --- | --- | --- |
"""


def declared_reasons() -> list[Reason]:
    """Return the whole vocabulary, sorted: what every module `reasons` declares.

    They are found by their name, so that no room can be forgotten, and for most of them stand above this one.
    """
    for package in (llamastack_resolver, llamastack_operator):
        root = Path(package.__path__[0])
        for file in root.rglob("reasons.py"):
            import_module(".".join((package.__name__, *file.relative_to(root).with_suffix("").parts)))
    return sorted(reason for room in Reason.__subclasses__() for reason in room)


def conditions_text() -> str:
    """Return `docs/conditions.md`."""
    rows = "".join(f"| `{kind}` | {meaning} |\n" for kind, meaning in CONDITION_MEANINGS.items())
    return _CONDITIONS_HEAD + rows + _CONDITIONS_TAIL


def reasons_text() -> str:
    """Return `docs/reasons.md`."""
    reasons = declared_reasons()
    return _REASONS_HEAD + "".join(map(_row, reasons)) + "".join(map(_section, reasons))


def _row(reason: Reason) -> str:
    """Return what a reason sets, as a row of the table; nothing for one that stands in no condition."""
    answers = reason.declaration.answers
    if not answers:
        return ""
    stands = {(True, False): "passing", (False, True): "Stalled", (True, True): "passing or Stalled"}
    kind = stands.get((Place.RECONCILING.true in answers, Place.STALLED.true in answers), "")
    said = {place: [one.status for one in answers if one.place is place] for place in reason.declaration.places}
    told = {Place.RECONCILING, Place.STALLED} if kind else set()
    shown = [Place(name) for name in ConditionType if said.get(Place(name)) and Place(name) not in told]
    sets = ", ".join(f"`{place}={'/'.join(said[place])}`" for place in shown)
    return f"| [`{reason}`](#{reason.lower()}) | {sets} | {kind} |\n"


def _section(reason: Reason) -> str:
    told = reason.declaration
    lines = [
        f"\n## {reason}\n",
        f"{told.meaning}\n",
        f"- What to do: {told.cure or 'nothing.'}",
        f"- Shows in: {_places(told.places)}.",
    ]
    if told.severities:
        lines.append(f"- Severity: {', '.join(told.severities)}.")
    lines.append(f"- Example: `` {told.example} ``")
    return "\n".join(lines) + "\n"


def _places(shows: tuple[Place, ...]) -> str:
    types = {kind.value for kind in ConditionType}
    conditions = [f"`{place}`" for place in shows if place.value in types]
    other = [str(place) for place in shows if place.value not in types]
    return ", ".join([*other, *([f"conditions {', '.join(conditions)}"] if conditions else [])])


def main(arguments: list[str] | None = None) -> int:
    """Write the pages into a directory, or tell whether they are up to date."""
    pages = {CONDITIONS: conditions_text(), REASONS: reasons_text()}
    return max(write_or_check(file, text, arguments) for file, text in pages.items())


if __name__ == "__main__":
    sys.exit(main())
