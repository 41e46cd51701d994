"""What always holds for the objects of a stack, and what a field changes. Whole objects are in tests/golden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.child import digest
from llamastack_operator.workloads.children import children
from llamastack_operator.workloads.desired import Owner
from llamastack_operator.workloads.runtime import Runtime
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_resolver.releases import Release

OWNER = Owner(("team-a", "bot"), "stack-uid")
IMAGE = {"distribution": {"image": "registry.example/starter:0.7.3"}}


def made(
    server: Mapping[str, Any] | None = None,
    run_config: str = "{}",
    references: str = "",
    shared_volume: bool = True,
    settings: WorkloadSettings | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return the objects of a stack by kind."""
    spec = LlamaStackSpec.model_validate({**IMAGE, "server": server, **fields})
    held = spec.distribution.release
    release = Release(held.package, held.version) if held else None
    runtime = Runtime(image=spec.distribution.image or "", release=release)
    wanted = children(OWNER, spec, runtime, run_config, references, shared_volume, settings or WorkloadSettings())
    return {item.resource.kind: item.body for item in wanted}


def template(**arguments: Any) -> Any:
    return made(**arguments)["Deployment"]["spec"]["template"]


def container(**server: Any) -> Any:
    (only,) = template(server=server)["spec"]["containers"]
    return only


def revision(**arguments: Any) -> str:
    return str(template(**arguments)["metadata"]["annotations"]["llamastack.dev/revision"])


AUTOSCALING = {"autoscaling": {"maxReplicas": 4}}
SERVERS = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 4),
        "port": st.integers(1024, 65535),
        "storage": st.sampled_from([{"size": "1Gi"}, {"size": "1Gi", "onDelete": "Delete"}, {"claimName": "a"}]),
        "serviceAccountName": st.just("mine"),
        "podTemplate": st.sampled_from(
            [
                {"metadata": {"labels": {"llamastack.dev/stack": "another"}}},
                {"metadata": {"annotations": {"llamastack.dev/revision": "forged"}}},
                {"securityContext": {"runAsUser": 5}},
                {"volumes": [{"name": "v", "emptyDir": {}}], "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            ]
        ),
    },
) | st.just(AUTOSCALING)


