"""Makes `docs/conditions.md` from the code: `python -m llamastack_operator.api.reference DIRECTORY [--check]`.

People write alerts and scripts against reasons; a table that is generated cannot forget one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from llamastack_operator.api.conditions import CONDITION_MEANINGS, REASON_MEANINGS

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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file is stale")
    options = parser.parse_args(arguments)
    target = options.directory / FILE
    if options.check:
        if target.is_file() and target.read_text() == conditions_text():
            return 0
        sys.stderr.write(f"{target} is stale: run `make generate`\n")
        return 1
    target.write_text(conditions_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
