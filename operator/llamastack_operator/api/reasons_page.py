"""Makes `docs/conditions.md` from the code: `python -m llamastack_operator.api.reasons_page DIRECTORY [--check]`.

People write alerts and scripts against reasons; a table that is generated cannot forget one.
"""

from __future__ import annotations

import sys

from llamastack_operator.api.conditions import CONDITION_MEANINGS, REASON_MEANINGS
from llamastack_operator.api.generated import write_or_check

FILE = "conditions.md"
# ruff: noqa: E501 - rows of Markdown tables cannot be broken
_HEAD = """\
<!-- Generated from llamastack_operator/api/conditions.py by `make generate`: do not edit. -->
# Conditions of a LlamaStack

Every condition is a `metav1.Condition` and is there from the first pass on. `lastTransitionTime` changes with the
status only; `observedGeneration` tells which spec a condition speaks of.

| condition | means |
| --- | --- |
"""
_MIDDLE = """
## Who reads them

| reader | rule |
| --- | --- |
| `kubectl wait --for=condition=Ready` | waits for `Ready=True` of the newest generation |
| kstatus (Flux, kpt) | `InProgress` while `Reconciling=True` or the generation is not observed; `Failed` on `Stalled=True`; else `Current` when `Ready=True` |
| Argo CD | the health script in [install.md](install.md#argo-cd) follows the same rules |

A stack that was told to run no pod (`suspend: true` or `replicas: 0`) is `Ready=True` with reason `Suspended`, for it is
as it was asked to be, and `Available=False`.

## Reasons

| reason | means |
| --- | --- |
"""


def conditions_text() -> str:
    """Return `docs/conditions.md`."""
    conditions = "".join(f"| `{kind}` | {meaning} |\n" for kind, meaning in CONDITION_MEANINGS.items())
    reasons = "".join(f"| `{reason}` | {meaning} |\n" for reason, meaning in REASON_MEANINGS.items())
    return _HEAD + conditions + _MIDDLE + reasons


def main(arguments: list[str] | None = None) -> int:
    """Write the reference into a directory, or tell whether it is up to date."""
    return write_or_check(FILE, conditions_text(), arguments)


if __name__ == "__main__":
    sys.exit(main())
