"""What was gathered about a stack. Facts alone: what follows from them is decided elsewhere, and nothing is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from llamastack_operator.objects.child import Child
from llamastack_operator.objects.child_facts import ChildFacts, DeploymentFacts, ServiceFacts
from llamastack_operator.objects.pods import Pod
from llamastack_operator.objects.preflights import PreflightJob, PreflightPod
from llamastack_operator.planning.stack.reading import NOTHING_READ, Reading
from llamastack_operator.planning.stack.stack import Stack
from llamastack_operator.planning.stack.stopping import read_findings
from llamastack_resolver.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Referred:
    """What a stack's references led to.

    Attributes:
        findings: references that lead nowhere, and texts that are too large.
        run_config: the text of a referenced run config; None for an inline one, or where there is none to use.
        files: the files of external providers and APIs, by their paths below the mount.
        texts: what a reading needs of ConfigMaps, by name and key; of one that is optional and missing it is nothing.
        secrets: the keys of the Secrets that variables come from, by name.
        digest: changes when a ConfigMap that pods use changes in what is used of it; empty without references.
        certificates: changes when the certificates do that builds trust; empty without.
        claim_modes: the access modes of `spec.server.storage.claimName`, if that is set and exists.
    """

    findings: tuple[Finding, ...]
    run_config: str | None
    files: Mapping[str, str]
    texts: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, frozenset[str]]
    digest: str
    certificates: str
    claim_modes: tuple[str, ...]


NOTHING_REFERRED = Referred(
    findings=(), run_config=None, files={}, texts={}, secrets={}, digest="", certificates="", claim_modes=()
)
"""What a stack without references has."""


_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class PreflightFacts:
    """What there is of preflights of a stack.

    Attributes:
        jobs: their Jobs.
        pods: the pods of these.
        now: the time of the look.
    """

    jobs: tuple[PreflightJob, ...] = ()
    pods: tuple[PreflightPod, ...] = ()
    now: datetime = _LONG_AGO


NO_PREFLIGHTS = PreflightFacts()


@dataclass(frozen=True, slots=True)
class StackFacts:
    """One stack and all that belongs to it, at one moment.

    Attributes:
        stack: the stack.
        children: what says by owner or label that it is the stack's; `Child.belongs_to` tells which of it is.
        pods: its pods.
        referred: what its references led to.
        reading: what the resolver says of it.
        programs: the ConfigMaps of its namespace with programs that check and run servers, by name.
        preflights: what there is of its preflights.
    """

    stack: Stack
    children: tuple[Child, ...]
    pods: tuple[Pod, ...]
    referred: Referred
    reading: Reading = NOTHING_READ
    programs: frozenset[str] = frozenset()
    preflights: PreflightFacts = NO_PREFLIGHTS

    def without_texts(self) -> StackFacts:
        """Return the same without texts of ConfigMaps, to be kept: they can be megabytes, and are read again."""
        return replace(self, referred=replace(self.referred, run_config=None, files={}, texts={}))

    @property
    def deployment(self) -> DeploymentFacts | None:
        """How the stack's Deployment stands; None where there is none."""
        return self._own(DeploymentFacts)

    @property
    def service(self) -> ServiceFacts | None:
        """How the stack's Service is reached; None where there is none."""
        return self._own(ServiceFacts)

    def _own[F: ChildFacts](self, kind: type[F]) -> F | None:
        """Return what is known of the stack's own object of a kind that bears the stack's name.

        Whoever may create objects can give one of another name our labels: it speaks for no stack.
        """
        key, uid = self.stack.key, self.stack.uid
        return next(
            (
                child.facts
                for child in self.children
                if isinstance(child.facts, kind) and child.key == key and child.belongs_to(uid)
            ),
            None,
        )

    @property
    def run_config(self) -> str | None:
        """The run config as text, inline or referenced; unpacked anew each time."""
        return self.stack.run_config or self.referred.run_config

    @property
    def has_errors(self) -> bool:
        """Whether something is wrong with the stack, or with what it refers to, that forbids to touch what runs."""
        findings = (*self.stack.findings, *self.referred.findings, *read_findings(self.stack, self.reading))
        return self.stack.spec is None or any(finding.severity is Severity.ERROR for finding in findings)
