"""Which image a stack runs, which builds that takes, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.image.decide import decide_image
from llamastack_operator.planning.image.judge import ImageJudgement, judge_image
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.reading.planned import plan_install
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.stack import stack_from
from llamastack_operator.workloads.settings import ImageSettings
from tests.support.world import IMAGES, built, facts, judged, llamastack, read_facts, snapshot, succeeded

MODULE = "my_provider==1.0"
REPOSITORY = "registry.example/team/bot"


def with_module(module: str = MODULE, **build: Any) -> dict[str, Any]:
    entry = {"provider_id": "a", "provider_type": "remote::mine", "module": module}
    return llamastack(runConfig={"providers": {"safety": [entry]}}, build={"repository": REPOSITORY, **build})


def release_only(**build: Any) -> dict[str, Any]:
    body = with_module(**build)
    body["spec"]["distribution"] = {"release": {"package": "llama-stack", "version": "0.7.3"}}
    return body


def optional_module(*requirements: str) -> dict[str, Any]:
    """Return a stack with a module that a variable of which nothing is known may bring back."""
    body = with_module(pip={"requirements": list(requirements)})
    body["spec"]["runConfig"]["providers"]["safety"][0]["provider_id"] = "${env.A:=__disabled__}"
    body["spec"]["distribution"] = {"image": "registry.example/own:0.7.3"}
    body["spec"]["server"] = {"envFrom": [{"configMapRef": {"name": "urls"}}]}
    return body


def question(body: dict[str, Any], *builds: BuildRecord, **more: Any) -> ImageQuestion:
    stack = stack_from(body)
    assert stack.spec is not None
    assert stack.run_config is not None
    plan = plan_install(stack.spec, json.loads(stack.run_config), {})
    nothing_more = {"current": None, "access": "", "refresh": "", "unchanged": False}
    return ImageQuestion(stack.spec, plan, builds, **{**nothing_more, **more})


def decided(body: dict[str, Any], *builds: BuildRecord, settings: ImageSettings = IMAGES, **more: Any) -> ImageVerdict:
    return decide_image(question(body, *builds, **more), settings)


def first_build(body: dict[str, Any], **status: Any) -> BuildRecord:
    """Return the build that a stack asks for, as it stands with this status."""
    (wish,) = decided(body).wishes
    return succeeded(wish.name, wish.spec, **status)


def image_of(found: Snapshot) -> ImageVerdict:
    assert found.image is not None
    return found.image


class TestWithoutABuild:
    def test_an_image_that_has_everything_is_run_as_it_is(self) -> None:
        verdict = image_of(snapshot(llamastack()))
        assert (verdict.ready, verdict.reason, verdict.wishes) == (True, "Prebuilt", ())
        assert verdict.runtime is not None
        assert verdict.runtime.image == "docker.io/llamastack/distribution-starter:0.7.3"

    def test_an_operator_that_does_not_know_its_image_says_so(self) -> None:
        verdict = decided(with_module(), settings=ImageSettings())
        assert (verdict.ready, verdict.stalled, verdict.wishes) == (False, True, ())
        assert "--operator-image" in verdict.hint

    def test_an_error_in_the_spec_asks_for_no_build(self) -> None:
        found = snapshot(with_module(module="not a requirement ==="))
        assert found.image is None
        assert [finding.severity for finding in found.install_findings] == ["error"]


class TestFirstBuild:
    def test_is_asked_for_with_its_reason_and_its_inputs(self) -> None:
        verdict = decided(with_module())
        (wish,) = verdict.wishes
        assert (verdict.ready, verdict.reason, verdict.current) == (False, "Queued", wish.name)
        assert wish.spec["reasons"] == ["nothing was built for this stack before"]
        assert wish.spec["inputs"]["layer"]["modules"] == [MODULE]
        assert wish.spec["inputs"]["repository"] == REPOSITORY
        assert wish.name.startswith("modules-" + wish.spec["key"][:16])

    def test_holds_no_credential_but_names(self) -> None:
        (wish,) = decided(with_module(pushSecretRef={"name": "push"}, pip={"secretRef": {"name": "index"}})).wishes
        assert wish.spec["access"] == {"pushSecretRef": {"name": "push"}, "indexSecretRef": {"name": "index"}}

    def test_of_a_release_is_that_of_the_stack_alone_until_it_is_there(self) -> None:
        (wish,) = decided(release_only()).wishes
        assert wish.name.startswith("stack-")
        assert wish.spec["inputs"]["base"]["image"] == IMAGES.python
        assert "llama-stack==0.7.3" in wish.spec["inputs"]["layer"]["requirements"]

    def test_of_modules_goes_onto_the_digest_of_the_stacks(self) -> None:
        stack = first_build(release_only())
        _, wish = decided(release_only(), stack).wishes
        assert wish.spec["inputs"]["base"]["image"] == stack.status.image
        assert wish.spec["inputs"]["base"]["digest"] == stack.status.digest


class TestFinishedBuild:
    def test_is_run_by_its_digest_where_it_was_built_for(self) -> None:
        verdict = image_of(built(facts(with_module())))
        assert (verdict.ready, verdict.reason) == (True, "UpToDate")
        assert verdict.runtime is not None
        assert verdict.runtime.image.startswith(f"{REPOSITORY}@sha256:")
        assert verdict.runtime.architecture == "amd64"

    def test_of_another_stack_with_the_same_inputs_is_used(self) -> None:
        build = first_build(with_module())
        verdict = decided(with_module(), build)
        assert verdict.ready
        assert [(wish.name, wish.spec) for wish in verdict.wishes] == [(build.key[1], {})]

    def test_in_another_repository_is_not(self) -> None:
        build = first_build(with_module())
        assert not decided(with_module(repository="registry.example/other"), build).ready

    def test_in_another_repository_does_not_stand_in_the_way_of_the_one_that_is_wanted(self) -> None:
        build = first_build(with_module())
        for other in (with_module(repository="registry.example/other"), with_module(strategy="Start")):
            (wish,) = decided(other, build).wishes
            assert wish.spec["key"] == build.spec.key
            assert wish.name != build.key[1], "or it could never be created"

    def test_is_used_whatever_credentials_made_it(self) -> None:
        build = first_build(with_module(pushSecretRef={"name": "old"}))
        assert decided(with_module(pushSecretRef={"name": "new"}), build, access="changed").ready

    def test_pulls_with_the_pushing_secret_where_none_is_named_for_pulling(self) -> None:
        verdict = image_of(built(facts(with_module(pushSecretRef={"name": "credentials"}))))
        assert verdict.runtime is not None
        assert verdict.runtime.pull_secret == "credentials"  # noqa: S105 - the name of one

    def test_that_is_on_its_way_out_is_not_used(self) -> None:
        build = replace(first_build(with_module()), deleting=True)
        assert not decided(with_module(), build).ready


class TestStart:
    def test_is_the_strategy_without_a_repository(self) -> None:
        body = with_module()
        del body["spec"]["build"]
        verdict = image_of(built(facts(body)))
        assert (verdict.ready, verdict.reason) == (True, "InstalledAtStart")
        assert verdict.runtime is not None
        assert verdict.runtime.install is not None
        assert verdict.runtime.image == "docker.io/llamastack/distribution-starter:0.7.3"
        assert verdict.runtime.install.packages == ("/opt/llamastack/modules/lib/python3.13/site-packages",)

    def test_installs_a_release_and_its_modules_one_after_the_other(self) -> None:
        body = release_only()
        del body["spec"]["build"]
        found = built(facts(body))
        runtime = image_of(found).runtime
        assert runtime is not None
        assert runtime.install is not None
        install = runtime.install
        assert install.programs == ("/opt/llamastack/stack/bin",)
        _, modules = image_of(found).wishes
        assert install.lock == f"{modules.name}-lock"


FAILURE = {"reason": "RegistryUnauthorized", "message": "no", "hint": "yes"}


class TestFailedBuild:
    def failed(self, body: dict[str, Any], **status: Any) -> BuildRecord:
        (wish,) = decided(body).wishes
        return succeeded(wish.name, wish.spec, phase="Failed", failure=FAILURE, attempts=1, **status)

    def test_has_its_own_reason_message_and_cure(self) -> None:
        verdict = decided(with_module(), self.failed(with_module()))
        assert (verdict.ready, verdict.reason, verdict.stalled, verdict.hint) == (
            False,
            "RegistryUnauthorized",
            True,
            "yes",
        )

    def test_that_is_tried_again_is_not_stalled(self) -> None:
        verdict = decided(with_module(), self.failed(with_module(), nextAttemptAt="2026-01-01T00:00:00Z"))
        assert not verdict.stalled
        assert "the next is at 2026-01-01T00:00:00Z" in verdict.message

    @pytest.mark.parametrize(
        ("body", "access"),
        [
            (with_module(), "another version of a Secret"),
            (with_module(resources={"limits": {"memory": "2Gi"}}), ""),
            (with_module(timeoutSeconds=99), ""),
            (with_module(workspace={"sizeLimit": "9Gi"}), ""),
            (with_module(caBundleRef={"name": "ca", "key": "k"}), ""),
        ],
    )
    def test_is_tried_anew_at_once_when_what_it_needed_changes(self, body: dict[str, Any], access: str) -> None:
        old = self.failed(with_module())
        verdict = decided(body, old, access=access)
        (wish,) = verdict.wishes
        assert (verdict.reason, wish.spec["key"]) == ("Queued", old.inputs_key)
        assert wish.name != old.key[1]

    def test_whose_reason_nobody_knows_is_a_failed_build(self) -> None:
        (wish,) = decided(with_module()).wishes
        build = succeeded(wish.name, wish.spec, phase="Failed", failure={"reason": "Invented"})
        assert decided(with_module(), build).reason == "BuildFailed"


def test_a_build_that_waits_after_a_try_says_why_that_failed() -> None:
    told = {"reason": "PodsRefused", "message": "the build's pod cannot be created: exceeded quota", "retry": True}
    build = first_build(with_module(), phase="Queued", failure=told, attempts=1)
    verdict = decided(with_module(), build)
    assert (verdict.reason, verdict.stalled) == ("Queued", False)
    assert verdict.message.endswith(f"waits for its turn, after a try that failed: {told['message']}")
    assert "failed" not in decided(with_module(), first_build(with_module(), phase="Queued")).message


class TestFailsForLong:
    """Tries go on, and somebody should look."""

    def verdict(self, **status: Any) -> ImageVerdict:
        told = {"reason": "IndexUnreachable", "message": "no answer", "retry": True}
        failed = {"phase": "Failed", "failure": told, "attempts": 20, "nextAttemptAt": "2026-01-03T00:00:00Z"}
        return decided(with_module(), first_build(with_module(), **failed, **status))

    @pytest.mark.parametrize(
        ("since", "stalled"),
        [("2026-01-01T12:00:00Z", True), ("2026-01-01T12:00:01Z", False), (None, False)],
    )
    def test_is_stalled_after_a_day(self, since: str | None, stalled: bool) -> None:
        verdict = self.verdict(failingSince=since, finishedAt="2026-01-02T12:00:00Z")
        assert (verdict.reason, verdict.stalled) == ("IndexUnreachable", stalled)
        assert "the next is at 2026-01-03T00:00:00Z" in verdict.message
        assert (f"since {since} none succeeded" in verdict.message) is stalled


@pytest.mark.parametrize(("asked", "told"), [(3600, []), (3601, ["TimeoutShortened"]), (None, [])])
def test_a_timeout_that_is_shortened_is_told_and_changes_no_build(asked: int | None, told: list[str]) -> None:
    body = with_module(timeoutSeconds=asked)
    if asked is None:
        del body["spec"]["build"]["timeoutSeconds"]
    found = judge_image(facts(body), question(body), IMAGES).findings
    assert [one.reason for one in found] == told
    assert all(one.path == "spec.build.timeoutSeconds" and "3600 seconds" in one.message for one in found)
    (wish,) = decided(body).wishes
    (same,) = decided(body, settings=replace(IMAGES, longest_timeout=60)).wishes
    assert wish == same


class TestRebuild:
    def test_says_what_changed(self) -> None:
        old = first_build(with_module())
        (wish,) = decided(with_module("my_provider==1.1"), old, current=old.key[1]).wishes
        assert wish.spec["reasons"] == ["packages: my-provider 1.0 -> 1.1"]

    def test_is_asked_for_by_a_refresh(self) -> None:
        old = first_build(with_module())
        (wish,) = decided(with_module(), old, current=old.key[1], refresh="monday").wishes
        assert wish.spec["key"] != old.inputs_key
        assert "fresh look" in wish.spec["reasons"][0]
        same = wish.spec["inputs"]["imageKey"]
        assert same == old.inputs_key, "what finds nothing new makes the same image, and is no rollout"

    @pytest.mark.parametrize(
        ("before", "after", "cause"),
        [
            ("24h/1", "24h/2", "Refresh"),
            ("x@24h/1", "x@24h/2", "Refresh"),
            ("", "24h/2", None),
            ("24h/1", "x@24h/2", None),
            ("24h/1", "12h/2", None),
            ("x", "y", None),
        ],
    )
    def test_can_wait_if_an_interval_alone_asks_for_it(self, before: str, after: str, cause: str | None) -> None:
        (first,) = decided(with_module(), refresh=before).wishes
        old = succeeded(first.name, first.spec)
        assert "cause" not in first.spec
        (wish,) = decided(with_module(), old, current=old.key[1], refresh=after).wishes
        assert wish.spec.get("cause") == cause
        assert succeeded("b", wish.spec).spec.cause == (cause or "")

    def test_cannot_wait_if_somebody_changed_something_too(self) -> None:
        (first,) = decided(with_module(), refresh="24h/1").wishes
        old = succeeded(first.name, first.spec)
        (wish,) = decided(with_module("my_provider==1.1"), old, current=old.key[1], refresh="24h/2").wishes
        assert "cause" not in wish.spec

    def test_can_wait_if_it_follows_from_a_layer_below_that_can(self) -> None:
        """The layer below has another digest then, which is no edit of the base."""
        body = release_only()
        made: list[BuildRecord] = []
        for refresh in ("24h/1", "24h/2"):
            for _ in range(2):
                verdict = decided(body, *made, refresh=refresh, current=made[-1].key[1] if made else None)
                wish = verdict.wishes[-1]
                made.append(succeeded(wish.name, wish.spec))
        assert [one.spec.cause for one in made] == ["", "", "Refresh", "Refresh"]

    def test_is_not_caused_by_an_upgrade_of_the_operator(self) -> None:
        body = release_only()
        stack = first_build(body)
        (_, wish) = decided(body, stack).wishes
        modules = succeeded(wish.name, wish.spec)
        upgraded = ImageSettings(operator="registry.example/operator:2", python="registry.example/python:3.14")
        kept = decided(body, stack, modules, settings=upgraded, current=modules.key[1], unchanged=True)
        assert (kept.ready, kept.current) == (True, modules.key[1])
        anew = decided(body, stack, modules, settings=upgraded, current=modules.key[1], unchanged=False)
        assert anew.wishes[0].spec["inputs"]["base"]["image"] == "registry.example/python:3.14"


class TestUpgradeOfTheOperator:
    """What it brings (its Python, its index, its own image) is no reason to build, and restarts no pod."""

    UPGRADED = ImageSettings(
        operator="registry.example/operator:2",
        python="registry.example/python:3.14",
        index="https://new.example/simple",
        named_indexes=(("pytorch-cpu", "https://torch.example"),),
    )

    def made(self, body: dict[str, Any]) -> list[BuildRecord]:
        """Return the builds of a stack, made by the operator of before."""
        builds: list[BuildRecord] = []
        while wishes := [wish for wish in decided(body, *builds).wishes if wish.spec]:
            builds += [succeeded(wish.name, wish.spec, operatorImage=IMAGES.operator) for wish in wishes]
        return builds

    @pytest.mark.parametrize("body", [with_module(), release_only()])
    def test_keeps_the_image(self, body: dict[str, Any]) -> None:
        builds = self.made(body)
        before = decided(body, *builds, current=builds[-1].key[1], unchanged=True)
        after = decided(body, *builds, current=builds[-1].key[1], unchanged=True, settings=self.UPGRADED)
        assert before.ready
        assert after == before

    @pytest.mark.parametrize("body", [with_module(repository=None), release_only(repository=None)])
    def test_keeps_what_pods_install_and_what_they_install_it_with(self, body: dict[str, Any]) -> None:
        del body["spec"]["build"]
        builds = self.made(body)
        before = decided(body, *builds, current=builds[-1].key[1], unchanged=True)
        after = decided(body, *builds, current=builds[-1].key[1], unchanged=True, settings=self.UPGRADED)
        assert before.ready
        assert after == before
        assert after.runtime is not None
        assert after.runtime.install is not None
        assert after.runtime.install.operator == IMAGES.operator

    @pytest.mark.parametrize("also", [[], ["other==1"]])
    def test_keeps_an_image_without_what_a_variable_may_bring_back_until_the_stack_changes(
        self, also: list[str]
    ) -> None:
        """The operator before built for what is on by default alone."""
        body = optional_module(*also)
        least = optional_module(*also)
        least["spec"]["runConfig"]["providers"]["safety"][0]["provider_id"] = "__disabled__"
        builds = self.made(least)
        current = builds[-1].key[1] if builds else None
        kept = decided(body, *builds, current=current, unchanged=True, settings=self.UPGRADED)
        assert (kept.ready, kept.current) == (True, current)
        anew = decided(body, *builds, current=current)
        assert not anew.ready
        full = self.made(body)
        after = decided(body, *builds, *full, current=full[-1].key[1], unchanged=True, settings=self.UPGRADED)
        assert (after.ready, after.current) == (True, full[-1].key[1])

    def test_does_not_hide_what_the_user_changed(self) -> None:
        body = release_only()
        builds = self.made(body)
        edited = release_only(pip={"constraints": ["numpy<2"]})
        verdict = decided(edited, *builds, current=builds[-1].key[1], settings=self.UPGRADED)
        assert not verdict.ready
        assert any("constraints" in reason for reason in verdict.wishes[0].spec["reasons"])

    def test_keeps_an_index_that_the_stack_names(self) -> None:
        body = with_module(pip={"indexUrl": "https://mine.example/simple"})
        (wish,) = decided(body, settings=self.UPGRADED).wishes
        assert wish.spec["inputs"]["pip"]["indexes"] == ["https://mine.example/simple"]


def test_a_recipe_alone_is_no_reason_to_build() -> None:
    old = first_build(with_module())
    inputs = replace(old.spec.inputs, recipe=0)
    earlier = replace(old, spec=replace(old.spec, key="0" * 64, inputs=inputs))
    assert decided(with_module(), earlier, current=earlier.key[1]).current == earlier.key[1]


def test_a_snapshot_with_errors_says_nothing_of_its_image() -> None:
    found = read_facts(llamastack(runConfig={}))
    assert judge_image(found, None, IMAGES) == ImageJudgement(None, ())
    assert judged(found).image is None


@pytest.mark.parametrize(
    ("pip", "indexes"),
    [
        ({"constraints": ["a<2"]}, []),
        ({"indexUrl": "https://one.example/simple"}, ["https://one.example/simple"]),
        ({"extraIndexUrls": ["https://two.example/simple"]}, ["", "https://two.example/simple"]),
    ],
)
def test_further_indexes_are_asked_beside_the_default_one(pip: dict[str, Any], indexes: list[str]) -> None:
    (wish,) = decided(with_module(pip=pip)).wishes
    assert wish.spec["inputs"]["pip"]["indexes"] == indexes
