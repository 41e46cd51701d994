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
## What pods say

Each pod checks itself before its server starts: it resolves the run config, imports and starts the providers, and looks
at what they implement. What it finds goes into conditions, `status.findings` and `status.providers`.

- **Which check counts**: of the pods of the newest revision, the one that finished last. `status.startCheck` keeps what it
  said, so that it still counts when the stack is suspended, or the pod is gone. A new revision starts anew.
- **What a pod reported of its image** is kept in `status.imageReport`, by the image's digest, for more than one revision: the
  release, and whether it brings just the types that the catalog has of it. The next readings are made with it, and errors
  of an edit are certain then ([stack.md](stack.md#what-is-wrong-is-told-before-anything-runs)). What its own pods have
  started with is never stopped by it: there their check decides.
- **Which place wins**: what the operator reads before anything runs wins in what it calls an error: nothing is rolled
  then, and what pods of an earlier generation said is not told. What only the image can tell, the pod decides:
  `ProvidersResolved` is `True` as soon as a check of the newest revision passed, and `False` where it found an error. The
  same thing at the same place is told once, by the one who takes it more seriously.
- **`ProtocolCompliant`** is `False` for every error about a protocol, whether or not the server starts. Of a provider that a
  module or a file brings it is so too for what `startup.compliance` makes a warning: other arguments, unless that is an error,
  and missing methods where `missing: Warning` is written. What is a warning in any case leaves it `True`, and its message says
  so: methods that callers do without, and what the release ships without, which nobody who runs it can mend. It is `Unknown`
  where no check has finished (`NotChecked`), where one could not be made (`CheckFailed`), and where providers were only
  imported or did not start.
- **`ConfigValid`, `ProvidersResolved`, `Deprecated`** count what pods find as they count what is read: errors, and for
  `Deprecated` warnings too. What is only worth knowing never counts.
- **`Ready`**: a check that keeps its server from starting is told with its first error. It is `Stalled` where that lasts
  (`MissingMethod`, `InvalidProviderConfig`, `ModuleImportFailed`), and `Reconciling` where it may pass
  (`InstantiationFailed`), for the kubelet has the pod try again. What ran before serves on: `Available` is
  `True` with `OldRevisionServes`. After `progressDeadlineSeconds` it is `RolloutTimedOut`, with the check's words. A server
  that starts all the same leaves `Ready=True`.
- **A check that says nothing** (its image cannot be pulled, it was killed for its memory) is a trouble of its pod, as that
  of any container.
- **What a running server says** of its providers' health stands in `status.providers[].health`, and moves no condition.

## Before the old pods are stopped

A volume that one node holds makes rollouts `Recreate`: the old pod stops before the new one can check itself. So a Job, the
*preflight*, makes the check first, where something serves, once for each revision. It has the image, variables and Secrets of
the new pods, scratch storage in the place of claims, and no GPU. `status.preflight` has its revision and how it stands:

| state | means | the roll-out |
| --- | --- | --- |
| `Running` | its Job is there; `Ready=False` and `Reconciling=True` with `Preflight` | waits |
| `Passed` | nothing was found that keeps the pods from starting | goes on |
| `Refused` | the new pods would not start, and that is proved: a method is missing, a module cannot be imported, a config class refuses | is held back |
| `Unproven` | it may come of what a preflight does not have, or no node took its pod within 60 s; an Event `PreflightUnproven` tells why | goes on |

- **Refused** is told as the pods' own check would be: findings, provider rows, `ProtocolCompliant`, and `Ready=False` and
  `Stalled=True` with the reason of the first error, whose message begins with `found by a preflight`. The old pods serve on:
  `Available` is `True` with `OldRevisionServes`. Any edit that changes the pods is another revision, and is checked anew; to
  revert is enough too. The log of the Job's pod can be read for an hour.
- **Only what is proved holds a roll-out**: not `InstantiationFailed`, not an error about files, connections or devices, not
  code or specs that may lie on a claim.
- **Meanwhile** the Deployment is left as it is, but for its replicas, and nothing is deleted; all other objects are applied.
- **None** is made where `startup.check` is `Skip` or `startup.validation` is `Warn`, for a suspended stack, for pods that were
  ready once, and where an upgrade of the operator changes nothing of the pods.
- A Secret that was mended is not seen: change the stack, for example an annotation of `spec.server.podTemplate.metadata`.

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
`ProvidersResolved=Unknown`, `ProtocolCompliant=False` and `Deprecated=True` alone. What a pod's start check finds sets
`Ready` only where it keeps the server from starting ([conditions.md](conditions.md#what-pods-say)).

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
