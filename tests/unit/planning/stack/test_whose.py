"""Whose an object is: by name and owner. What merely bears a stack's label says nothing of the stack."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.api.conditions import ConditionType
from llamastack_operator.api.labels import FIELD_MANAGER
from llamastack_operator.objects.child import Child, child_from
from llamastack_operator.objects.resources import CONFIGMAPS, DEPLOYMENTS, SERVICES, Resource
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.world import REVISION, UID, child, deployment, llamastack, pod, snapshot

LABELS = {"app.kubernetes.io/managed-by": "llamastack-operator", "llamastack.dev/stack": "bot"}
OF_ANOTHER_KIND = {"apiVersion": "example.org/v1", "kind": "Bot", "name": "bot", "uid": "other", "controller": True}
BEFORE_THE_OTHERS = "aaa"
"""A name that comes before the stack's, for objects are found in the order of their names."""


def stranger(resource: Resource, name: str = BEFORE_THE_OTHERS, owner: str = "", **parts: Any) -> Child:
    return child(resource, name, owner, **{"metadata": {"labels": LABELS}, **parts})


def ready(name: str = BEFORE_THE_OTHERS, **metadata: Any) -> Child:
    """Return a Deployment with our labels of which every pod serves."""
    template = {"metadata": {"annotations": {"llamastack.dev/revision": REVISION}}}
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    identity = {"namespace": "team-a", "name": name, "uid": "other", "resourceVersion": "5", "generation": 1}
    return child_from(
        DEPLOYMENTS,
        {
            "metadata": {**identity, "labels": LABELS, **metadata},
            "spec": {"replicas": 1, "template": template},
            "status": {"observedGeneration": 1, **counts},
        },
    )


def condition(kind: ConditionType, *members: Child) -> tuple[str, str]:
    status = status_of(snapshot(llamastack(), *members), PassOutcome(), "2026-01-01T00:00:00Z")
    (found,) = [one for one in status["conditions"] if one["type"] == kind]
    return found["status"], found["reason"]


FOREIGN = {
    "a Deployment of another name": ready(),
    "one of another name that the stack seems to own": ready(
        ownerReferences=[{**OF_ANOTHER_KIND, "apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack", "uid": UID}]
    ),
    "one of another name whose owner is called like the stack": ready(ownerReferences=[OF_ANOTHER_KIND]),
}
IN_ITS_PLACE = {
    "of nobody": ready("bot"),
    "of something that is called like the stack": ready("bot", ownerReferences=[OF_ANOTHER_KIND]),
    "of an earlier stack": ready(
        "bot",
        ownerReferences=[{**OF_ANOTHER_KIND, "apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack"}],
    ),
}


class TestAForeignDeployment:
    @pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
    def test_makes_no_stack_ready(self, foreign: Child) -> None:
        own = deployment(available=0)
        assert condition(ConditionType.READY, foreign, own) == condition(ConditionType.READY, own)
        assert condition(ConditionType.READY, foreign, own)[0] == "False"
        assert condition(ConditionType.AVAILABLE, foreign, own) == ("False", "NoReplicasAvailable")

    @pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
    def test_has_no_config_deleted_that_pods_need(self, foreign: Child) -> None:
        old, own = child(CONFIGMAPS, "bot-config-old"), deployment(updated=0)
        obsolete = plan(snapshot(llamastack(), foreign, own, old), WorkloadSettings()).obsolete
        assert old not in obsolete

    @pytest.mark.parametrize("foreign", IN_ITS_PLACE.values(), ids=IN_ITS_PLACE)
    def test_in_the_place_of_the_stacks_own_says_nothing(self, foreign: Child) -> None:
        assert condition(ConditionType.AVAILABLE, foreign) == ("False", "NoReplicasAvailable")
        assert snapshot(llamastack(), foreign).deployment is None

    @pytest.mark.parametrize("foreign", IN_ITS_PLACE.values(), ids=IN_ITS_PLACE)
    def test_in_the_place_of_the_stacks_own_has_pods_that_say_nothing(self, foreign: Child) -> None:
        image = {"imageID": f"registry.example/mine@sha256:{'e' * 64}"}
        found = snapshot(llamastack(), foreign, pod(ready=True, container=image))
        assert "image" not in status_of(found, PassOutcome(), "2026-01-01T00:00:00Z")
        assert found.pods == ()

    def test_that_the_operator_made_for_a_stack_that_left_it_behind_is_taken_over(self) -> None:
        entry = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {}}}
        assert condition(ConditionType.READY, ready("bot", managedFields=[entry])) == ("True", "Ready")


def test_a_foreign_service_leads_the_operator_nowhere() -> None:
    foreign = stranger(SERVICES, spec={"clusterIP": "10.0.0.66"})
    own = child(SERVICES, spec={"clusterIP": "10.0.0.7"})
    found = snapshot(llamastack(), foreign, own)
    assert found.service is not None
    assert found.service.cluster_ip == "10.0.0.7"
    assert snapshot(llamastack(), foreign).service is None
