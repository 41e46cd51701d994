"""Whatever the API server admits leaves the operator alive, and another tenant served."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster.kubectl import Kubectl, KubectlError
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.matrix import EVERYTHING
from tests.support.any_object import NAMESPACES, SPECS, as_text
from tests.support.minimal import minimal
from tests.support.passes import Namespace

pytestmark = pytest.mark.control_plane

NUMBERS = itertools.count()
AT_ONCE = 5
"""How many stacks of a tenant there are side by side."""


def stored(kubectl: Kubectl, path: str, body: str) -> bool:
    """Send JSON as it is; tell whether the API server took it. kubectl would refuse some of it itself."""
    try:
        kubectl("create", "--raw", path, "-f", "-", stdin=body)
    except (KubectlError, UnicodeEncodeError):
        return False
    return True


def surroundings(there: Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, data in there.config_maps.items():
        yield "configmaps", {"kind": "ConfigMap", "metadata": {"name": name}, "data": dict(data)}
    for name, keys in there.secrets.items():
        yield "secrets", {"kind": "Secret", "metadata": {"name": name}, "stringData": dict.fromkeys(keys, "x")}


def looked_at(kubectl: Kubectl, names: list[str]) -> bool:
    """Tell whether each of the stacks has a status; only names and numbers of them are fetched."""
    columns = "custom-columns=NAME:.metadata.name,SEEN:.status.observedGeneration"
    lines = kubectl("get", "llamastacks", "--no-headers", "-o", columns).splitlines()
    seen = {line.split()[0] for line in lines if line.split()[1] != "<none>"}
    return seen >= set(names)


@settings(
    suppress_health_check=list(HealthCheck),
    max_examples=60 if EVERYTHING else 6,
    # New examples belong to runs of everything: what they find is a day's work, not a reason to stop a change.
    derandomize=not EVERYTHING,
    deadline=None,
    database=None,
)
@given(st.lists(SPECS, min_size=AT_ONCE, max_size=AT_ONCE), NAMESPACES)
def test_whatever_the_api_server_admits_leaves_the_operator_alive_and_a_bystander_served(
    stacks: Stacks, operator: OperatorProcess, specs: list[dict[str, Any]], there: Namespace
) -> None:
    kubectl, number = stacks.kubectl, next(NUMBERS)
    core, ours = (f"{root}/namespaces/{kubectl.namespace}" for root in ("/api/v1", "/apis/llamastack.dev/v1alpha1"))
    for plural, body in surroundings(there):
        stored(kubectl, f"{core}/{plural}", json.dumps({"apiVersion": "v1", **body}))
    bodies = {f"any-{number}-{index}": spec for index, spec in enumerate(specs)}
    admitted = [
        name
        for name, spec in bodies.items()
        if stored(kubectl, f"{ours}/llamastacks", as_text(spec, {**minimal(name), "spec": {}}))
    ]
    kubectl.apply(minimal(f"bystander-{number}"))

    eventually(lambda: stacks.get("deployment", f"bystander-{number}"))
    eventually(lambda: looked_at(kubectl, admitted))

    kubectl("delete", "llamastacks,configmaps,secrets", "--all", "--wait=false")
