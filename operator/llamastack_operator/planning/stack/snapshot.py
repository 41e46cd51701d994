"""What one pass of a stack looks at, so that all that follows is pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llamastack_operator.objects.child import Child
from llamastack_operator.objects.child_facts import DeploymentFacts, ServiceFacts
from llamastack_operator.objects.pods import Pod
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.inputs.providers import Provider
from llamastack_operator.planning.stack.stack import Stack
from llamastack_resolver.findings import Finding


@dataclass(frozen=True, slots=True)
class Referred:
    """What a stack's references led to.

    Attributes:
        findings: references that lead nowhere, and what is wrong with a referenced run config.
        run_config: the text of a referenced run config; None for an inline one, or where there is none to use.
        files: the files of external providers and APIs, by their paths below the mount.
        digest: changes when a ConfigMap that pods use changes in what is used of it; empty without references.
        certificates: changes when the certificates do that builds trust; empty without.
        claim_modes: the access modes of `spec.server.storage.claimName`, if that is set and exists.
    """

    findings: tuple[Finding, ...] = ()
    run_config: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    certificates: str = ""
    claim_modes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One stack and all that belongs to it, at one moment.

    Attributes:
        stack: the stack.
        children: its objects.
        pods: its pods.
        referred: what its references led to.
        image: how its image stands; None where errors in the spec forbid to say.
        run_config: its run config as its server gets it.
        providers: the enabled providers of its run config.
        install_findings: what is wrong with what it wants installed.
    """

    stack: Stack
    children: tuple[Child, ...]
    pods: tuple[Pod, ...]
    referred: Referred = field(default_factory=Referred)
    image: ImageVerdict | None = None
    run_config: str | None = None
    providers: tuple[Provider, ...] = ()
    install_findings: tuple[Finding, ...] = ()

    @property
    def deployment(self) -> DeploymentFacts | None:
        """How the stack's Deployment stands; None where there is none."""
        return next((child.facts for child in self.children if isinstance(child.facts, DeploymentFacts)), None)

    @property
    def service(self) -> ServiceFacts | None:
        """How the stack's Service is reached; None where there is none."""
        return next((child.facts for child in self.children if isinstance(child.facts, ServiceFacts)), None)
