"""The status of a build as a value: read whole, written as it was, and changed by what happens to a try."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.api.llamastackbuild import LlamaStackBuildStatus
from llamastack_operator.objects.build_spec import build_spec
from llamastack_operator.objects.build_status import BuildStatus, RecordedFailure, build_status
from tests.support.build_attempts import INPUTS

NOW, EARLIER = "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"
MODULE = {"requirement": "m==1", "distribution": "m", "version": "1", "importName": "m"}
FAILURE = {"reason": "Evicted", "message": "gone", "hint": "look", "step": "push", "retry": True, "tail": ["a", "b"]}
ABOUT = {**FAILURE, "concerns": ["m"]}
WHOLE: dict[str, Any] = {
    "phase": "Succeeded",
    "step": "pushing",
    "attempts": 2,
    "failures": 1,
    "failingSince": EARLIER,
    "startedAt": EARLIER,
    "finishedAt": NOW,
    "nextAttemptAt": NOW,
    "rerun": "x",
    "failure": ABOUT,
    "image": "registry.example/bot@sha256:" + "c" * 64,
    "digest": "sha256:" + "c" * 64,
    "baseDigest": "sha256:" + "b" * 64,
    "platform": "linux/amd64",
    "operatorImage": "registry.example/operator:1",
    "python": "3.13",
    "lockDigest": "sha256:" + "e" * 64,
    "imageSize": 10,
    "pushedBytes": 0,
    "modules": [{**MODULE, "providers": ["safety/remote::m"]}, {**MODULE, "providers": []}, MODULE],
    "installed": 0,
}
EVICTED = RecordedFailure("Evicted", "gone", hint="", step="", retry=True, tail=())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WHOLE, *ABOUT, *MODULE]), inner),
)


class TestReading:
    def test_takes_every_field_of_the_api_but_the_lock(self) -> None:
        fields = {field.alias or name for name, field in LlamaStackBuildStatus.model_fields.items()}
        assert fields - {"lock"} == set(WHOLE)
        assert LlamaStackBuildStatus.model_validate(WHOLE).to_wire() == WHOLE

    @pytest.mark.parametrize(
        "wire",
        [
            WHOLE,
            {**WHOLE, "failure": FAILURE},
            {},
            {"phase": "Queued"},
            {"phase": "Failed", "failure": {"reason": "X"}},
        ],
    )
    def test_leaves_what_is_written_as_it_was(self, wire: dict[str, Any]) -> None:
        assert build_status(wire).to_wire() == wire

    @given(st.dictionaries(st.sampled_from(sorted(WHOLE)), JSON) | JSON)
    def test_takes_what_is_not_of_the_agreed_type_for_missing(self, wire: Any) -> None:
        assert build_status(build_status(wire).to_wire()) == build_status(wire)


class TestTry:
    whole = build_status(WHOLE)
    counted = ("failures", "failingSince")

    def test_that_waits_keeps_what_is_known_of_those_before(self) -> None:
        kept = {name: WHOLE[name] for name in ("attempts", "failure", "rerun", "baseDigest", *self.counted)}
        assert self.whole.queued().to_wire() == {"phase": "Queued", **kept}

    def test_that_starts_keeps_what_makes_the_same_image_again(self) -> None:
        begun = {"phase": "Building", "step": "starting", "attempts": 3, "startedAt": NOW}
        lasting = {name: WHOLE[name] for name in ("rerun", "baseDigest", *self.counted)}
        assert self.whole.started(3, NOW).to_wire() == {**begun, **lasting}

    def test_that_goes_on_changes_its_step_alone(self) -> None:
        assert self.whole.at("packing").to_wire() == {**WHOLE, "step": "packing"}

    def test_that_failed_says_why_and_when_the_next_is_due(self) -> None:
        status = BuildStatus(phase="Building", attempts=2, started_at=EARLIER, step="x").failed(EVICTED, NOW, "later")
        ended = {"phase": "Failed", "attempts": 2, "startedAt": EARLIER, "finishedAt": NOW, "nextAttemptAt": "later"}
        counted = {"failures": 1, "failingSince": NOW}
        told = {"failure": {"reason": "Evicted", "message": "gone", "retry": True}}
        assert status.to_wire() == {**ended, **counted, **told}

    def test_that_fails_again_is_counted_and_keeps_when_that_began(self) -> None:
        once = BuildStatus().failed(EVICTED, EARLIER, NOW)
        twice = once.started(2, NOW).failed(EVICTED, NOW, None)
        assert (twice.failures, twice.failing_since) == (2, EARLIER)

    def test_that_failed_without_a_known_start_was_the_first_and_began_when_it_ended(self) -> None:
        status = BuildStatus().failed(EVICTED, NOW, None)
        assert (status.attempts, status.started_at, status.next_attempt_at) == (1, NOW, None)

    def test_leaves_the_status_before_it_as_it_was(self) -> None:
        before = build_status(WHOLE)
        before.failed(EVICTED, NOW, None)
        before.started(9, NOW)
        assert before == build_status(WHOLE)


class TestSpec:
    def test_has_what_a_build_of_an_earlier_operator_recorded(self) -> None:
        """The first version wrote no `imageKey`, `labels` or `platform`; what is missing is None or empty."""
        spec = build_spec({"key": "k", "strategy": "Image", "inputs": INPUTS})
        assert (spec.key, spec.pushes, spec.access, spec.cause) == ("k", True, {}, "")
        assert (spec.inputs.base, spec.inputs.base_digest) == ("registry.example/starter:1", None)
        assert (spec.inputs.layer.kind, spec.inputs.layer.root) == ("modules", "/opt/llamastack/modules")
        assert spec.inputs.layer.wire == INPUTS["layer"], "it is passed on as it was written"
        assert (spec.inputs.image_key, spec.inputs.platform, spec.inputs.labels) == (None, None, {})

    @given(JSON | st.dictionaries(st.sampled_from(["key", "strategy", "inputs", "access", "cause"]), JSON))
    def test_is_read_whatever_it_holds(self, wire: Any) -> None:
        spec = build_spec(wire)
        assert isinstance(spec.inputs.base, str)
        assert isinstance(spec.cause, str)
        assert isinstance(spec.inputs.earlier_builds, tuple)
