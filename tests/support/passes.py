"""A pass of a stack without a cluster: from the bytes that the API server sends to the status that it is told.

Each step is the operator's own, in its own order, and what goes between processes goes as text; only the API server,
the network and the clock are not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.config_map import ConfigMapContent, ConfigMapDigests
from llamastack_operator.objects.slim_json import slim_event
from llamastack_operator.planning.image.judge import judge_image, snapshot_of
from llamastack_operator.planning.image.question import question_about
from llamastack_operator.planning.reading.answer import NOTHING_ANSWERED, Answer
from llamastack_operator.planning.reading.question import ReadingQuestion, question_of
from llamastack_operator.planning.reading.read import read
from llamastack_operator.planning.reading.wire import of_text, to_text
from llamastack_operator.planning.stack.facts import NOTHING_REFERRED, Referred, StackFacts
from llamastack_operator.planning.stack.inputs.config_map_texts import exceeds, take, texts_of, used_of
from llamastack_operator.planning.stack.inputs.references import references_of
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import Plan, plan
from llamastack_operator.planning.stack.referred import referred_of
from llamastack_operator.planning.stack.stack import Stack, stack_from
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.conditions import NOW
from tests.support.world import IMAGES


@dataclass(frozen=True)
class Namespace:
    """What a stack may refer to.

    Attributes:
        config_maps: the texts of ConfigMaps, by name and key.
        secrets: the keys of Secrets, by name.
        claims: the names of claims.
    """

    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    claims: frozenset[str] = frozenset()

    def referred(self, spec: LlamaStackSpec, namespace: str) -> Referred:
        """Return what the references of a spec lead to."""
        references = references_of(spec)
        uses, wanted = used_of(references, namespace), texts_of(references, namespace, variables=True)
        held = {key: ConfigMapContent(1, self.config_maps[key[1]], {}) for key in uses if key[1] in self.config_maps}
        digests: dict[Key, ConfigMapDigests | None] = {
            key: held[key].digests(parts) if key in held else None for key, parts in uses.items()
        }
        texts: dict[Key, Mapping[str, str] | None] = {
            key: held[key].texts(keys) if key in held else None for key, keys in wanted.items()
        }
        if exceeds(digests, wanted):
            texts = {}
        others: dict[Any, Any] = {
            ref: self.secrets.get(ref.name)
            if ref.kind == "Secret"
            else (("ReadWriteOnce",) if ref.name in self.claims else None)
            for ref in references
            if ref.kind != "ConfigMap"
        }
        return referred_of(references, namespace, digests, others, texts, take(spec, namespace, texts))


NOTHING_THERE = Namespace()


class Passed(NamedTuple):
    """What came of a pass.

    Attributes:
        facts: what it began with.
        question: what was asked about the stack, as text; empty where nothing could be.
        answer: the answer, as text; empty likewise.
        plan: what was decided.
        status: what the API server is told.
    """

    facts: StackFacts
    question: str
    answer: str
    plan: Plan
    status: dict[str, Any]


def stack_of_line(text: str) -> Stack:
    """Return a stack as the operator has it from a watch.

    Args:
        text: the LlamaStack as JSON.
    """
    event = slim_event(f'{{"type": "ADDED", "object": {text}}}'.encode())
    return stack_from(event["object"])


def a_pass(text: str, there: Namespace = NOTHING_THERE) -> Passed:
    """Return what comes of a pass of a stack.

    Args:
        text: the LlamaStack as JSON.
        there: what is in its namespace.
    """
    stack = stack_of_line(text)
    referred = there.referred(stack.spec, stack.key[0]) if stack.spec is not None else NOTHING_REFERRED
    facts = StackFacts(stack, (), (), referred)
    question, answer = question_of(facts), NOTHING_ANSWERED
    asked = answered = ""
    if question is not None:
        asked = question.text
        answered = to_text(read(ReadingQuestion.of_text(asked)))
        answer = of_text(answered)
    facts = replace(facts, reading=answer.reading)
    snapshot = snapshot_of(facts, answer.planned, judge_image(facts, _image_question(facts, answer), IMAGES))
    decided = plan(snapshot, WorkloadSettings())
    outcome = PassOutcome(decided.findings, applied=decided.desired is not None)
    return Passed(facts, asked, answered, decided, status_of(snapshot, outcome, NOW))


def _image_question(facts: StackFacts, answer: Answer) -> Any:
    spec, planned = facts.stack.spec, answer.planned
    if spec is None or planned is None or planned.install is None:
        return None
    return question_about(facts.stack, spec, planned.install, (), 0.0)[0]
