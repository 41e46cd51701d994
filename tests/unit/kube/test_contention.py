"""Who changes an object of ours, read from its managed fields."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.api.labels import FIELD_MANAGER
from llamastack_operator.kube.contention import HANDOVER_MANAGER, Contender, contender

OURS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:template": {"f:spec": {"f:containers": {'k:{"name":"server"}': {".": {}, "f:image": {}}}}},
    },
}


def entry(manager: str, fields: dict[str, Any], time: str = "2026-01-01T00:00:00Z", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields, **more}


def found(*entries: dict[str, Any], renders: bool = False) -> Contender:
    return contender({"managedFields": list(entries)}, OURS, renders)


def test_it_is_the_one_who_owns_a_field_of_ours() -> None:
    scaler = entry("kube-controller-manager", {"f:spec": {"f:replicas": {}}}, subresource="scale")
    watcher = entry("kubelet", {"f:status": {"f:replicas": {}}})
    assert found(watcher, scaler) == Contender("kube-controller-manager", "spec.replicas")


def test_a_field_of_an_item_is_named_by_its_key() -> None:
    image = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"server"}': {"f:image": {}}}}}}}
    assert found(entry("keel", image)).field == 'spec.template.spec.containers[{"name":"server"}].image'


def test_of_several_it_is_who_wrote_last() -> None:
    replicas = {"f:spec": {"f:replicas": {}}}
    assert found(entry("first", replicas), entry("last", replicas, "2026-02-01T00:00:00Z")).manager == "last"


def test_we_ourselves_and_who_adds_what_is_not_ours_are_none() -> None:
    own = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": OURS}
    adds = entry("kubectl", {"f:metadata": {"f:labels": {"f:theirs": {}}}, "f:spec": {"f:paused": {}}})
    assert found(own, adds) == Contender()
    handed = {"manager": HANDOVER_MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    assert found(own, handed) == Contender()


def test_of_another_operator_there_is_only_the_digest() -> None:
    assert found(renders=True) == Contender(renders=True)


@pytest.mark.parametrize("text", ["x" * 100_000, ""])
def test_names_are_bounded(text: str) -> None:
    assert len(found(entry(text, {"f:spec": {"f:replicas": {}}})).manager) <= 128