class TestAlways:
    @given(SERVERS)
    def test_pods_fit_the_restricted_pod_security_profile(self, server: dict[str, Any]) -> None:
        """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
        pod = template(server=server)["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] != 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        for one in pod["containers"]:
            assert one["securityContext"]["allowPrivilegeEscalation"] is False
            assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert "privileged" not in one["securityContext"]
        for volume in pod["volumes"]:
            assert volume.keys() - {"name"} <= {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}

    @given(SERVERS)
    def test_pods_get_no_api_token(self, server: dict[str, Any]) -> None:
        objects = made(server)
        assert objects["Deployment"]["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
        if "ServiceAccount" in objects:
            assert objects["ServiceAccount"]["automountServiceAccountToken"] is False

    @given(SERVERS)
    def test_selectors_match_the_pods_whatever_labels_the_spec_adds(self, server: dict[str, Any]) -> None:
        objects = made(server)
        labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
        assert objects["Deployment"]["spec"]["selector"]["matchLabels"].items() <= labels
        assert objects["Service"]["spec"]["selector"].items() <= labels
        if "PodDisruptionBudget" in objects:
            assert objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"].items() <= labels

    @given(SERVERS)
    def test_every_volume_mount_has_its_volume_and_every_mount_its_own_path(self, server: dict[str, Any]) -> None:
        pod = template(server=server)["spec"]
        volumes = [volume["name"] for volume in pod["volumes"]]
        mounts = pod["containers"][0]["volumeMounts"]
        assert {mount["name"] for mount in mounts} <= set(volumes)
        assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
        assert len(set(volumes)) == len(volumes)

    @given(SERVERS)
    def test_every_object_bears_the_digest_of_what_was_applied(self, server: dict[str, Any]) -> None:
        for body in made(server).values():
            annotations = dict(body["metadata"]["annotations"])
            told = annotations.pop("llamastack.dev/applied")
            assert told == digest({**body, "metadata": {**body["metadata"], "annotations": annotations}})

    @given(SERVERS)
    def test_every_object_goes_with_the_stack_but_a_claim_that_is_to_be_kept(self, server: dict[str, Any]) -> None:
        kept = {kind for kind, body in made(server).items() if "ownerReferences" not in body["metadata"]}
        storage = server.get("storage") or {}
        keeps = "size" in storage and storage.get("onDelete") != "Delete"
        assert kept == ({"PersistentVolumeClaim"} if keeps else set())


class TestRevision:
    """Pods are rolled by a changed template alone, and told apart by its digest."""

    def test_is_the_same_for_what_is_not_in_the_pods(self) -> None:
        plain = revision()
        assert revision(server={"replicas": 3}) == plain
        assert revision(suspend=True) == plain
        assert revision(network={"service": {"type": "NodePort"}}) == plain

    @pytest.mark.parametrize(
        "change",
        [
            {"run_config": '{"version": 2}'},
            {"references": "new-digest"},
            {"server": {"env": [{"name": "A", "value": "1"}]}},
            {"distribution": {"image": "another:1"}},
            {"settings": WorkloadSettings(run_as=None)},
        ],
    )
    def test_differs_for_what_is(self, change: dict[str, Any]) -> None:
        assert revision(**change) != revision()

    def test_cannot_be_forged_by_the_spec(self) -> None:
        forged = {"podTemplate": {"metadata": {"annotations": {"llamastack.dev/revision": "forged"}}}}
        assert revision(server=forged) != "forged"


class TestEnvironment:
    def names(self, *entries: dict[str, Any]) -> dict[str, Any]:
        return {entry["name"]: entry.get("value") for entry in container(env=list(entries))["env"]}

    def test_has_a_home_in_the_state_volume(self) -> None:
        env = self.names({"name": "A", "value": "1"})
        assert env == {"HOME": "/var/lib/llama-stack", "PYTHONUNBUFFERED": "1", "A": "1"}
        assert {"name": "llamastack-state", "mountPath": "/var/lib/llama-stack"} in container()["volumeMounts"]

    def test_is_the_users_where_the_user_sets_it(self) -> None:
        assert self.names({"name": "HOME", "value": "/mine"})["HOME"] == "/mine"

    def test_keeps_an_empty_value(self) -> None:
        assert self.names({"name": "A", "value": ""})["A"] == ""


class TestProbes:
    @pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
    def test_ask_for_health_on_the_port_of_the_server(self, probe: str) -> None:
        assert container(port=9000)[probe]["httpGet"] == {"path": "/v1/health", "port": 9000}

    def test_keep_what_the_spec_does_not_set(self) -> None:
        own = container()["startupProbe"]
        chosen = container(probes={"startup": {"failureThreshold": 7}})["startupProbe"]
        assert chosen == {**own, "failureThreshold": 7}

    def test_may_have_a_delay_of_zero(self) -> None:
        assert container(probes={"liveness": {"initialDelaySeconds": 0}})["livenessProbe"]["initialDelaySeconds"] == 0


class TestScale:
    def test_an_autoscaler_sets_the_replicas_and_the_operator_does_not(self) -> None:
        objects = made(AUTOSCALING)
        assert "replicas" not in objects["Deployment"]["spec"]
        assert objects["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 4
        assert objects["HorizontalPodAutoscaler"]["spec"]["minReplicas"] == 1

    def test_a_suspended_stack_has_no_autoscaler_that_would_wake_it(self) -> None:
        objects = made(AUTOSCALING, suspend=True)
        assert objects["Deployment"]["spec"]["replicas"] == 0
        assert "HorizontalPodAutoscaler" not in objects

    def test_zero_replicas_are_zero(self) -> None:
        assert made({"replicas": 0})["Deployment"]["spec"]["replicas"] == 0

    def test_an_autoscaler_aims_at_cpu_where_nothing_is_said(self) -> None:
        def aims(**targets: int) -> dict[str, int]:
            scaler = made({"autoscaling": {"maxReplicas": 2, **targets}})["HorizontalPodAutoscaler"]
            metrics = [metric["resource"] for metric in scaler["spec"]["metrics"]]
            return {metric["name"]: metric["target"]["averageUtilization"] for metric in metrics}

        assert aims() == {"cpu": 80}
        assert aims(targetMemoryUtilization=70) == {"memory": 70}
        assert aims(targetCpuUtilization=60, targetMemoryUtilization=70) == {"cpu": 60, "memory": 70}

    @pytest.mark.parametrize(("server", "expected"), [({}, False), ({"replicas": 2}, True), (AUTOSCALING, True)])
    def test_several_pods_get_a_disruption_budget(self, server: dict[str, Any], expected: bool) -> None:
        assert ("PodDisruptionBudget" in made(server)) is expected

    def test_a_chosen_disruption_budget_is_taken_as_it_is(self) -> None:
        budget = made({"podDisruptionBudget": {"minAvailable": 0}})["PodDisruptionBudget"]["spec"]
        assert budget["minAvailable"] == 0
        assert "maxUnavailable" not in budget


class TestRollout:
    def test_replaces_pods_one_after_the_other_without_a_gap(self) -> None:
        strategy = made()["Deployment"]["spec"]["strategy"]
        assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}

    def test_first_stops_the_old_pod_where_a_volume_cannot_be_shared(self) -> None:
        assert made(shared_volume=False)["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}


class TestAccount:
    def test_of_ones_own_is_made(self) -> None:
        assert made()["ServiceAccount"]["metadata"]["name"] == "bot"
        assert template()["spec"]["serviceAccountName"] == "bot"

    def test_that_is_named_is_not_made(self) -> None:
        objects = made({"serviceAccountName": "mine"})
        assert "ServiceAccount" not in objects
        assert objects["Deployment"]["spec"]["template"]["spec"]["serviceAccountName"] == "mine"


def test_a_spread_without_a_selector_spreads_the_pods_of_the_stack() -> None:
    constraint = {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1}
    (own,) = template(server={"topologySpreadConstraints": [constraint]})["spec"]["topologySpreadConstraints"]
    assert own["labelSelector"] == {"matchLabels": {"llamastack.dev/stack": "bot"}}
    chosen = {**constraint, "labelSelector": {"matchLabels": {"a": "b"}}}
    (kept,) = template(server={"topologySpreadConstraints": [chosen]})["spec"]["topologySpreadConstraints"]
    assert kept["labelSelector"] == {"matchLabels": {"a": "b"}}
