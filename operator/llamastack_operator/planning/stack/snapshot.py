"""What one pass of a stack looks at, so that all that follows is pure: the facts, and what its server is to run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llamastack_operator.objects.child import Child
from llamastack_operator.objects.child_facts import DeploymentFacts, ServiceFacts
from llamastack_operator.objects.pods import Pod
from llamastack_operator.planning.stack.facts import Referred, StackFacts
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.stack import Stack
from llamastack_operator.workloads.server_config import ServerConfig
from llamastack_resolver.findings import Finding


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The facts about a stack, and what was decided from them of the server that it is to run.

    Attributes:
        facts: what was gathered.
        image: how its image stands; None where errors forbid to say.
        install_findings: what is wrong with what it wants installed.
        server_config: its run config as its server gets it; None where that is the written one.
    """

    facts: StackFacts
    image: ImageVerdict | None
    install_findings: tuple[Finding, ...] = ()
    server_config: ServerConfig | None = None

    @property
    def run_config(self) -> str | None:
        """Its run config as its server gets it, as text, made anew each time; None where there is none to use."""
        if self.server_config is None:
            return self.facts.run_config
        modules = self.image.modules if self.image else ()
        names = {module.requirement: module.import_name for module in modules}
        return self.server_config.text(self.stack.key[1], names)

    @property
    def stack(self) -> Stack:
        """The stack."""
        return self.facts.stack

    @property
    def children(self) -> tuple[Child, ...]:
        """Its objects."""
        return self.facts.children

    @property
    def pods(self) -> tuple[Pod, ...]:
        """Its pods: nothing where the Deployment that made them is another's."""
        return self.facts.pods if self.deployment is not None else ()

    @property
    def referred(self) -> Referred:
        """What its references led to."""
        return self.facts.referred

    @property
    def deployment(self) -> DeploymentFacts | None:
        """How its Deployment stands; None where there is none."""
        return self.facts.deployment

    @property
    def service(self) -> ServiceFacts | None:
        """How its Service is reached; None where there is none."""
        return self.facts.service

    def renewed(self, children: tuple[Child, ...], pods: tuple[Pod, ...]) -> Snapshot:
        """Return the same decisions beside these objects: none of them depends on what the stack has already."""
        return replace(self, facts=replace(self.facts, children=children, pods=pods))
