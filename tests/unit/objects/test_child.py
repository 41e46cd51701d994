"""What is kept of children, and to whom they belong."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.objects.child import Child, child_from, digest, wants_body
from llamastack_operator.objects.child_facts import ClaimFacts, DeploymentFacts, ServiceFacts
from llamastack_operator.objects.managed_fields import owned_fields_of
from llamastack_operator.objects.resources import (
    CHILDREN,
    CONFIGMAPS,
    DEPLOYMENTS,
    LLAMASTACKS,
    PERSISTENTVOLUMECLAIMS,
    SERVICES,
    Resource,
)

OURS = {"manager": "llamastack-operator", "operation": "Apply", "fieldsV1": {"f:data": {}}}


def child(resource: Any = CONFIGMAPS, parts: dict[str, Any] | None = None, **metadata: Any) -> Child:
    identity = {"namespace": "team-a", "name": "x", "uid": "u", "resourceVersion": "12"}
    return child_from(resource, {"metadata": {**identity, **metadata}, **(parts or {})})


def owner(**changes: Any) -> list[dict[str, Any]]:
    kind = {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack"}
    return [{**kind, "name": "bot", "uid": "stack-uid", "controller": True, **changes}]


class TestBelonging:
    def test_a_child_belongs_to_the_stack_that_controls_it(self) -> None:
        one = child(ownerReferences=owner(), labels={"llamastack.dev/stack": "another"})
        assert (one.group, one.owner_uid) == ("bot", "stack-uid")
        assert one.belongs_to("stack-uid")
        assert not one.belongs_to("other-uid")

    def test_an_owner_that_does_not_control_it_does_not_count(self) -> None:
        one = child(ownerReferences=owner(controller=False), labels={"llamastack.dev/stack": "bot"})
        assert (one.group, one.owner_uid) == ("bot", "")

    @pytest.mark.parametrize("changes", [{"kind": "Bot"}, {"apiVersion": "example.org/v1"}, {"apiVersion": "v1"}])
    def test_the_name_of_an_owner_of_another_kind_is_no_stacks(self, changes: dict[str, str]) -> None:
        one = child(ownerReferences=owner(**changes), labels={"llamastack.dev/stack": "another"})
        assert (one.group, one.owner_uid) == ("another", "stack-uid")

    def test_a_later_version_of_our_kind_is_our_kind(self) -> None:
        assert child(ownerReferences=owner(apiVersion="llamastack.dev/v1")).group == "bot"

    @pytest.mark.parametrize("resource", CHILDREN)
    def test_a_claim_alone_belongs_to_the_stack_that_an_annotation_names(self, resource: Resource) -> None:
        one = child(
            resource, annotations={"llamastack.dev/stack-uid": "stack-uid"}, labels={"llamastack.dev/stack": "bot"}
        )
        assert one.belongs_to("stack-uid") == (resource is PERSISTENTVOLUMECLAIMS)
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


def deployment_of(spec: dict[str, Any] | None = None, status: Any = None, **metadata: Any) -> DeploymentFacts:
    template = {"template": {"metadata": {"annotations": {"llamastack.dev/revision": "r1"}}}}
    facts = child(DEPLOYMENTS, {"spec": {**template, **(spec or {})}, "status": status}, **metadata).facts
    assert isinstance(facts, DeploymentFacts)
    return facts


class TestFacts:
    def test_of_a_deployment_are_its_counts_and_revision(self) -> None:
        counts = {"replicas": 2, "updatedReplicas": 3, "readyReplicas": 4, "availableReplicas": 5}
        facts = deployment_of({"replicas": 1}, counts)
        assert (facts.wanted, facts.replicas, facts.updated, facts.ready, facts.available) == (1, 2, 3, 4, 5)
        assert facts.revision == "r1"

    @pytest.mark.parametrize(("fields", "expected"), [({"f:spec": {"f:replicas": {}}}, True), ({"f:spec": {}}, False)])
    def test_of_a_deployment_tell_whose_the_replicas_are(self, fields: dict[str, Any], expected: bool) -> None:
        assert deployment_of(managedFields=[{**OURS, "fieldsV1": fields}]).replicas_owned is expected

    @pytest.mark.parametrize(("seen", "expected"), [(3, False), (4, True)])
    def test_of_a_deployment_tell_whether_they_are_of_its_newest_generation(self, seen: int, expected: bool) -> None:
        assert deployment_of(status={"observedGeneration": seen}, generation=4).observed is expected

    @pytest.mark.parametrize(("status", "expected"), [("True", "quota"), ("False", None)])
    def test_of_a_deployment_tell_why_its_pods_cannot_be_made(self, status: str, expected: str | None) -> None:
        condition = {"type": "ReplicaFailure", "status": status, "reason": "FailedCreate", "message": "quota"}
        assert deployment_of(status={"conditions": [condition]}).pods_refused == expected

    @pytest.mark.parametrize(
        ("reason", "expected"), [("ProgressDeadlineExceeded", "too late"), ("ReplicaSetUpdated", "")]
    )
    def test_of_a_deployment_tell_whether_its_rollout_was_given_up(self, reason: str, expected: str) -> None:
        condition = {"type": "Progressing", "status": "False", "reason": reason, "message": "too late"}
        assert deployment_of(status={"conditions": [condition]}).given_up == expected

    def test_of_a_new_deployment_are_all_there(self) -> None:
        facts = child(DEPLOYMENTS, {"spec": {"template": {"metadata": {}}}}, generation=1).facts
        assert facts == DeploymentFacts(1, False, "", False, 0, 0, 0, 0, None, "")

    def test_of_a_service_are_its_address(self) -> None:
        assert child(SERVICES, {"spec": {"clusterIP": "10.96.0.9"}}).facts == ServiceFacts("10.96.0.9")
        assert child(SERVICES, {"spec": {}}).facts == ServiceFacts("")

    def test_of_a_claim_are_whether_it_goes_with_its_stack(self) -> None:
        assert child(PERSISTENTVOLUMECLAIMS, ownerReferences=owner()).facts == ClaimFacts(True)
        assert child(PERSISTENTVOLUMECLAIMS).facts == ClaimFacts(False)

    def test_of_other_kinds_are_none_so_that_their_metadata_is_enough(self) -> None:
        light = {resource.kind for resource in CHILDREN if not wants_body(resource)}
        assert light == {"ConfigMap", "ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler"}
        assert child(CONFIGMAPS, {"data": {"a": "b"}}).facts is None


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
