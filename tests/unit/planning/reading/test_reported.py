"""What a pod reported of an image makes the next edit's errors certain, and stops nothing that pods started with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llamastack_operator import catalog
from llamastack_operator.planning.reading.question import ReadingQuestion, question_of
from llamastack_operator.planning.reading.read import read
from llamastack_operator.planning.reading.reported import ReportedRelease, reported_release
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.known_image import KnownImage
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_resolver.releases import Release
from tests.support.conditions import NOW
from tests.support.start_checks import reporting, serving, starting
from tests.support.world import IMAGES, UID, facts, judged, llamastack, read_facts

SETTINGS = WorkloadSettings(images=IMAGES)
RELEASE = Release("llama-stack", "0.7.3")
PLAIN = catalog.load_release(RELEASE).specs_digest
TAG, DIGEST = "registry.example/mine:1", f"sha256:{'1' * 64}"
PINNED = f"registry.example/mine@{DIGEST}"
VLLM = {"provider_id": "a", "provider_type": "remote::vllm", "config": {"base_url": "http://v/v1"}}
TYPO = {"provider_id": "b", "provider_type": "remote::vlm"}
MOVED = {**VLLM, "provider_id": "b", "config": {"url": "http://v/v1"}}
NAMED = {"package": "llama-stack", "version": "0.7.3"}


def config(*more: dict[str, Any]) -> dict[str, Any]:
    return {"version": 2, "distro_name": "a", "providers": {"inference": [VLLM, *more]}}


FINE, UNKNOWN_TYPE, TWICE, KEY = config(), config(TYPO), config(VLLM), config(MOVED)


def stack(
    run_config: dict[str, Any], image: str = PINNED, before: dict[str, Any] | None = None, **distribution: Any
) -> StackFacts:
    """Return a stack of an image as it is read beside a status."""
    return read_facts(llamastack(status=before, distribution={"image": image, **distribution}, runConfig=run_config))


def told(found: StackFacts) -> list[tuple[str, str]]:
    """Return severity and reason of what a plan says, which is made where none is an error."""
    decided = plan(judged(found), SETTINGS)
    assert (decided.desired is None) is any(one.severity == "error" for one in decided.findings)
    return [(str(one.severity), str(one.reason)) for one in decided.findings]


def hints(found: StackFacts) -> str:
    return " ".join(one.hint or "" for one in plan(judged(found), SETTINGS).findings)


def after(
    run_config: dict[str, Any] = FINE,
    image: str = PINNED,
    release: str = "0.7.3",
    specs: str = PLAIN,
    ready: bool = False,
    **distribution: Any,
) -> dict[str, Any]:
    """Return the status of a stack whose first pod has made its report."""
    pod = reporting(image, release, specs, DIGEST, ready=ready)
    body = llamastack(distribution={"image": image, **distribution}, runConfig=run_config)
    found = read_facts(body, serving() if ready else starting(), pod)
    assert plan(judged(found), SETTINGS).desired is not None
    return status_of(judged(found), PassOutcome(), NOW)


class TestAnImageOfWhichNothingIsKnown:
    def test_is_warned_about_until_a_pod_of_it_has_reported(self) -> None:
        assert told(stack(UNKNOWN_TYPE)) == [("warning", "UnknownProviderType")]
        assert told(stack(TWICE)) == [("warning", "DuplicateProviderId")]

    def test_is_judged_with_certainty_at_the_next_edit_once_one_has(self) -> None:
        edited = stack(UNKNOWN_TYPE, before=after())
        assert told(edited) == [("error", "UnknownProviderType")]
        assert "A pod of this image reported 0.7.3." in hints(edited)
        assert told(stack(TWICE, before=after())) == [("error", "DuplicateProviderId")]

    def test_is_read_for_the_release_that_was_reported(self) -> None:
        assert stack(FINE, before=after()).reading.release == "0.7.3"
        assert stack(FINE, before=after(release="0.7.1", specs="")).reading.release == "0.7.1"

    def test_is_judged_so_by_its_digest_whatever_it_is_called(self) -> None:
        assert told(stack(UNKNOWN_TYPE, f"mirror.example/a:2@{DIGEST}", after())) == [("error", "UnknownProviderType")]

    def test_is_not_known_by_another_digest(self) -> None:
        other = f"registry.example/mine@sha256:{'2' * 64}"
        assert told(stack(UNKNOWN_TYPE, other, after())) == [("warning", "UnknownProviderType")]

    def test_may_bring_keys_that_its_release_has_not(self) -> None:
        """No pod looks at a config class before it starts the provider."""
        assert told(stack(KEY, before=after())) == [("warning", "UnknownField")]


class TestAnImageWithMoreThanItsRelease:
    BEFORE = after(specs="f" * 16)

    def test_may_have_types_that_the_catalog_does_not_know(self) -> None:
        assert told(stack(UNKNOWN_TYPE, before=self.BEFORE)) == [("warning", "UnknownProviderType")]

    def test_is_certain_in_what_every_image_of_the_release_does(self) -> None:
        assert told(stack(TWICE, before=self.BEFORE)) == [("error", "DuplicateProviderId")]

    def test_is_also_one_whose_pods_have_not_told_what_it_ships(self) -> None:
        assert told(stack(UNKNOWN_TYPE, before=after(specs=""))) == [("warning", "UnknownProviderType")]

    def test_is_also_one_that_another_release_stands_in_for(self) -> None:
        assert told(stack(UNKNOWN_TYPE, before=after(release="0.7.99"))) == [("warning", "UnknownProviderType")]


class TestATag:
    """It may stand for another image at the next start: the release is known, and nothing of it is certain."""

    def test_is_read_for_the_release_and_stops_nothing(self) -> None:
        found = stack(UNKNOWN_TYPE, TAG, after(image=TAG))
        assert (found.reading.release, told(found)) == ("0.7.3", [("warning", "UnknownProviderType")])
        assert "its tag may stand for another image than the one whose pod reported 0.7.3" in hints(found)

    def test_that_was_moved_makes_known_what_is_not(self) -> None:
        moved = reporting(TAG, "", digest=f"sha256:{'2' * 64}", created="2027-01-01T00:00:00Z")
        body = llamastack(status=after(image=TAG), distribution={"image": TAG}, runConfig=UNKNOWN_TYPE)
        before = status_of(judged(read_facts(body, starting(), moved)), PassOutcome(), NOW)
        found = stack(UNKNOWN_TYPE, TAG, before)
        assert "imageReport" not in before
        assert told(found) == [("warning", "UnknownProviderType")]
        assert "the image's release is not known" in hints(found)

    def test_that_is_pinned_to_what_its_pods_ran_is_certain(self) -> None:
        assert told(stack(UNKNOWN_TYPE, PINNED, after(image=TAG))) == [("error", "UnknownProviderType")]


class TestAReleaseThatTheSpecNames:
    def test_is_what_is_read_whatever_pods_report(self) -> None:
        found = stack(FINE, before=after(release="ogx-1.5.0", specs=""), release=NAMED)
        assert found.reading.release == "0.7.3"

    def test_has_no_more_than_the_catalog_says_where_its_pods_say_so(self) -> None:
        assert told(stack(UNKNOWN_TYPE, release=NAMED)) == [("warning", "UnknownProviderType")]
        before = after(release="0.7.3", specs=PLAIN)
        assert told(stack(UNKNOWN_TYPE, before=before, release=NAMED)) == [("error", "UnknownProviderType")]

    def test_is_not_made_certain_by_the_pods_of_another(self) -> None:
        other = catalog.load_release(Release("llama-stack", "0.7.1")).specs_digest
        before = after(release="0.7.1", specs=other)
        assert told(stack(UNKNOWN_TYPE, before=before, release=NAMED)) == [("warning", "UnknownProviderType")]


class TestWhatPodsHaveStartedWith:
    @pytest.mark.parametrize("ready", [False, True])
    @pytest.mark.parametrize("run_config", [UNKNOWN_TYPE, TWICE])
    def test_is_not_stopped_by_what_they_report(self, run_config: dict[str, Any], ready: bool) -> None:
        """Between its report and its first Ready a stack has not served yet."""
        found = stack(run_config, before=after(run_config, ready=ready))
        assert [severity for severity, _ in told(found)] == ["warning"]
        assert found.reading.has_errors
        assert ("has served with this" if ready else "their check decides") in hints(found)

    def test_is_stopped_where_it_is_edited(self) -> None:
        before = after(UNKNOWN_TYPE, ready=True)
        edited = config(TYPO, {**TYPO, "provider_id": "c"})
        assert {severity for severity, _ in told(stack(edited, before=before))} == {"error"}

    def test_is_stopped_by_what_is_wrong_without_any_report(self) -> None:
        """Inputs that only started, as `Warn` lets them, are no reason to let them go on."""
        image = "docker.io/llamastack/distribution-starter:0.7.3"
        digest = stack(UNKNOWN_TYPE, image).reading.digest
        kept = {"image": image, "digest": DIGEST, "release": "0.7.3", "inputs": digest}
        assert told(stack(UNKNOWN_TYPE, image, {"imageReport": kept})) == [("error", "UnknownProviderType")]

    @pytest.mark.parametrize("run_config", [FINE, UNKNOWN_TYPE, {"version": 2, "providers": {"inference": [VLLM]}}])
    @pytest.mark.parametrize("image", [PINNED, TAG])
    def test_is_what_its_pods_get_before_and_after(self, run_config: dict[str, Any], image: str) -> None:
        """Nothing of a report goes into a run config: knowing a release rolls no pod."""
        first, second = (
            plan(judged(stack(run_config, image, before)), SETTINGS) for before in (None, after(run_config, image))
        )
        assert first.desired is not None and second.desired is not None
        assert [one.body for one in first.desired] == [one.body for one in second.desired]


class TestTheQuestion:
    def question(self, before: dict[str, Any] | None) -> ReadingQuestion:
        asked = question_of(facts(llamastack(status=before, distribution={"image": PINNED}, runConfig=FINE)))
        assert asked is not None
        return asked

    def test_is_another_one_about_the_same_inputs(self) -> None:
        """Else a stack that has served would be one that has not, once its pods have told."""
        first, second = self.question(None), self.question(after())
        assert first.key != second.key
        assert first.digest == second.digest

    def test_is_the_same_after_it_was_written_and_read(self) -> None:
        asked = self.question(after())
        again = ReadingQuestion.of_text(asked.text)
        assert (again.image, again.key, again.digest) == (asked.image, asked.key, asked.digest)
        assert again.image == KnownImage("0.7.3", PLAIN, pinned=True)


class TestAStrangersReport:
    @pytest.mark.parametrize("release", ["0.9.0", "ogx-99.0.0", "99999999999999999999.0.0", "0.1.0"])
    def test_of_a_release_that_nobody_knows_counts_for_nothing(self, release: str) -> None:
        before = after(release=release)
        assert told(stack(UNKNOWN_TYPE, before=before)) == [("warning", "UnknownProviderType")]
        assert stack(FINE, before=before).reading == stack(FINE).reading

    def test_that_was_forged_in_the_status_is_no_release(self) -> None:
        assert reported_release(KnownImage("../../etc/passwd", PLAIN, pinned=True)) is None
        assert reported_release(KnownImage("", "", pinned=True)) is None

    def test_says_nothing_of_anybody_elses_stack(self) -> None:
        """The same image and config in another namespace: neither question nor answer knows of the report."""
        hostile = after(release="0.2.23", specs="")
        body = llamastack(distribution={"image": PINNED}, runConfig=FINE)
        body["metadata"].update(namespace="team-b", uid=UID.replace("1", "2"))
        victim, alone = question_of(facts(body)), question_of(facts(llamastack(**body["spec"])))
        poisoned = question_of(facts(llamastack(status=hostile, **body["spec"])))
        assert victim is not None and alone is not None and poisoned is not None
        assert victim.key == alone.key != poisoned.key
        assert read(poisoned).reading.release == "0.2.23"
        assert read(victim).reading == read(alone).reading

    def test_is_no_more_than_a_release_and_two_facts(self) -> None:
        known = KnownImage("0.7.3", PLAIN, pinned=True)
        assert reported_release(known) == ReportedRelease(RELEASE, plain=True, sure=True)
        assert reported_release(replace(known, specs="f" * 16)) == ReportedRelease(RELEASE, plain=False, sure=True)
