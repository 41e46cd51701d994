"""All that is said of a stack and kept of it, for tests that look for secrets in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llamastack_contract.paths import CHECK
from tests.cluster.kubectl import KubectlError
from tests.cluster.node import Node
from tests.e2e.installation import NAMESPACE
from tests.e2e.operator import Stacks

_KINDS = "llamastacks,llamastackbuilds,events,pods,jobs,configmaps,deployments,replicasets"


@dataclass(frozen=True)
class Said:
    """What is said of the stacks of a namespace.

    Attributes:
        told: every status, the Events, and the logs of checks and of the operator.
        kept: all objects, but what users wrote: the spec of a stack, and its run config.
    """

    told: str
    kept: str


def said(node: Node, stacks: Stacks) -> Said:
    """Return what is said and kept of the stacks of a namespace right now."""
    items: list[dict[str, Any]] = stacks.kubectl.json("get", _KINDS)["items"]
    names = [item["metadata"]["name"] for item in items if item["kind"] == "LlamaStack"]
    told = [json.dumps(item.get("status", item if item["kind"] == "Event" else {})) for item in items]
    told += [log for item in items if item["kind"] == "Pod" for log in _logs_of_check(stacks, item)]
    operator = node.kubectl.within(NAMESPACE)
    told.append(operator("logs", "-l", "app.kubernetes.io/name=llamastack-operator", "--tail", "-1"))
    kept = [json.dumps(_without_spec(item)) for item in items if not _is_run_config(item, names)]
    return Said("\n".join(told), "\n".join(kept))


def _logs_of_check(stacks: Stacks, pod: dict[str, Any]) -> Iterator[str]:
    """Yield what the check of a pod has logged, this time and before."""
    if all(one["name"] != CHECK for one in pod["spec"].get("initContainers", [])):
        return
    for options in ((), ("--previous",)):
        try:
            yield stacks.kubectl("logs", pod["metadata"]["name"], "-c", CHECK, *options)
        except KubectlError:  # it has not been started, or not twice
            continue


def _without_spec(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if item["kind"] != "LlamaStack" or key != "spec"}


def _is_run_config(item: dict[str, Any], stacks: list[str]) -> bool:
    name = item["metadata"]["name"]
    return item["kind"] == "ConfigMap" and any(name.startswith(f"{stack}-config-") for stack in stacks)
