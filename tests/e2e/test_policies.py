"""The samples of examples/policies on a real API server: what is theirs to refuse is refused, and all else taken.

They are bound to the namespace of the test, since other tests' stacks need what they refuse. That a NetworkPolicy keeps
a build's pod from an address is not shown: the network of the test bed enforces none.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tests.cluster.kubectl import Kubectl, KubectlError
from tests.cluster.kubectl import eventually as asked_until
from tests.e2e.fixtures import rendered_template
from tests.e2e.operator import REPOSITORY, Stacks, eventually
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

POLICIES = REPOSITORY / "examples" / "policies"
RELEASE = {"package": "llama-stack", "version": "0.7.3"}
type Body = dict[str, Any]


def image(reference: str) -> Body:
    return {"distribution": {"image": reference, "release": RELEASE}}


def service(**settings: Any) -> Body:
    return {"network": {"service": settings}}


def server(**settings: Any) -> Body:
    return {"server": settings}


TAKEN: dict[str, list[Body]] = {
    "images.yaml": [
        {},
        image("registry.example.com/team/llama:1"),
        {"distribution": {"release": RELEASE}},
        {"build": {"repository": "registry.example.com/team/bot"}},
    ],
    "accounts.yaml": [{}, server(replicas=2), server(serviceAccountName="model-reader")],
    "service-types.yaml": [
        {},
        {"network": {}},
        service(type="ClusterIP", annotations={"prometheus.io/scrape": "true"}),
    ],
    "priority-classes.yaml": [{}, server(podTemplate={}), server(podTemplate={"priorityClassName": "serving"})],
}
REFUSED: dict[str, list[Body]] = {
    "images.yaml": [
        image("evil.example/llama:1"),
        image("registry.example.com.evil.example/llama:1"),
        image("llama:1"),
        {"build": {"repository": "evil.example/bot"}},
    ],
    "accounts.yaml": [server(serviceAccountName="cluster-backup")],
    "service-types.yaml": [
        service(type="LoadBalancer"),
        service(type="NodePort"),
        service(annotations={"external-dns.alpha.kubernetes.io/hostname": "bank.example"}),
    ],
    "priority-classes.yaml": [server(podTemplate={"priorityClassName": "system-cluster-critical"})],
}


def sample(name: str) -> list[Body]:
    """Return the objects of a sample."""
    return list(yaml.safe_load_all((POLICIES / name).read_text()))


@contextmanager
def bound(kubectl: Kubectl, name: str) -> Iterator[None]:
    """Apply the policies of a file, for one namespace."""
    objects = copy.deepcopy(sample(name))
    for one in objects:
        if one["kind"] == "ValidatingAdmissionPolicyBinding":
            there = {"matchLabels": {"kubernetes.io/metadata.name": kubectl.namespace}}
            one["spec"]["matchResources"] = {"namespaceSelector": there}
    kubectl.apply(objects)
    try:
        yield
    finally:
        kubectl("delete", "-f", "-", stdin=objects)


def try_out(kubectl: Kubectl, spec: Body) -> None:
    """Have a stack checked, and not kept: the operator is not to see it."""
    kubectl("create", "-f", "-", "--dry-run=server", stdin=minimal("bot", **spec))


def expect_refusal(kubectl: Kubectl, spec: Body, policy: str) -> None:
    try:
        try_out(kubectl, spec)
    except KubectlError as error:
        assert f"ValidatingAdmissionPolicy '{policy}'" in error.stderr, error.stderr
        assert " must " in error.stderr or " may " in error.stderr, error.stderr
        return
    raise AssertionError("it was taken")


def test_each_policy_has_cases() -> None:
    policies = {path.name for path in POLICIES.iterdir() if "ValidatingAdmissionPolicy" in path.read_text()}
    assert policies == TAKEN.keys() == REFUSED.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_a_policy_refuses_what_it_is_there_for_and_nothing_else(name: str, served: Any, kubectl: Kubectl) -> None:
    policy = sample(name)[0]["metadata"]["name"]
    with bound(kubectl, name):
        asked_until(lambda: expect_refusal(kubectl, REFUSED[name][0], policy), retry=AssertionError)
        for spec in REFUSED[name]:
            expect_refusal(kubectl, spec, policy)
        for spec in TAKEN[name]:
            try_out(kubectl, spec)


class TestTheQuota:
    def counts(self, kubectl: Kubectl, **hard: str) -> None:
        """Apply the sample with other numbers, and wait until they are counted."""
        (quota,) = sample("quota.yaml")
        wanted = {**quota["spec"]["hard"], **hard}
        assert wanted.keys() == quota["spec"]["hard"].keys()

        def counted() -> bool:
            status = kubectl.json("get", "resourcequota", "llamastack")["status"]
            return bool(status["hard"] == wanted and wanted.keys() == status["used"].keys())

        def made_and_counted() -> bool:
            kubectl("delete", "resourcequota", "llamastack", "--ignore-not-found")
            kubectl.apply({**quota, "spec": {"hard": wanted}})
            return bool(eventually(counted, patience=10))

        # The controller looks for new kinds each half a minute, but at a quota of before only each five minutes.
        eventually(made_and_counted, patience=120)

    def test_bounds_the_stacks_of_a_namespace(self, served: Any, kubectl: Kubectl) -> None:
        self.counts(kubectl, **{"count/llamastacks.llamastack.dev": "0"})
        with pytest.raises(KubectlError, match="exceeded quota: llamastack"):
            try_out(kubectl, {})

    def test_of_config_maps_is_told_where_it_keeps_a_stack_from_being_made(self, stacks: Stacks) -> None:
        self.counts(stacks.kubectl, **{"count/configmaps": "1"})
        stacks.kubectl.apply(minimal("bot"))
        stacks.condition("bot", "Ready", "False", "Rejected")
        findings = stacks.get("llamastack", "bot")["status"]["findings"]
        assert all("exceeded quota: llamastack" in finding["message"] for finding in findings)
        self.counts(stacks.kubectl)
        stacks.condition("bot", "Ready", "False", "Progressing")


class TestNetworkPolicies:
    OPTIONS = "networkPolicies.create=true,networkPolicies.apiServer={192.0.2.1/32}"

    def test_of_the_chart_are_taken(self, served: Any, kubectl: Kubectl) -> None:
        options = (
            f"{self.OPTIONS},watchNamespaces={{{kubectl.namespace}}},networkPolicies.closedToBuilds={{10.0.0.0/8}}"
        )
        text = rendered_template("network-policies.yaml", "--set", options)
        (operator, builds) = list(yaml.safe_load_all(text))
        kubectl.apply([{**operator, "metadata": {"name": "operator"}}, builds])
        assert len(kubectl.json("get", "networkpolicies")["items"]) == 2

    def test_that_is_applied_by_hand_is_the_charts_own(self, served: Any, kubectl: Kubectl) -> None:
        options = f"{self.OPTIONS},watchNamespaces={{team-a}}"
        (_, builds) = list(yaml.safe_load_all(rendered_template("network-policies.yaml", "--set", options)))
        (by_hand,) = sample("build-network.yaml")
        assert by_hand["spec"] == builds["spec"]
        kubectl.apply(by_hand)
