"""What the resolver says of a stack: small, bounded, and all that the rest of planning needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_resolver.findings import Finding, Findings, Severity

NAME_LIMIT = 253
"""Most characters of an id, a type or a module of a provider."""


class ProviderState(StrEnum):
    """What is known of a provider, READY and NON_COMPLIANT from pods alone; first what somebody may have to act on."""

    FAILED = "Failed"
    NON_COMPLIANT = "NonCompliant"
    UNKNOWN = "Unknown"
    DEPRECATED = "Deprecated"
    RESOLVED = "Resolved"
    READY = "Ready"
    DISABLED = "Disabled"


@dataclass(frozen=True, slots=True)
class Provider:
    """An entry of `providers` of a run config.

    Attributes:
        api: the API that it is listed under.
        id: its provider_id; the path of the entry where it comes from a variable whose value is not known.
        type: its provider_type.
        module: its module as written; empty for a provider that the release brings.
        state: how it stands.
        message: why; empty where there is nothing to say.
        in_package: whether its package alone can tell more, once it is installed.
        unlisted: of the last provider of a reading, how many more are enabled: they stand no worse than those that are
            listed.
        version: of what brings it, as a pod reports it; empty where none does.
    """

    api: str
    id: str
    type: str
    module: str
    state: ProviderState
    message: str
    in_package: bool = False
    unlisted: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the resolver says of a stack.

    Attributes:
        digest: of all that was read; equal for stacks of which the same is said.
        release: the release that it was read for, as `llama-stack 0.7.3`; empty where none is known.
        findings: what is wrong or in doubt, errors first.
        omitted: how many findings more there were.
        providers: the entries of `providers` that are told of, in the order of the run config.
        complete: whether the run config could be read, and was resolved.
        reported: whether errors are called certain by what a pod reported of the image.
    """

    digest: str
    release: str
    findings: tuple[Finding, ...]
    omitted: int
    providers: tuple[Provider, ...]
    complete: bool
    reported: bool = False

    @property
    def has_errors(self) -> bool:
        """Whether something keeps the stack from serving as written."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


NOTHING_READ = Reading(digest="", release="", findings=(), omitted=0, providers=(), complete=False)
"""Stands for the reading of a stack whose spec cannot be read."""


def unread(digest: str) -> Reading:
    """Return what is said of inputs that a fault of ours keeps from being read: nothing."""
    return replace(NOTHING_READ, digest=digest)


def is_unread(reading: Reading) -> bool:
    """Tell whether nothing is said of a stack for a fault of ours, so that a later try may say something."""
    return bool(reading.digest) and reading == unread(reading.digest)


def exceeded_reading(digest: str, what: str) -> Reading:
    """Return what is said of inputs that took too much to be read.

    Args:
        digest: of the inputs.
        what: what they took, to follow `reading it took`.
    """
    findings = Findings()
    report_exceeded(what, findings)
    return replace(NOTHING_READ, digest=digest, findings=tuple(findings))


def report_exceeded(what: str, findings: Findings) -> None:
    """Report that inputs took too much to be read.

    Args:
        what: what they took, to follow `reading it took`.
        findings: where the finding goes.
    """
    hint = StackReason.READING_EXCEEDED.declaration.cure
    findings.error(StackReason.READING_EXCEEDED, f"spec: reading it took {what}", "spec", hint=hint)


def as_warning(finding: Finding, why: str) -> Finding:
    """Return an error as something that does not stop a stack; anything else as it is.

    Args:
        finding: the finding.
        why: why it does not, as a sentence that the hint ends with.
    """
    if finding.severity is not Severity.ERROR:
        return finding
    return replace(with_hint(finding, why), severity=Severity.WARNING)


def with_hint(finding: Finding, sentence: str) -> Finding:
    """Return a finding with a sentence more in its hint."""
    return replace(finding, hint=f"{finding.hint.rstrip('.')}. {sentence}" if finding.hint else sentence)
