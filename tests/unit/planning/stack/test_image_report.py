"""Which of a stack's pods tells what is known of its image, and how long that is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llamastack_operator.objects.child import Child
from llamastack_operator.objects.pods import Pod
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.snapshot import Snapshot
from tests.support.start_checks import checked, report, reporting, starting, status
from tests.support.world import FINE, llamastack, snapshot, with_facts

ONE, OTHER = (f"sha256:{digit * 64}" for digit in "12")
TAG, PINNED = "registry.example/mine:1", f"registry.example/mine@{ONE}"
SPECS, INPUTS, NEWER = "0" * 16, "0" * 32, "1" * 32
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
KEPT = {"image": TAG, "digest": ONE, "release": "0.7.3", "specs": SPECS, "inputs": INPUTS}


def seen(*members: Child | Pod, image: str | None = TAG, kept: dict[str, str] | None = None, **spec: Any) -> Snapshot:
    """Return a stack of an image, that was read with some inputs, and its members."""
    before = {} if kept is None else {"imageReport": kept}
    distribution = {"image": image} if image else {"release": {"package": "llama-stack", "version": "0.7.3"}}
    found = snapshot(llamastack(status=before, distribution=distribution, **spec), *members)
    return with_facts(found, reading=replace(FINE, digest=INPUTS))


def known(stack: Snapshot, applied: bool = True) -> Any:
    return status(stack, PassOutcome(applied=applied)).get("imageReport")


class TestAPodOfTheImage:
    def test_tells_its_digest_its_release_and_the_inputs_that_it_started_with(self) -> None:
        assert known(seen(starting(), reporting(TAG, specs=SPECS, digest=ONE))) == KEPT

    def test_tells_the_digest_that_it_asked_for_whatever_the_runtime_calls_it(self) -> None:
        """Of an image for several platforms some runtimes name the manifest of their own."""
        found = known(seen(starting(), reporting(PINNED, digest=OTHER), image=PINNED))
        assert (found["image"], found["digest"]) == (PINNED, ONE)

    def test_also_tells_it_where_its_check_failed(self) -> None:
        failed = checked(replace(report(), verdict="Failed", errors=1), image=TAG, image_id=f"mine@{ONE}")
        assert known(seen(starting(), failed))["release"] == "0.7.3"

    @pytest.mark.parametrize(
        "pod",
        [
            pytest.param(reporting("registry.example/mine:2", digest=ONE), id="of another tag"),
            pytest.param(reporting(TAG), id="of which no node has told the digest"),
            pytest.param(reporting(TAG, release="", digest=ONE), id="that found no release"),
            pytest.param(reporting(TAG, release="the newest", digest=ONE), id="that found none that there is"),
            pytest.param(checked("Segmentation fault", image=TAG, image_id=f"mine@{ONE}"), id="that made no report"),
        ],
    )
    def test_tells_nothing(self, pod: Pod) -> None:
        assert known(seen(starting(), pod)) is None

    def test_of_a_layer_upon_it_is_another_image(self) -> None:
        assert known(seen(starting(), reporting(f"registry.example/built@{OTHER}"))) is None

    def test_tells_nothing_of_what_upstream_names_by_its_release(self) -> None:
        image = f"docker.io/llamastack/distribution-starter:0.7.3@{ONE}"
        assert known(seen(starting(), reporting(image), image=image)) is None


class TestTheInputs:
    def test_are_those_of_before_as_long_as_the_newest_could_not_be_applied(self) -> None:
        pod = reporting(TAG, specs=SPECS, digest=ONE)
        assert known(seen(starting(), pod, kept={**KEPT, "inputs": NEWER}), applied=False)["inputs"] == NEWER

    def test_are_those_of_before_as_long_as_no_pod_of_the_newest_revision_has_told(self) -> None:
        pod = reporting(TAG, specs=SPECS, digest=ONE, revision="old")
        assert known(seen(starting(), pod, kept={**KEPT, "inputs": NEWER}))["inputs"] == NEWER
        assert "inputs" not in known(seen(starting(), pod))


class TestWhatIsKept:
    def test_lasts_past_suspend_and_pods_that_went(self) -> None:
        assert known(seen(kept=KEPT, suspend=True)) == KEPT
        assert known(seen(starting(), kept=KEPT)) == KEPT

    def test_is_the_same_at_every_pass(self) -> None:
        """A pass that finds everything as it was writes no status."""
        stack = seen(starting(), reporting(TAG, specs=SPECS, digest=ONE))
        once = status(stack)
        again = with_facts(stack, stack=replace(stack.stack, status=once))
        assert status(again) == once

    def test_is_replaced_by_what_a_newer_pod_reports(self) -> None:
        older = reporting(TAG, "0.7.2", digest=ONE, name="a", created=EARLY, finished=EARLY)
        newer = reporting(TAG, "ogx-1.5.0", digest=OTHER, name="b", created=LATE, finished=LATE)
        for pods in ((older, newer), (newer, older)):
            found = known(seen(starting(), *pods, kept=KEPT))
            assert (found["digest"], found["release"]) == (OTHER, "ogx-1.5.0")

    def test_goes_as_soon_as_a_newer_pod_shows_that_the_tag_was_moved(self) -> None:
        moved = checked("", image=TAG, image_id=f"mine@{OTHER}", created=LATE)
        older = reporting(TAG, digest=ONE, name="a", created=EARLY)
        assert known(seen(starting(), older, moved, kept=KEPT)) is None

    def test_is_kept_while_a_pod_of_the_same_digest_has_yet_to_report(self) -> None:
        same = checked("", image=TAG, image_id=f"mine@{ONE}", created=LATE)
        assert known(seen(starting(), same, kept=KEPT)) == KEPT

    def test_is_kept_while_an_edit_to_another_image_has_no_pod_yet(self) -> None:
        assert known(seen(starting(), reporting(TAG, digest=ONE), image="registry.example/mine:2", kept=KEPT)) == KEPT

    def test_is_kept_where_the_spec_cannot_be_read(self) -> None:
        assert known(seen(starting(), kept=KEPT, server={"port": "none"}), applied=False) == KEPT

    def test_goes_with_the_image(self) -> None:
        assert known(seen(starting(), image=None, kept=KEPT)) is None


class TestTheReleaseOfTheStatus:
    """A server behind a login tells nobody its version."""

    def release(self, outcome: PassOutcome, said: str = "ogx-1.5.0") -> str | None:
        found: str | None = status(seen(starting(), reporting(TAG, said, digest=ONE)), outcome).get("release")
        return found

    def test_is_the_one_that_its_pods_found_where_its_server_does_not_tell(self) -> None:
        assert self.release(PassOutcome(asked=True)) == "1.5.0"

    def test_is_what_the_server_tells(self) -> None:
        assert self.release(PassOutcome(asked=True, release="1.4.0")) == "1.4.0"

    def test_is_none_where_its_pods_found_none(self) -> None:
        assert self.release(PassOutcome(asked=True), "what a stranger says") is None
        assert self.release(PassOutcome()) is None
