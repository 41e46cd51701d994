"""The conditions of a stack say with each reason just what its declaration, and so docs/reasons.md, says.

Reasons of findings and builds, one by one, are in tests/unit/api/test_reasons.py; here are all others, and any mixture.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamastack_contract.start_report import StartReport
from llamastack_operator.api.conditions import ConditionType
from llamastack_operator.api.reasons_page import declared_reasons
from llamastack_operator.planning.build.reasons import FAILURES
from llamastack_operator.planning.reasons import ImageReason
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import findings_of
from llamastack_operator.planning.stack.reading import NOTHING_READ, Provider, ProviderState, Reading
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import status_of
from llamastack_resolver.findings import Answer, Finding, Place, Reason, Severity
from tests.support.conditions import NOW
from tests.support.preflights import decided, preflighted
from tests.support.start_checks import checked, report, serving
from tests.support.world import crashed, deployment, llamastack, pod, snapshot, with_facts

VOCABULARY = {str(reason): reason for reason in declared_reasons()}
WORDS = "it is so"
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}
REFUSED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
NO_NODE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
NOT_READY = deployment(available=0)


def waiting(reason: str) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": WORDS}}}


PODS = {
    "CrashLooping": pod(container=crashed()),
    "StartupFailed": pod(container=crashed(restarts=0)),
    "OutOfMemory": pod(container=crashed(reason="OOMKilled")),
    "ImagePullFailed": pod(container=waiting("ErrImagePull")),
    "ContainerConfigFailed": pod(container=waiting("CreateContainerConfigError")),
    "Unschedulable": pod(conditions=[NO_NODE]),
}
IMAGES = [
    *(ImageVerdict(True, one, WORDS) for one in (ImageReason.PREBUILT, ImageReason.UP_TO_DATE)),
    ImageVerdict(True, ImageReason.INSTALLED_AT_START, WORDS),
    *(ImageVerdict(False, one, WORDS) for one in (ImageReason.QUEUED, ImageReason.BUILDING)),
    *(ImageVerdict(False, one, WORDS, stalled=stalled) for one in FAILURES.values() for stalled in (True, False)),
    None,
]
STATES = {
    "new": [],
    "serving": [deployment(), pod(ready=True)],
    "suspended": [deployment(wanted=0)],
    "short": [deployment(wanted=2, available=1), pod(ready=True)],
    "old": [deployment(updated=0), pod(revision="old", ready=True)],
    "late": [deployment(available=0, conditions=(LATE,))],
    "PodsRefused": [deployment(available=0, replicas=0, updated=0, conditions=(REFUSED,))],
    "Compliant": [serving(), checked(report(), ready=True)],
    "CheckFailed": [serving(), checked(StartReport("CheckFailed", message="no release"), ready=True)],
    **{name: [NOT_READY, one] for name, one in PODS.items()},
}


def world(state: str, image: ImageVerdict | None = IMAGES[0], **facts: Any) -> Snapshot:
    found = snapshot(llamastack(suspend=state == "suspended"), *STATES[state])
    return with_facts(replace(found, image=image), **facts)


def said(seen: Snapshot, *findings: Finding) -> set[tuple[str, Answer]]:
    """Return each reason that stands in a condition, with what that says."""
    return answers(seen, PassOutcome(findings, applied=not findings))


def answers(seen: Snapshot, outcome: PassOutcome) -> set[tuple[str, Answer]]:
    """Return the same after a pass with this outcome."""
    status = status_of(seen, outcome, NOW)
    assert [one["type"] for one in status["conditions"]] == list(ConditionType)
    return {(one["reason"], Answer(Place(one["type"]), one["status"])) for one in status["conditions"]}


SEEN = {
    one
    for seen in (
        *map(world, STATES),
        *(world("new", image) for image in IMAGES),
        world("new", None, reading=NOTHING_READ),
    )
    for one in said(seen)
} | answers(preflighted(None), PassOutcome(applied=False, preflight=decided(preflighted(None)).preflight))


@pytest.mark.parametrize("reason", [one for one in VOCABULARY.values() if not one.declaration.severities])
def test_a_reason_that_is_no_findings_sets_just_what_is_declared(reason: Reason) -> None:
    assert {answer for word, answer in SEEN if word == reason} == set(reason.declaration.answers)


REPORTED = [one for one in VOCABULARY.values() if Place.FINDING in one.declaration.shows and one.declaration.severities]
FINDINGS = st.builds(
    Finding,
    severity=st.sampled_from(Severity),
    reason=st.sampled_from(REPORTED),
    message=st.just(WORDS),
    path=st.just("spec"),
).filter(lambda one: one.severity is not Severity.ERROR or Severity.ERROR in one.reason.declaration.severities)
PROVIDERS = st.builds(
    Provider,
    api=st.just("inference"),
    id=st.just("a"),
    type=st.just("remote::a"),
    module=st.just(""),
    state=st.sampled_from(ProviderState),
    message=st.just(WORDS),
    unlisted=st.integers(0, 3),
)
READINGS = st.builds(
    Reading,
    digest=st.just("d"),
    release=st.sampled_from(["", "llama-stack 0.7.3"]),
    findings=st.just(()),
    omitted=st.integers(0, 3),
    providers=st.lists(PROVIDERS, max_size=2).map(tuple),
    complete=st.booleans(),
)


@given(
    st.sampled_from(list(STATES)),
    st.sampled_from(IMAGES),
    READINGS,
    st.lists(FINDINGS, max_size=3),
    st.lists(FINDINGS, max_size=1),
)
@settings(deadline=None)
def test_no_mixture_sets_what_is_not_declared(
    state: str, image: ImageVerdict | None, reading: Reading, findings: list[Finding], planned: list[Finding]
) -> None:
    may = [one for one in planned if Place.IMAGE_READY.false in one.reason.declaration.shows]
    seen = replace(world(state, image, reading=reading), install_findings=tuple(may))
    told = said(seen, *findings, *may)
    assert {(word, str(answer)) for word, answer in told if answer not in VOCABULARY[word].declaration.answers} == set()
    ready = next(VOCABULARY[word] for word, answer in told if answer.place is Place.READY)
    stalled = any(answer == Place.STALLED.true for _, answer in told)
    assert not (stalled and ready.declaration.passing), "what passes by itself never stalls a stack"


FIRST_LOOKS = {
    "nothing is there yet": llamastack(),
    "its spec cannot be read": llamastack(server={"port": "none"}),
    "its release is unknown": llamastack(distribution={"release": {"package": "ogx", "version": "0.0.1"}}),
    "its run config is none": llamastack(runConfig=[]),
    "its run config is elsewhere": llamastack(
        runConfig=None, runConfigFrom={"configMapKeyRef": {"name": "a", "key": "b"}}
    ),
    "it is suspended": llamastack(suspend=True),
    "it goes": {**llamastack(), "metadata": {**llamastack()["metadata"], "deletionTimestamp": NOW}},
}


@pytest.mark.parametrize("body", FIRST_LOOKS.values(), ids=FIRST_LOOKS)
@pytest.mark.parametrize("reading", [NOTHING_READ, replace(NOTHING_READ, complete=True)], ids=["unread", "read"])
def test_the_first_pass_answers_every_question_whatever_it_finds(body: dict[str, Any], reading: Reading) -> None:
    seen = with_facts(snapshot(body), reading=reading)
    status = status_of(seen, PassOutcome(findings_of(seen), applied=False), NOW)
    assert [one["type"] for one in status["conditions"]] == list(ConditionType)
    assert {one["status"] for one in status["conditions"]} <= {"True", "False", "Unknown"}
    assert all(one["message"] and one["lastTransitionTime"] == NOW for one in status["conditions"])
