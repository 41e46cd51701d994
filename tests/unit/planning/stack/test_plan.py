"""What a pass decides to do, and when it need not decide again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.controller.stack.memo import Memo
from llamastack_operator.kube.ownership import owned_fields
from llamastack_operator.objects.child import Child, digest
from llamastack_operator.objects.resources import (
    CONFIGMAPS,
    PERSISTENTVOLUMECLAIMS,
    PODDISRUPTIONBUDGETS,
    SERVICES,
)
from llamastack_operator.planning.stack.plan import plan, shares_volume
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_resolver.reasons import ConfigReason
from tests.support.conditions import error
from tests.support.world import UID, child, deployment, judged, llamastack, read_facts, referred, snapshot, with_facts

SETTINGS = WorkloadSettings()
OTHER = "99999999-2222-3333-4444-555555555555"


def obsolete(seen: Snapshot) -> list[str]:
    return [f"{item.resource.kind}/{item.key[1]}" for item in plan(seen, SETTINGS).obsolete]


def applied(seen: Snapshot) -> Snapshot:
    """Return the snapshot after all that is planned was applied."""
    wanted = plan(seen, SETTINGS).desired or ()
    members = [
        replace(
            deployment() if item.resource.kind == "Deployment" else child(item.resource, spec={}),
            key=item.key,
            applied=item.applied,
            owned=digest(owned_fields(item.body)),
        )
        for item in wanted
    ]
    return seen.renewed(tuple(members), seen.pods)


class TestErrors:
    def test_an_error_plans_nothing_so_that_what_runs_is_left_alone(self) -> None:
        wrong = {"version": 2, "distro_name": "a", "providers": []}
        decided = plan(judged(read_facts(llamastack(runConfig=wrong), deployment())), SETTINGS)
        assert decided.desired is None
        assert decided.obsolete == ()
        assert [finding.path for finding in decided.findings] == ["spec.runConfig.providers"]

    def test_all_errors_are_told_at_once(self) -> None:
        nowhere = referred(findings=(error(ConfigReason.MISSING_REFERENCE),))
        found = read_facts(llamastack(runConfig={"distro_name": "a", "apis": 1, "providers": []}), referred=nowhere)
        paths = [finding.path for finding in plan(judged(found), SETTINGS).findings]
        assert paths == ["spec.server", "spec.runConfig.apis", "spec.runConfig.providers"]

    def test_without_a_run_config_there_is_nothing_to_plan(self) -> None:
        body = llamastack(runConfigFrom={"configMapKeyRef": {"name": "a", "key": "b"}})
        del body["spec"]["runConfig"]
        assert plan(snapshot(body), SETTINGS).desired is None
        assert plan(snapshot(body, referred=referred(run_config="{}")), SETTINGS).desired

    def test_a_claim_of_another_stack_is_not_taken_over(self) -> None:
        body = llamastack(server={"storage": {"size": "1Gi"}})
        left = child(
            PERSISTENTVOLUMECLAIMS, "bot-data", owner="", metadata={"annotations": {"llamastack.dev/stack-uid": OTHER}}
        )
        (finding,) = plan(snapshot(body, left), SETTINGS).findings
        assert (finding.reason, finding.path) == ("ClaimExists", "spec.server.storage")
        assert "claimName: bot-data" in (finding.hint or "")


def test_a_claim_that_an_earlier_stack_left_is_used_where_it_is_named() -> None:
    body = llamastack(server={"storage": {"claimName": "bot-data"}})
    left = child(
        PERSISTENTVOLUMECLAIMS, "bot-data", owner="", metadata={"annotations": {"llamastack.dev/stack-uid": OTHER}}
    )
    decided = plan(snapshot(body, left), SETTINGS)
    assert decided.findings == ()
    assert decided.obsolete == ()
    assert "PersistentVolumeClaim" not in {item.resource.kind for item in decided.desired or ()}


@pytest.mark.parametrize(
    ("package", "version"), [("llama-stack", "0.2.5"), ("ogx", "0.7.0"), ("llama_stack", "0.7.3"), ("ogx", "0.8.0\n")]
)
def test_a_release_that_cannot_be_started_is_told_and_stops_no_pass(package: str, version: str) -> None:
    """The schema of the CRD admits any version of a known package."""
    release = {"package": package, "version": version}
    decided = plan(snapshot(llamastack(distribution={"image": "a", "release": release})), SETTINGS)
    assert decided.desired is None
    (finding,) = decided.findings
    assert finding.severity == "error"
    assert finding.reason == ("UnsupportedVersion" if version[-1] != "\n" and "_" not in package else "InvalidSpec")
    assert (finding.path or "").startswith("spec.distribution.release")


class TestObsolete:
    def test_what_the_spec_no_longer_asks_for_goes(self) -> None:
        assert obsolete(snapshot(llamastack(), child(PODDISRUPTIONBUDGETS))) == ["PodDisruptionBudget/bot"]

    def test_objects_of_others_and_orphans_stay(self) -> None:
        members = (child(PODDISRUPTIONBUDGETS, owner=OTHER), child(SERVICES, "stray", owner="", spec={}))
        assert obsolete(snapshot(llamastack(), *members)) == []

    def test_a_claim_without_an_owner_is_never_deleted(self) -> None:
        kept = child(
            PERSISTENTVOLUMECLAIMS, "bot-data", owner="", metadata={"annotations": {"llamastack.dev/stack-uid": UID}}
        )
        assert obsolete(snapshot(llamastack(), kept)) == []

    def test_a_claim_that_was_to_go_with_the_stack_goes_with_the_wish(self) -> None:
        assert obsolete(snapshot(llamastack(), child(PERSISTENTVOLUMECLAIMS, "bot-data"))) == [
            "PersistentVolumeClaim/bot-data"
        ]

    def test_an_old_config_stays_while_a_pod_may_need_it(self) -> None:
        old = child(CONFIGMAPS, "bot-config-old")
        assert obsolete(snapshot(llamastack(), old)) == []
        assert obsolete(snapshot(llamastack(), old, deployment(replicas=2))) == []
        assert obsolete(snapshot(llamastack(), old, deployment(available=0))) == []
        assert obsolete(snapshot(llamastack(), old, deployment(observed=3))) == []
        assert obsolete(snapshot(llamastack(), old, deployment())) == ["ConfigMap/bot-config-old"]

    def test_what_is_on_its_way_out_is_not_deleted_again(self) -> None:
        going = child(PODDISRUPTIONBUDGETS, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
        assert obsolete(snapshot(llamastack(), going)) == []


@pytest.mark.parametrize(
    ("one", "expected"),
    [(deployment(wanted=0), True), (deployment(wanted=0, replicas=1), False), (deployment(observed=3), False)],
)
def test_a_rollout_to_no_pod_is_complete_when_the_last_pod_is_gone(one: Child, expected: bool) -> None:
    facts = snapshot(llamastack(), one).deployment
    assert facts is not None
    assert facts.rolled_out is expected


def test_a_stack_whose_deployment_is_not_there_yet_has_none() -> None:
    assert snapshot(llamastack()).deployment is None


def test_old_and_new_pods_share_a_volume_only_where_the_claim_says_so() -> None:
    def shared(storage: dict[str, Any] | None, modes: tuple[str, ...] = ()) -> bool:
        return shares_volume(snapshot(llamastack(server={"storage": storage}), referred=referred(claim_modes=modes)))

    assert shared(None)
    assert shared({"size": "1Gi", "accessMode": "ReadWriteMany"})
    assert not shared({"size": "1Gi"})
    assert shared({"claimName": "a"}, ("ReadWriteMany",))
    assert not shared({"claimName": "a"}, ("ReadWriteOnce",))


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "suspend": st.booleans(),
        "server": st.fixed_dictionaries(
            {},
            optional={
                "replicas": st.integers(0, 5),
                "port": st.integers(1024, 65535),
                "env": st.lists(
                    st.fixed_dictionaries({"name": st.from_regex(r"[A-Z]{1,4}", fullmatch=True), "value": st.text()}),
                    max_size=4,
                    unique_by=lambda entry: entry["name"],
                ),
                "storage": st.just({"size": "1Gi"}),
            },
        ),
    },
)


@given(SPECS)
def test_a_second_pass_over_the_same_snapshot_plans_the_same_and_deletes_nothing(spec: dict[str, Any]) -> None:
    after = applied(snapshot(llamastack(**spec)))
    first, second = plan(after, SETTINGS), plan(after, SETTINGS)
    assert first == second
    assert first.obsolete == ()
    live = {(item.resource.kind, item.key): (item.applied, item.owned) for item in after.children}
    wanted = first.desired or ()
    assert {(item.resource.kind, item.key): (item.applied, digest(owned_fields(item.body))) for item in wanted} == live


class TestMemo:
    def seen(self, **spec: Any) -> Snapshot:
        return applied(snapshot(llamastack(**spec)))

    def remembered(self, seen: Snapshot) -> Memo:
        memo = Memo()
        memo.remember(seen, plan(seen, SETTINGS))
        return memo

    def test_a_settled_stack_is_recalled(self) -> None:
        seen = self.seen()
        assert self.remembered(seen).recall(seen) == ()

    def test_a_changed_status_of_a_child_changes_nothing(self) -> None:
        seen = self.seen()
        busy = tuple(replace(item, version=item.version + 1) for item in seen.children)
        assert self.remembered(seen).recall(seen.renewed(busy, seen.pods)) == ()

    def test_drift_is_not_recalled(self) -> None:
        seen = self.seen()
        for change in ({"owned": "other"}, {"applied": "other"}):
            drifted: tuple[Child, ...] = (replace(seen.children[0], **change), *seen.children[1:])  # type: ignore[arg-type]
            assert self.remembered(seen).recall(seen.renewed(drifted, seen.pods)) is None

    def test_a_lost_child_is_not_recalled(self) -> None:
        seen = self.seen()
        assert self.remembered(seen).recall(seen.renewed(seen.children[1:], seen.pods)) is None

    def test_a_new_generation_or_another_content_of_a_reference_is_not_recalled(self) -> None:
        seen = self.seen()
        memo = self.remembered(seen)
        assert memo.recall(with_facts(seen, stack=replace(seen.stack, generation=3))) is None
        assert memo.recall(with_facts(seen, referred=referred(digest="new"))) is None

    def test_a_stack_with_an_object_that_is_yet_to_go_is_not_remembered(self) -> None:
        seen = self.seen()
        more = seen.renewed((*seen.children, child(CONFIGMAPS, "bot-config-old")), seen.pods)
        assert self.remembered(more).recall(more) is None

    def test_what_only_bears_the_label_of_a_stack_has_none_of_its_passes_render(self) -> None:
        seen = self.seen()
        labelled = child(CONFIGMAPS, "bot-config-mine", owner="")
        with_label = seen.renewed((*seen.children, labelled), seen.pods)
        assert self.remembered(with_label).recall(with_label) == ()
        assert self.remembered(seen).recall(with_label) == ()

    def test_a_forgotten_stack_is_not_recalled(self) -> None:
        seen = self.seen()
        memo = self.remembered(seen)
        memo.forget(seen.stack.key)
        assert memo.recall(seen) is None
