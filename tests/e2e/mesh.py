"""A mesh as the pods of a stack get to know it: an admission policy that puts two containers before theirs.

One ends before anything else starts, the other one runs beside all of them; each has written more in its termination
message than Kubernetes keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cluster.images import PYTHON_IMAGE
from tests.cluster.kubectl import Kubectl
from tests.e2e.operator import eventually

SETUP, PROXY = "mesh-setup", "mesh-proxy"
_FILL = "head -c 4096 /dev/zero | tr '\\0' m > /dev/termination-log"
# A sidecar's message is of its last end: it ends once, and knows by a folder of the pod that it did.
_PROXY = f"if mkdir /tmp/mesh-proxy; then sleep 1; {_FILL}; exit 0; fi; trap 'exit 0' TERM; sleep 86400 & wait"
_CONTAINER = """Object.spec.initContainers{{
  name: {name}, image: {image}, command: ["sh", "-c", {script}]{further},
  securityContext: Object.spec.initContainers.securityContext{{
    allowPrivilegeEscalation: false,
    capabilities: Object.spec.initContainers.securityContext.capabilities{{drop: ["ALL"]}}
  }}
}}"""
_BESIDE = """, restartPolicy: "Always",
  volumeMounts: [Object.spec.initContainers.volumeMounts{name: "llamastack-tmp", mountPath: "/tmp"}]"""


@contextmanager
def mesh(kubectl: Kubectl) -> Iterator[None]:
    """Have the pods of stacks in a namespace get the containers `SETUP` and `PROXY` while the block lasts.

    Args:
        kubectl: kubectl of an administrator in that namespace.
    """
    policy, binding = _policy(str(kubectl.namespace))
    kubectl.apply([policy, binding])
    try:
        eventually(lambda: _injected(kubectl))
        yield
    finally:
        kubectl("delete", binding["kind"], binding["metadata"]["name"])
        kubectl("delete", policy["kind"], policy["metadata"]["name"])


def _policy(namespace: str) -> list[dict[str, Any]]:
    """Return the policy for a namespace, and what puts it into force."""
    name = f"mesh-of-{namespace}"
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    of_stacks = {"matchExpressions": [{"key": "llamastack.dev/stack", "operator": "Exists"}]}
    first = "/spec/initContainers/0"
    added = (_container(PROXY, _PROXY, _BESIDE), _container(SETUP, _FILL))
    patches = ", ".join(f'JSONPatch{{op: "add", path: "{first}", value: {container}}}' for container in added)
    spec = {
        "matchConstraints": {"resourceRules": [pods], "objectSelector": of_stacks},
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": f"[{patches}]"}}],
    }
    there = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    use = {"policyName": name, "matchResources": there}
    return [
        {**kind, "kind": "MutatingAdmissionPolicy", "spec": spec},
        {**kind, "kind": "MutatingAdmissionPolicyBinding", "spec": use},
    ]


def _container(name: str, script: str, further: str = "") -> str:
    words = {"name": name, "image": PYTHON_IMAGE, "script": script}
    return _CONTAINER.format(**{key: json.dumps(word) for key, word in words.items()}, further=further)


def _injected(kubectl: Kubectl) -> bool:
    """Tell whether a pod that is made now gets the containers: the API server learns of a policy with a delay."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"image": PYTHON_IMAGE, "securityContext": context}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "mesh-probe", "labels": {"llamastack.dev/stack": "mesh-probe"}},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "initContainers": [{"name": "before", **container}],
            "containers": [{"name": "probe", **container}],
            "volumes": [{"name": "llamastack-tmp", "emptyDir": {}}],
        },
    }
    made = kubectl.json("create", "--dry-run=server", "-f", "-", stdin=pod)
    return [one["name"] for one in made["spec"]["initContainers"]] == [SETUP, PROXY, "before"]
