"""Which findings of a reading stop a stack: an error does, unless its inputs served once, or its user says otherwise.

What served is not made worse by a new operator that knows more: that is a warning, and drift, scale and deletes go on.
What pods report of an image says nothing against the inputs that these pods have started with: they have checked those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.api.conditions import ConditionType, is_true
from llamastack_operator.planning.stack.known_image import has_started
from llamastack_operator.planning.stack.reading import Reading, as_warning
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.stack import Stack
from llamastack_resolver.findings import Finding

_SERVED = "It does not stop the stack, for the stack has served with this."
_STARTED = "It does not stop the stack, for its pods have started with this: their check decides."
WARN = "It does not stop the stack, as `spec.startup.validation: Warn` asks for."


def read_findings(stack: Stack, reading: Reading) -> tuple[Finding, ...]:
    """Return what a reading found, with those errors as warnings that do not stop the stack.

    What could not even be read stops it in any case: it is not known what it asks for.
    """
    found = [finding for finding in reading.findings if not _is_known(finding, stack)]
    if any(finding.reason is StackReason.READING_EXCEEDED for finding in found):
        return tuple(found)
    if has_served(stack, reading):
        return tuple(as_warning(finding, _SERVED) for finding in found)
    if reading.reported and has_started(stack, reading.digest):
        return tuple(as_warning(finding, _STARTED) for finding in found)
    if _only_warns(stack) and reading.complete:
        return tuple(as_warning(finding, WARN) for finding in found)
    return tuple(found)


def has_served(stack: Stack, reading: Reading) -> bool:
    """Tell whether the stack was ready with just these inputs.

    A status that an operator without readings wrote has no digest: there the newest generation has to be ready.
    """
    served = stack.status.get("servedInputs")
    if served is not None:
        return bool(served == reading.digest)
    return stack.status.get("observedGeneration") == stack.generation and is_true(stack.status, ConditionType.READY)


def _is_known(finding: Finding, stack: Stack) -> bool:
    """Tell whether the stack has told the same of its release already."""
    return any(own.reason is finding.reason and finding.path.startswith(own.path) for own in stack.findings)


def wants_warnings(body: Mapping[str, Any]) -> bool:
    """Tell whether a LlamaStack of a file wants to be warned, and not stopped; anything may be in it."""
    spec = body.get("spec")
    startup = spec.get("startup") if isinstance(spec, dict) else None
    return isinstance(startup, dict) and startup.get("validation") == "Warn"


def _only_warns(stack: Stack) -> bool:
    startup = stack.spec.startup if stack.spec is not None else None
    return startup is not None and startup.validation == "Warn"
