"""What the operator needs its rarer rights for: on each kind of child, on builds, and on what is in the way of them.

With the other tests of this folder they use every right that the chart grants (`kube/rights.py`): in the end the
audit log is compared with that table.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from llamastack_operator.objects.resources import CHILDREN, Resource
from tests.e2e.operator import Stacks, eventually
from tests.e2e.test_builds import builds, end, fail, jobs, only_build, with_module
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

TEMPLATE = {
    "metadata": {"labels": {"app": "other"}},
    "spec": {"containers": [{"name": "other", "image": "registry.example/other:1"}]},
}
SELECTED = {"selector": {"matchLabels": {"app": "other"}}}
SPECS: dict[str, dict[str, Any]] = {
    "PersistentVolumeClaim": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    "Service": {"selector": {"app": "other"}, "ports": [{"port": 80}]},
    "Deployment": {**SELECTED, "replicas": 0, "template": TEMPLATE},
    "PodDisruptionBudget": {**SELECTED, "maxUnavailable": 1},
    "HorizontalPodAutoscaler": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"},
        "maxReplicas": 2,
    },
}


def some(resource: Resource, name: str, **metadata: Any) -> dict[str, Any]:
    """Return an object of a kind, as somebody else would write it."""
    spec = {"spec": SPECS[resource.kind]} if resource.kind in SPECS else {}
    metadata = {"name": name, **metadata}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **spec}


class TestChildren:
    def test_of_somebody_else_under_a_needed_name_are_looked_at_and_left_alone(self, stacks: Stacks) -> None:
        others = [resource for resource in CHILDREN if resource.kind not in ("ConfigMap", "PersistentVolumeClaim")]
        for resource in others:
            stacks.kubectl.apply(some(resource, "crowded"))
        before = [stacks.get(resource.plural, "crowded")["metadata"]["uid"] for resource in others]
        stacks.kubectl.apply(minimal("crowded", server={"autoscaling": {"minReplicas": 2, "maxReplicas": 3}}))
        condition = stacks.condition("crowded", "Ready", "False", "NameConflict")
        assert condition["message"]
        findings = stacks.get("llamastack", "crowded")["status"]["findings"]
        assert {finding["reason"] for finding in findings} == {"NameConflict"}
        told = " ".join(finding["message"] for finding in findings)
        assert [resource.kind for resource in others if f"a {resource.kind} 'crowded' exists" not in told] == []
        after = [stacks.get(resource.plural, "crowded") for resource in others]
        assert [body["metadata"]["uid"] for body in after] == before
        assert all("ownerReferences" not in body["metadata"] for body in after)

    def test_of_a_stack_that_it_has_no_more_are_removed_whatever_their_kind(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(minimal("tidy", suspend=True))
        owner = {
            "apiVersion": "llamastack.dev/v1alpha1",
            "kind": "LlamaStack",
            "name": "tidy",
            "uid": stacks.settled("tidy")["metadata"]["uid"],
            "controller": True,
        }
        stacks.condition("tidy", "Ready", "True", "Suspended")
        labels = {"app.kubernetes.io/managed-by": "llamastack-operator", "llamastack.dev/stack": "tidy"}
        for resource in CHILDREN:
            stacks.kubectl.apply(some(resource, "tidy-old", labels=labels, ownerReferences=[owner]))
        eventually(lambda: not [one.kind for one in CHILDREN if stacks.get(one.plural, "tidy-old")])


class TestBuilds:
    def test_job_in_the_way_is_looked_at_and_left_alone(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("blocked"))
        name = only_build(stacks)["metadata"]["name"]
        stacks.kubectl("delete", "llamastack", "blocked")
        eventually(lambda: not builds(stacks) and not jobs(stacks))
        template = {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": f"{name}-1"},
            "spec": {"template": template},
        }
        stacks.kubectl.apply(job)
        before = stacks.get("job", f"{name}-1")["metadata"]["uid"]
        stacks.kubectl.apply(with_module("blocked"))
        eventually(lambda: stacks.get("job", f"{name}-2"))
        assert stacks.get("job", f"{name}-1")["metadata"]["uid"] == before

    def test_record_that_no_log_has_any_more_is_told_as_a_lost_lock(self, stacks: Stacks) -> None:
        """The pod never ran, so its log is as empty as that of one whose node has gone."""
        stacks.kubectl.apply(with_module("forgets"))
        build = only_build(stacks)
        digest = f"sha256:{'d' * 64}"
        image = f"{build['spec']['inputs']['repository']}@{digest}"
        told = {"record": digest, "digest": digest, "image": image, "base": digest, "platform": "linux/amd64"}
        end(stacks, build["metadata"]["name"], push=(0, json.dumps(told)))
        stacks.condition("forgets", "ImageReady", "False", "LockLost")

    def test_lock_is_what_the_next_try_installs(self, stacks: Stacks) -> None:
        stacks.kubectl.apply(with_module("locked"))
        name = only_build(stacks)["metadata"]["name"]
        entry = {
            "name": "my-provider",
            "version": "1.0",
            "file": "my_provider-1.0-py3-none-any.whl",
            "sha256": "a" * 64,
            "index": None,
            "url": None,
        }
        status = json.dumps({"status": {"lock": [json.dumps(entry)]}})
        stacks.kubectl("patch", "llamastackbuild", name, "--subresource", "status", "--type", "merge", "-p", status)
        fail(stacks, name, reason="RegistryUnreachable", retry=True)
        inputs = eventually(lambda: stacks.get("configmap", f"{name}-2"))
        assert json.loads(inputs["data"]["build.json"])["layer"]["lock"] == [entry]
