"""What is kept of children, and to whom they belong."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.objects.child import Child, child_from, digest, owned_fields_of, wants_body
from llamastack_operator.objects.resources import (
    CHILDREN,
    CONFIGMAPS,
    DEPLOYMENTS,
    LLAMASTACKS,
    PERSISTENTVOLUMECLAIMS,
    SERVICES,
)

OURS = {"manager": "llamastack-operator", "operation": "Apply", "fieldsV1": {"f:data": {}}}


def child(resource: Any = CONFIGMAPS, parts: dict[str, Any] | None = None, **metadata: Any) -> Child:
    identity = {"namespace": "team-a", "name": "x", "uid": "u", "resourceVersion": "12"}
    return child_from(resource, {"metadata": {**identity, **metadata}, **(parts or {})})


def owner(**changes: Any) -> list[dict[str, Any]]:
    return [{"kind": "LlamaStack", "name": "bot", "uid": "stack-uid", "controller": True, **changes}]


class TestBelonging:
    def test_a_child_belongs_to_the_stack_that_controls_it(self) -> None:
        one = child(ownerReferences=owner(), labels={"llamastack.dev/stack": "another"})
        assert (one.group, one.owner_uid) == ("bot", "stack-uid")
        assert one.belongs_to("stack-uid")
        assert not one.belongs_to("other-uid")

    def test_an_owner_that_does_not_control_it_does_not_count(self) -> None:
        one = child(ownerReferences=owner(controller=False), labels={"llamastack.dev/stack": "bot"})
        assert (one.group, one.owner_uid) == ("bot", "")

    def test_a_claim_that_outlives_its_stack_belongs_to_the_stack_that_made_it(self) -> None:
        one = child(annotations={"llamastack.dev/stack-uid": "stack-uid"}, labels={"llamastack.dev/stack": "bot"})
        assert one.belongs_to("stack-uid")
        assert not one.belongs_to("other-uid")

    def test_an_orphan_that_we_made_may_be_taken(self) -> None:
        assert child(managedFields=[OURS]).belongs_to("any-uid")

    @pytest.mark.parametrize(
        "entry",
        [
            {**OURS, "manager": "kubectl"},
            {**OURS, "operation": "Update"},
            {**OURS, "subresource": "status"},
        ],
    )
    def test_an_orphan_with_our_label_that_we_did_not_apply_is_not_ours(self, entry: dict[str, Any]) -> None:
        one = child(managedFields=[entry], labels={"app.kubernetes.io/managed-by": "llamastack-operator"})
        assert owned_fields_of({"managedFields": [entry]}) == {}
        assert not one.belongs_to("any-uid")


class TestFacts:
    def test_of_a_deployment_are_its_counts_conditions_and_revision(self) -> None:
        annotations = {"llamastack.dev/revision": "r1"}
        condition = {"type": "Progressing", "status": "True", "reason": "X", "message": "y", "lastUpdateTime": "z"}
        parts = {
            "spec": {"replicas": 3, "template": {"metadata": {"annotations": annotations}}},
            "status": {"replicas": 2, "observedGeneration": 4, "conditions": [condition]},
        }
        facts = child(DEPLOYMENTS, parts).facts
        assert (facts["wanted"], facts["replicas"], facts["observedGeneration"]) == (3, 2, 4)
        assert (facts["updatedReplicas"], facts["readyReplicas"], facts["availableReplicas"]) == (0, 0, 0)
        assert facts["revision"] == "r1"
        assert facts["conditions"] == {"Progressing": {"status": "True", "reason": "X", "message": "y"}}

    @pytest.mark.parametrize(("fields", "expected"), [({"f:spec": {"f:replicas": {}}}, True), ({"f:spec": {}}, False)])
    def test_of_a_deployment_tell_whose_the_replicas_are(self, fields: dict[str, Any], expected: bool) -> None:
        parts = {"spec": {"template": {"metadata": {}}}}
        one = child(DEPLOYMENTS, parts, managedFields=[{**OURS, "fieldsV1": fields}])
        assert one.facts["replicas_owned"] is expected

    def test_of_a_new_deployment_are_all_there(self) -> None:
        facts = child(DEPLOYMENTS, {"spec": {"template": {"metadata": {}}}}).facts
        assert (facts["wanted"], facts["replicas"], facts["conditions"], facts["revision"]) == (1, 0, {}, "")

    def test_of_a_service_are_its_address(self) -> None:
        assert child(SERVICES, {"spec": {"clusterIP": "10.96.0.9"}}).facts == {"clusterIP": "10.96.0.9"}
        assert child(SERVICES, {"spec": {}}).facts == {"clusterIP": ""}

    def test_of_a_claim_are_whether_it_goes_with_its_stack(self) -> None:
        assert child(PERSISTENTVOLUMECLAIMS, ownerReferences=owner()).facts == {"owned": True}
        assert child(PERSISTENTVOLUMECLAIMS).facts == {"owned": False}

    def test_of_other_kinds_are_none_so_that_their_metadata_is_enough(self) -> None:
        light = {resource.kind for resource in CHILDREN if not wants_body(resource)}
        assert light == {"ConfigMap", "ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler"}
        assert child(CONFIGMAPS, {"data": {"a": "b"}}).facts == {}


class TestDigest:
    def test_does_not_depend_on_the_order_of_fields(self) -> None:
        assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})

    @pytest.mark.parametrize("other", [{"a": 1, "b": [2, 1]}, {"a": "1", "b": [1, 2]}, {"a": 1}])
    def test_differs_for_other_values(self, other: Any) -> None:
        assert digest({"a": 1, "b": [1, 2]}) != digest(other)


class TestPaths:
    def test_of_a_core_kind(self) -> None:
        assert CONFIGMAPS.path("team-a", "x") == "/api/v1/namespaces/team-a/configmaps/x"
        assert CONFIGMAPS.path() == "/api/v1/configmaps"

    def test_of_a_kind_in_a_group(self) -> None:
        assert DEPLOYMENTS.path("team-a") == "/apis/apps/v1/namespaces/team-a/deployments"
        assert DEPLOYMENTS.api_version == "apps/v1"

    def test_of_a_subresource(self) -> None:
        path = "/apis/llamastack.dev/v1alpha1/namespaces/team-a/llamastacks/bot/status"
        assert LLAMASTACKS.path("team-a", "bot", "status") == path
