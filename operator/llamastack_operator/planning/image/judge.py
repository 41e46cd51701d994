"""What the facts about a stack say of its image, as far as errors do not forbid to say. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_operator.api.build import BuildSettings
from llamastack_operator.planning.image.decide import decide_image
from llamastack_operator.planning.image.install import needs_import_names, plan_findings, runs_as_written
from llamastack_operator.planning.image.outcome import as_it_is
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.reading.answer import Planned
from llamastack_operator.planning.reasons import ImageReason
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.inputs.run_config import config_path, report_size
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.workloads.settings import ImageSettings
from llamastack_resolver.findings import Finding, Findings


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
    findings = (*plan_findings(question.plan), *_shortened(spec.build, settings))
    if question.plan.has_errors:
        return ImageJudgement(None, findings)
    return ImageJudgement(decide_image(question, settings), findings)


def _shortened(build: BuildSettings | None, settings: ImageSettings) -> Findings:
    """Say where the operator ends a try earlier than a stack asks for."""
    findings, asked = Findings(), build.timeout_seconds if build is not None else None
    if asked is not None and settings.timeout(asked) < asked:
        message = f"a try may take {settings.timeout(asked)} seconds here, not {asked}"
        hint = "ask for less, or have `builds.maxTimeoutSeconds` of the operator's chart raised"
        findings.warning(ImageReason.TIMEOUT_SHORTENED, message, "spec.build.timeoutSeconds", hint=hint)
    return findings


def unplanned(facts: StackFacts) -> tuple[Finding, ...]:
    """Return what keeps a stack from being planned of which could not be found out what it asks for; nothing where its
    image runs its run config as both are.

    Args:
        facts: what was gathered about the stack, which has no error.
    """
    stack, spec = facts.stack, facts.stack.spec
    if spec is None or runs_as_written(spec, stack.modules or spec.run_config_from is not None):
        return ()
    findings, reason = Findings(), StackReason.READING_FAILED
    message = "the operator could not read the stack, for a fault that is not the stack's"
    findings.error(reason, message, "spec", hint=reason.declaration.cure)
    return tuple(findings)


def snapshot_of(facts: StackFacts, planned: Planned | None, judged: ImageJudgement) -> Snapshot:
    """Return the facts with how the image stands, and with the run config that its server gets.

    Args:
        facts: what was gathered about the stack.
        planned: what it asks for, as far as that is known.
        judged: how its image stands.
    """
    verdict, spec = judged.verdict, facts.stack.spec
    if planned is None or spec is None or verdict is None or not verdict.ready:
        return Snapshot(facts, verdict, judged.findings)
    if not needs_import_names(verdict.modules):
        return Snapshot(facts, verdict, judged.findings, planned.completed)
    if planned.renamed is None:
        findings = Findings(judged.findings)
        report_size(config_path(spec), findings, completed=True)
        return Snapshot(facts, None, tuple(findings))
    return Snapshot(facts, verdict, judged.findings, planned.renamed)
