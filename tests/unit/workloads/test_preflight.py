"""The Job that checks a revision before pods are stopped for it. Whole ones are in tests/golden."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.workloads.children import children
from llamastack_operator.workloads.desired import Owner
from llamastack_operator.workloads.names import preflight_name
from llamastack_operator.workloads.preflight import is_checked, longest, preflight_job, scratch_mounts
from llamastack_operator.workloads.runtime import Runtime, StartProgram
from llamastack_operator.workloads.settings import WorkloadSettings

OWNER = Owner(("team-a", "bot"), "stack-uid")
CLAIM = {"storage": {"size": "1Gi"}}
MODELS = {
    "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}}],
    "volumeMounts": [{"name": "models", "mountPath": "/models", "readOnly": True}],
}
GPU = {"requests": {"cpu": "1", "nvidia.com/gpu": "1"}, "limits": {"memory": "2Gi", "nvidia.com/gpu": "1"}}


def objects(**fields: Any) -> dict[str, Any]:
    """Return the objects of a stack whose pods are checked, by kind."""
    spec = LlamaStackSpec.model_validate({"distribution": {"image": "a"}, "server": CLAIM, **fields})
    runtime = Runtime(image="a", program=StartProgram("0123456789abcdef" * 4))
    wanted = children(OWNER, spec, runtime, "{}", "", False, WorkloadSettings())
    return {item.resource.kind: item.body for item in wanted}


def template(**fields: Any) -> Any:
    return objects(**fields)["Deployment"]["spec"]["template"]


def made(**server: Any) -> dict[str, Any]:
    return preflight_job(OWNER, template(server={**CLAIM, **server}), 150)


def pod(**server: Any) -> Any:
    return made(**server)["spec"]["template"]["spec"]


def check(**server: Any) -> Any:
    (container,) = pod(**server)["containers"]
    return container


def test_bears_no_label_by_which_pods_are_selected() -> None:
    labels = {"app": "mine", "team": "a"}
    server = {**CLAIM, "replicas": 2, "podTemplate": {"metadata": {"labels": labels}}}
    found = objects(server=server)
    job = preflight_job(OWNER, found["Deployment"]["spec"]["template"], 150)
    own = job["spec"]["template"]["metadata"]["labels"].items()
    selected = [
        found["Service"]["spec"]["selector"],
        found["Deployment"]["spec"]["selector"]["matchLabels"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        labels,
    ]
    for selector in selected:
        assert not own & selector.items()


def test_belongs_to_its_stack_and_comes_to_an_end() -> None:
    job = made()
    assert job["metadata"]["ownerReferences"] == [OWNER.reference()]
    assert job["metadata"]["labels"]["llamastack.dev/preflight"] == "bot"
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, longest(150))
    assert spec["ttlSecondsAfterFinished"]


def test_says_which_revision_it_checks() -> None:
    wanted = template()["metadata"]["annotations"]["llamastack.dev/revision"]
    job = made()
    assert job["metadata"]["annotations"] == {"llamastack.dev/revision": wanted}
    assert job["spec"]["template"]["metadata"]["annotations"]["llamastack.dev/revision"] == wanted


class TestItsPod:
    def test_runs_the_check_alone_with_all_that_the_server_has(self) -> None:
        env = [{"name": "A", "value": "1"}]
        (checking,) = template(server={**CLAIM, "env": env})["spec"]["initContainers"]
        found = pod(env=env)
        assert found["containers"] == [checking]
        assert "initContainers" not in found
        assert found["restartPolicy"] == "Never"

    def test_has_scratch_storage_in_the_place_of_claims(self) -> None:
        found = pod(podTemplate=MODELS)
        volumes = {volume["name"]: volume for volume in found["volumes"]}
        assert "persistentVolumeClaim" not in str(found)
        assert volumes["models"] == {"name": "models", "emptyDir": {}}
        assert volumes["llamastack-state"] == {"name": "llamastack-state", "emptyDir": {}}
        assert "configMap" in volumes["llamastack-config"]

    def test_has_it_at_places_that_are_known(self) -> None:
        assert scratch_mounts(template(server={**CLAIM, "podTemplate": MODELS})) == ("/models", "/var/lib/llama-stack")

    def test_asks_for_nothing_that_the_old_pod_may_hold(self) -> None:
        container = check(resources=GPU, env=[{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}])
        assert container["resources"] == {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi"}}
        devices = [one for one in container["env"] if one["name"] == "NVIDIA_VISIBLE_DEVICES"]
        assert devices == [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]

    def test_asks_for_nothing_where_only_that_was_asked_for(self) -> None:
        assert "resources" not in check(resources={"limits": {"nvidia.com/gpu": "1"}})

    def test_gets_no_token_and_the_restricted_profile(self) -> None:
        found = pod(podTemplate={"securityContext": {"runAsUser": 1234}})
        assert found["automountServiceAccountToken"] is False
        assert found["enableServiceLinks"] is False
        security = found["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 1234)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = found["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }

    def test_runs_where_its_server_would_and_pushes_nobody_away(self) -> None:
        near = {"topologyKey": "a", "labelSelector": {"matchLabels": {"a": "b"}}}
        affinity = {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]
                }
            },
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [near]},
        }
        found = pod(
            nodeSelector={"disk": "fast"},
            tolerations=[{"operator": "Exists"}],
            affinity=affinity,
            topologySpreadConstraints=[{"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1}],
            podTemplate={"priorityClassName": "high", "runtimeClassName": "gvisor"},
            imagePullSecrets=[{"name": "registry"}],
        )
        assert found["nodeSelector"] == {"disk": "fast"}
        assert found["tolerations"] == [{"operator": "Exists"}]
        assert found["affinity"] == {"nodeAffinity": affinity["nodeAffinity"]}
        assert (found["runtimeClassName"], found["imagePullSecrets"]) == ("gvisor", [{"name": "registry"}])
        assert "priorityClassName" not in found
        assert "topologySpreadConstraints" not in found


@pytest.mark.parametrize(("fields", "checked"), [({}, True), ({"startup": {"check": "Skip"}}, False)])
def test_only_pods_that_check_themselves_can_be_checked(fields: dict[str, Any], checked: bool) -> None:
    assert is_checked(template(**fields)) is checked


@given(st.from_regex(r"[a-z][-a-z0-9]{0,61}[a-z0-9]", fullmatch=True), st.text("0123456789abcdef", min_size=16))
def test_its_name_is_one_that_pods_can_have_as_a_label(stack: str, revision: str) -> None:
    name = preflight_name(stack, revision)
    assert len(name) <= 63
    assert "--preflight" not in name
    assert name.endswith(f"-preflight-{revision[:10]}")
