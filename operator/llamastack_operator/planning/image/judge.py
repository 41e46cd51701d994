"""What the facts about a stack say of its image, as far as errors do not forbid to say. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_operator.planning.image.decide import decide_image
from llamastack_operator.planning.image.install import plan_findings
from llamastack_operator.planning.image.outcome import as_it_is
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.workloads.settings import ImageSettings
from llamastack_resolver.findings import Finding


@dataclass(frozen=True, slots=True)
class ImageJudgement:
    """What was found out about an image.

    Attributes:
        verdict: how it stands; None where errors forbid to say.
        findings: what is wrong with what is to be installed.
    """

    verdict: ImageVerdict | None
    findings: tuple[Finding, ...]


def judge_image(facts: StackFacts, question: ImageQuestion | None, settings: ImageSettings) -> ImageJudgement:
    """Return how the image of a stack stands, and what is wrong with what it wants installed.

    Args:
        facts: what was gathered about the stack.
        question: what decides its image; None where nothing has to be installed.
        settings: the operator's settings.
    """
    spec = facts.stack.spec
    if spec is None or facts.has_errors:
        return ImageJudgement(None, ())
    if question is None:
        return ImageJudgement(as_it_is(spec), ())
    findings = plan_findings(question.plan)
    if question.plan.has_errors:
        return ImageJudgement(None, findings)
    return ImageJudgement(decide_image(question, settings), findings)
