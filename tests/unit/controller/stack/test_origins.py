"""Where a field of a child comes from.

The guard changes each leaf of the example with every field once. What changes in the rendered objects then came from
that leaf, so the origin of it must be that leaf, or what it is part of.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from llamastack_operator.controller.stack.origins import origin
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.full_example import SPEC, Place, referred_by, stacks, values, written
from tests.support.world import IMAGES, built, facts, llamastack, referred, snapshot

CONTAINER = "spec.template.spec.containers[0]"
POD = "spec.template.spec"

ONLY_IMAGE = {"repository", "strategy"}
FULL = {name: body["spec"] for name, body in stacks().items()}
BUILD = FULL["full-otherwise"]["build"]
PIP = {name: value for name, value in BUILD["pip"].items() if name != "allowSourceDistributions"}
AT_START = {**{name: value for name, value in BUILD.items() if name not in ONLY_IMAGE}, "pip": PIP}
SPECS: dict[str, dict[str, Any]] = {**FULL, "full-at-start": {**FULL["full"], "build": AT_START}}
"""The stacks of the example, and the first with the build settings of the second, so that pods install at start."""

CHOSEN = {
    "distribution.release.package": {"package": "ogx", "version": "1.5.0"},
    "distribution.release.version": "0.7.2",
    "build.pip.constraints[0]": "numpy<2",
    "build.pip.requirements[0]": "my-tools==1.3",
}
"""Other values, where any text of the schema's pattern would not do; a package goes with a version."""

NAMED_BY_CONTENT = re.compile(r"(?<=@sha256:)[0-9a-f]+|(?<=-config-)[0-9a-f]+|(?<=^modules-)[-0-9a-f]+|^[0-9a-f]{16}$")
"""What changes with anything that an object is made of: digests in names, in images and in annotations."""

TOLD_OTHERWISE = {
    ("distribution.release", "Deployment", rf"{CONTAINER}.command"): "a start command is text that any server may have",
    ("server.port", "Deployment", rf"{CONTAINER}.command"): "the same",
    ("suspend", "Deployment", "spec.replicas"): "no replicas at all are never refused",
    ("externalProviders", "Deployment", rf"{POD}.volumes"): "the operator's own volume, of names that the CRD admits",
    ("externalApis", "Deployment", rf"{POD}.volumes"): "the same",
    ("server.storage.claimName", "Deployment", rf"{POD}.volumes"): "the same",
    ("build.caBundleRef", "Deployment", rf"{POD}.volumes"): "the same",
    ("build.pip.secretRef", "Deployment", rf"{POD}.volumes"): "the same",
    ("build.strategy", "Deployment", POD): "it decides between two kinds of pods, and is no value in any",
}
"""Leaf, kind and field of what does not lead back, and why nobody misses it."""


