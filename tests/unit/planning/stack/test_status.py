"""The status of a stack: what it holds beside its conditions, and that it is honest in every state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.api.conditions import ConditionType, is_true
from llamastack_operator.api.reasons_page import declared_reasons
from llamastack_operator.api.status import LlamaStackStatus
from llamastack_operator.objects.child import Child
from llamastack_operator.objects.resources import SERVICES
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.status import status_of
from llamastack_resolver.reasons import ConfigReason
from tests.support.conditions import EARLIER, NOW, error
from tests.support.world import child, crashed, deployment, llamastack, pod, snapshot, with_facts


def test_the_image_is_that_of_the_newest_serving_pod_by_digest() -> None:
    old = pod("a", revision="old", ready=True, container={"imageID": "docker.io/a@sha256:1"}, created=EARLIER)
    new = pod("b", ready=True, container={"imageID": "docker.io/a@sha256:2"}, created=NOW)
    starting = pod("c", container={"imageID": "docker.io/a@sha256:3"}, created=NOW)
    assert status_of(snapshot(llamastack(), deployment(), old, new, starting), PassOutcome(), NOW)["image"].endswith(
        ":2"
    )


def test_the_address_is_told_once_there_is_a_service() -> None:
    service = child(SERVICES, spec={"clusterIP": "10.96.0.9"})
    body = llamastack(server={"port": 9000})
    assert "url" not in status_of(snapshot(body), PassOutcome(), NOW)
    assert status_of(snapshot(body, service), PassOutcome(), NOW)["url"] == "http://bot.team-a.svc:9000"


class TestRelease:
    """The version that the server told; asked for once for each rollout, so most passes know it from the status."""

    seen = snapshot(llamastack(status={"release": "0.7.2"}), deployment(), pod(ready=True))

    def release(self, outcome: PassOutcome) -> str | None:
        return status_of(self.seen, outcome, NOW).get("release")

    def test_stays_where_nobody_asked(self) -> None:
        assert self.release(PassOutcome()) == "0.7.2"

    def test_is_what_the_server_answers(self) -> None:
        assert self.release(PassOutcome(asked=True, release="0.7.3")) == "0.7.3"

    def test_is_not_told_where_the_server_does_not_tell(self) -> None:
        assert self.release(PassOutcome(asked=True)) is None


def test_a_finding_has_the_shape_of_the_api_and_plain_text() -> None:
    outcome = PassOutcome([error(ConfigReason.INVALID_RUN_CONFIG)], applied=False)
    status = status_of(snapshot(llamastack()), outcome, NOW)
    assert status["findings"] == [
        {
            "severity": "error",
            "reason": "InvalidRunConfig",
            "message": "something is wrong",
            "path": "spec.server",
            "hint": "mend it",
        }
    ]
    assert all(type(value) is str for value in status["findings"][0].values())
    assert yaml.safe_load(yaml.safe_dump(status)) == status


def test_every_condition_speaks_of_the_generation_that_was_looked_at() -> None:
    status = status_of(snapshot(llamastack(generation=7), deployment()), PassOutcome(), NOW)
    assert status["observedGeneration"] == 7
    assert {entry["observedGeneration"] for entry in status["conditions"]} == {7}


def test_counts_and_the_selector_serve_the_scale_subresource() -> None:
    status = status_of(snapshot(llamastack(), deployment(wanted=3, available=2)), PassOutcome(), NOW)
    assert (status["replicas"], status["readyReplicas"]) == (3, 2)
    assert status["selector"] == "llamastack.dev/stack=bot,app.kubernetes.io/name=llamastack"
    assert status_of(snapshot(llamastack()), PassOutcome(), NOW)["replicas"] == 0


class TestTransitionTimes:
    def condition(self, status: str) -> dict[str, Any]:
        known = {"type": "Ready", "reason": "Old", "message": "", "observedGeneration": 1}
        return {"conditions": [{**known, "status": status, "lastTransitionTime": EARLIER}]}

    def since(self, status: str) -> str:
        seen = snapshot(llamastack(status=self.condition(status)), deployment(), pod(ready=True))
        (ready,) = [entry for entry in status_of(seen, PassOutcome(), NOW)["conditions"] if entry["type"] == "Ready"]
        return str(ready["lastTransitionTime"])

    def test_a_new_reason_with_the_same_status_keeps_the_time(self) -> None:
        assert self.since("True") == EARLIER

    def test_a_new_status_gets_a_new_time(self) -> None:
        assert self.since("False") == NOW

    def test_a_second_look_at_the_same_state_changes_nothing(self) -> None:
        seen = snapshot(llamastack(), deployment(), pod(ready=True))
        first = status_of(seen, PassOutcome(), EARLIER)
        again = snapshot(llamastack(status=first), deployment(), pod(ready=True))
        assert status_of(again, PassOutcome(), NOW) == first


STATES = st.builds(
    deployment,
    wanted=st.integers(0, 3),
    updated=st.integers(0, 3),
    available=st.integers(0, 3),
    replicas=st.integers(0, 3),
    observed=st.integers(3, 4),
)
OUTCOMES = st.builds(
    PassOutcome,
    findings=st.lists(st.sampled_from([error(reason) for reason in declared_reasons()]), max_size=2),
    applied=st.booleans(),
)


@given(STATES, OUTCOMES, st.booleans(), st.booleans())
def test_in_every_state_the_conditions_agree_with_one_another(
    child: Child, outcome: PassOutcome, suspend: bool, crashing: bool
) -> None:
    seen = snapshot(llamastack(suspend=suspend), child, pod(container=crashed() if crashing else {}))
    status = status_of(seen, outcome, NOW)
    LlamaStackStatus.model_validate(status)
    true = {entry["type"] for entry in status["conditions"] if entry["status"] == "True"}
    assert len(true & {"Ready", "Reconciling", "Stalled"}) == 1
    assert not ("Ready" in true and "ConfigValid" not in true)
    assert all(entry["message"] for entry in status["conditions"])
    assert is_true(status, ConditionType.READY) == ("Ready" in true)
    assert status_of(with_facts(seen, stack=replace(seen.stack, status=status)), outcome, "later") == status
