"""What the API server says against an object of ours, in the words of the stack's own spec."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.controller.stack.rejection import origin, rejection_findings
from llamastack_operator.kube.client import ApiError
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.world import llamastack, snapshot

CONTAINER = "spec.template.spec.containers[0]"
ORIGINS = [
    ("Deployment", f"{CONTAINER}.resources.limits[memory]", "spec.server.resources.limits[memory]"),
    ("Deployment", f"{CONTAINER}.envFrom[0].configMapRef.name", "spec.server.envFrom[0].configMapRef.name"),
    ("Deployment", f"{CONTAINER}.image", "spec.distribution.image"),
    ("Deployment", f"{CONTAINER}.startupProbe.periodSeconds", "spec.server.probes.startup.periodSeconds"),
    ("Deployment", f"{CONTAINER}.livenessProbe", "spec.server.probes.liveness"),
    (
        "Deployment",
        "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
        "spec.server.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
    ),
    ("Deployment", "spec.template.spec.tolerations[0].operator", "spec.server.tolerations[0].operator"),
    ("Deployment", "spec.template.spec.serviceAccountName", "spec.server.serviceAccountName"),
    ("Deployment", "spec.template.spec.priorityClassName", "spec.server.podTemplate.priorityClassName"),
    (
        "Deployment",
        "spec.template.spec.securityContext.runAsUser",
        "spec.server.podTemplate.securityContext.runAsUser",
    ),
    ("Service", "spec.type", "spec.network.service.type"),
    ("Service", "metadata.annotations", "spec.network.service.annotations"),
    ("PersistentVolumeClaim", "spec.resources.requests.storage", "spec.server.storage.size"),
    ("PersistentVolumeClaim", "spec.storageClassName", "spec.server.storage.storageClassName"),
    ("HorizontalPodAutoscaler", "spec.maxReplicas", "spec.server.autoscaling.maxReplicas"),
    ("PodDisruptionBudget", "spec.minAvailable", "spec.server.podDisruptionBudget.minAvailable"),
]


@pytest.mark.parametrize(("kind", "field", "expected"), ORIGINS)
def test_a_field_of_a_child_is_told_as_the_field_that_it_was_made_from(kind: str, field: str, expected: str) -> None:
    assert origin(kind, field) == expected


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Deployment", "spec.progressDeadlineSeconds"),
        ("Deployment", f"{CONTAINER}.command"),
        ("ConfigMap", "data"),
        ("ServiceAccount", "metadata.name"),
        ("Deployment", ""),
        ("Deployment", "spec.template.spec.containers[1].env"),
    ],
)
def test_a_field_that_is_the_operators_own_has_no_place_in_the_spec(kind: str, field: str) -> None:
    assert origin(kind, field) is None


SERVER = {
    "env": [{"name": "A", "value": "1"}],
    "podTemplate": {
        "volumes": [{"name": "mine", "emptyDir": {}}],
        "volumeMounts": [{"name": "mine", "mountPath": "/mine"}],
    },
}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("env A", "spec.server.env[0].name"),
        ("volumes mine", "spec.server.podTemplate.volumes[0].name"),
        ("volumeMounts mine", "spec.server.podTemplate.volumeMounts[0].name"),
    ],
)
def test_an_entry_is_told_with_the_place_that_it_has_in_the_spec(entry: str, expected: str) -> None:
    """The operator adds entries of its own to these lists, so the place in the Deployment may be another."""
    wanted = plan(snapshot(llamastack(server=SERVER)), WorkloadSettings()).desired or ()
    (deployment,) = [item.body for item in wanted if item.resource.kind == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    part, name = entry.split()
    holder, path = (pod, "spec.template.spec") if part in pod else (pod["containers"][0], CONTAINER)
    index = [item["name"] for item in holder[part]].index(name)
    assert origin("Deployment", f"{path}.{part}[{index}].name") == expected


def refusal(code: int, *causes: tuple[str, str], message: str = "no") -> ApiError:
    details: dict[str, Any] = {"causes": [{"field": field, "message": words} for field, words in causes]}
    return ApiError(code, {"message": message, "details": details})


class TestRefusal:
    def test_gives_one_finding_for_each_cause(self) -> None:
        error = refusal(422, (f"{CONTAINER}.resources.requests", "too much"), ("spec.unknown", "odd"))
        findings = rejection_findings("Deployment", "bot", error)
        assert [(item.reason, item.path) for item in findings] == [
            ("Rejected", "spec.server.resources.requests"),
            ("Rejected", "spec"),
        ]
        assert findings[1].message == "the API server refused Deployment 'bot' at spec.unknown: odd"

    @pytest.mark.parametrize("code", [400, 403, 422])
    def test_without_causes_gives_the_servers_words(self, code: int) -> None:
        (finding,) = rejection_findings("Service", "bot", refusal(code, message="exceeded quota: small"))
        assert finding.message == "the API server refused Service 'bot': exceeded quota: small"
        assert finding.reason == "Rejected"
        assert finding.path == "spec"
        assert finding.hint

    @pytest.mark.parametrize("code", [409, 429, 500, 503])
    def test_that_may_pass_is_tried_again_and_not_called_one(self, code: int) -> None:
        (finding,) = rejection_findings("Service", "bot", refusal(code, ("spec", "x"), message="later"))
        assert finding.reason == "ApplyFailed"
        assert finding.message == "Service 'bot' could not be applied: later"
        assert (finding.path, bool(finding.hint)) == ("spec", True)