def rendered(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    body = {**llamastack(), "spec": spec}
    body["metadata"]["name"] = name
    found = facts(body, referred=referred(**referred_by("full" if name == "full-at-start" else name)))
    decided = plan(built(found), WorkloadSettings(images=IMAGES))
    assert decided.desired is not None, decided.findings
    return {item.resource.kind: item.body for item in decided.desired}


def other(schema: dict[str, Any], value: Any) -> Any:
    """Return another value that the schema admits; of a lone word of an enumeration, none at all."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1 if value < schema.get("maximum", value + 1) else value - 1
    if isinstance(value, dict):
        return {**value, "example.com/other": "1"}
    tries = [*schema.get("enum", []), f"{value}x", f"{value}1", f"1{value}", "40%", None]
    return next(text for text in tries if text is None or (text != value and admits(schema, text)))


def admits(schema: dict[str, Any], text: str) -> bool:
    fits = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return fits and text in schema.get("enum", [text]) and re.search(schema.get("pattern", ""), text) is not None


def with_other(spec: dict[str, Any], place: Place, schema: dict[str, Any], value: Any) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(spec)
    new, leaf = CHOSEN.get(written(place).removeprefix("spec.")), place
    if isinstance(new, dict):
        leaf = place[:-1]
    holder: Any = changed
    for step in leaf[:-1]:
        holder = holder[step]
    holder[leaf[-1]] = other(schema, value) if new is None else new
    if holder[leaf[-1]] is None:
        del holder[leaf[-1]]
    return changed


FREE = ("labels", "annotations", "matchLabels", "nodeSelector", "limits", "requests", "data")
"""Mappings with keys of the user's, which the API server writes in brackets."""


def changes(before: Any, after: Any, field: str = "") -> Iterator[str]:
    """Yield the fields that differ, as the API server names them."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            step = f"[{name}]" if field.rpartition(".")[2] in FREE else f".{name}"
            yield from changes(before.get(name), after.get(name), field + step)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from changes(*pair, f"{field}[{number}]")
    elif without_digests(before) != without_digests(after):
        yield field.removeprefix(".")


def without_digests(value: Any) -> Any:
    return NAMED_BY_CONTENT.sub("DIGEST", value) if isinstance(value, str) else value


@functools.cache
def unchanged(name: str) -> dict[str, Any]:
    return rendered(name, SPECS[name])


def told(name: str, place: Place, schema: dict[str, Any], value: Any) -> dict[tuple[str, str], str | None]:
    """Return the origin of each field that changes with a leaf, by kind and field."""
    before, after = unchanged(name), rendered(name, with_other(SPECS[name], place, schema, value))
    return {
        (kind, field): origin(kind, field, SPECS[name])
        for kind in {**before, **after}
        for field in changes(before.get(kind), after.get(kind))
    }


def leads_to(leaf: str, path: str | None) -> bool:
    return path is not None and (is_part(leaf, path) or is_part(path, leaf))


def is_part(path: str, whole: str) -> bool:
    return path == whole or path.startswith((f"{whole}.", f"{whole}["))


def exception(leaf: str, kind: str, field: str) -> tuple[str, str, str] | None:
    rows = [
        row for row in TOLD_OTHERWISE if row[1] == kind and is_part(field, row[2]) and is_part(leaf, f"spec.{row[0]}")
    ]
    return rows[0] if rows else None


CASES = [
    pytest.param(name, place, schema, value, id=f"{name}-{written(place)}")
    for name, spec in SPECS.items()
    for place, schema, value in values(SPEC, spec)
    if name in FULL or place[0] == "build"
]


class TestEveryLeaf:
    @pytest.mark.parametrize(("name", "place", "schema", "value"), CASES)
    def test_is_where_the_fields_that_it_decides_are_told(
        self, name: str, place: Place, schema: dict[str, Any], value: Any
    ) -> None:
        leaf = written(place)
        found = told(name, place, schema, value)
        assert {
            child: path for child, path in found.items() if not leads_to(leaf, path) and exception(leaf, *child) is None
        } == {}

    @pytest.mark.parametrize("row", TOLD_OTHERWISE, ids=lambda row: row[0])
    def test_that_is_told_otherwise_is_one_that_decides_something(self, row: tuple[str, str, str]) -> None:
        """An exception that nothing needs any more would hide the next mistake."""
        cases = [case.values for case in CASES if is_part(written(case.values[1]), f"spec.{row[0]}")]
        assert any(
            exception(written(case[1]), *child) == row and not leads_to(written(case[1]), path)
            for case in cases
            for child, path in told(*case).items()
        )


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
    ("Deployment", f"{CONTAINER}.ports[0].containerPort", "spec.server.port"),
    ("Deployment", "spec.template.labels", "spec.server.podTemplate.metadata.labels"),
    ("PersistentVolumeClaim", "spec.resources[storage]", "spec.server.storage.size"),
    ("PersistentVolumeClaim", "spec", "spec.server.storage"),
    ("HorizontalPodAutoscaler", "spec.metrics[0].resource.target", "spec.server.autoscaling"),
    ("Service", "spec.ports[0].nodePort", "spec.server.port"),
]


@pytest.mark.parametrize(("kind", "field", "expected"), ORIGINS)
def test_a_field_of_a_child_is_told_as_the_field_that_it_was_made_from(kind: str, field: str, expected: str) -> None:
    assert origin(kind, field, FULL["full"]) == expected


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Deployment", "spec.progressDeadlineSeconds"),
        ("Deployment", f"{CONTAINER}.command"),
        ("ConfigMap", "data"),
        ("ServiceAccount", "metadata.name"),
        ("Deployment", ""),
        ("Deployment", "spec.template.spec.containers[1].env"),
        ("Deployment", f"{CONTAINER}.env[99].name"),
        ("Deployment", "spec.template.spec.volumes[99].configMap.name"),
    ],
)
def test_a_field_that_is_the_operators_own_has_no_place_in_the_spec(kind: str, field: str) -> None:
    assert origin(kind, field, FULL["full"]) is None


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
    assert origin("Deployment", f"{path}.{part}[{index}].name", {"server": SERVER}) == expected
