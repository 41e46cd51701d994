"""Which objects a spec refers to, and what it means that one is missing."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.planning.stack.inputs.references import SpecReference, references_of, report_missing
from llamastack_resolver.findings import Finding, Findings

IMAGE = {"distribution": {"image": "a"}}


def found(**fields: Any) -> list[SpecReference]:
    return references_of(LlamaStackSpec.model_validate({**IMAGE, **fields}))


def env(**source: Any) -> dict[str, Any]:
    return {"server": {"env": [{"name": "A", "value": "plain"}, {"name": "B", "valueFrom": source}]}}


def env_from(**source: Any) -> dict[str, Any]:
    return {"server": {"envFrom": [source]}}


def volume(**source: Any) -> dict[str, Any]:
    return {"server": {"podTemplate": {"volumes": [{"name": "v", **source}]}}}


ITEMS = [{"key": "k", "path": "file"}, {"key": "l", "path": "other"}]
FILE = {"name": "c", "key": "k.yaml"}
ENV = "spec.server.env[1].valueFrom"
ENV_FROM = "spec.server.envFrom[0]"
VOLUME = "spec.server.podTemplate.volumes[0]"
PLACES: list[tuple[dict[str, Any], list[SpecReference]]] = [
    (
        {"runConfigFrom": {"configMapKeyRef": {"name": "c", "key": "run.yaml"}}},
        [SpecReference("ConfigMap", "c", "run.yaml", "spec.runConfigFrom.configMapKeyRef", text=True)],
    ),
    (
        {"externalProviders": [{"api": "inference", "providerType": "remote::a", "configMapKeyRef": FILE}]},
        [SpecReference("ConfigMap", "c", "k.yaml", "spec.externalProviders[0].configMapKeyRef", text=True)],
    ),
    (
        {"externalApis": [{"name": "weather", "configMapKeyRef": FILE}]},
        [SpecReference("ConfigMap", "c", "k.yaml", "spec.externalApis[0].configMapKeyRef", text=True)],
    ),
    (
        {"build": {"repository": "r.example/a", "pushSecretRef": {"name": "s"}, "pullSecretRef": {"name": "t"}}},
        [
            SpecReference("Secret", "s", ".dockerconfigjson", "spec.build.pushSecretRef"),
            SpecReference("Secret", "t", ".dockerconfigjson", "spec.build.pullSecretRef"),
        ],
    ),
    (
        {"build": {"pip": {"secretRef": {"name": "s"}}}},
        [SpecReference("Secret", "s", None, "spec.build.pip.secretRef")],
    ),
    (
        {"build": {"caBundleRef": {"name": "c", "key": "ca.pem"}}},
        [SpecReference("ConfigMap", "c", "ca.pem", "spec.build.caBundleRef")],
    ),
    ({"build": {}}, []),
    (env(configMapKeyRef={"name": "c", "key": "k"}), [SpecReference("ConfigMap", "c", "k", f"{ENV}.configMapKeyRef")]),
    (env(secretKeyRef={"name": "s", "key": "k"}), [SpecReference("Secret", "s", "k", f"{ENV}.secretKeyRef")]),
    (env(fieldRef={"fieldPath": "status.podIP"}), []),
    (env_from(configMapRef={"name": "c"}), [SpecReference("ConfigMap", "c", None, f"{ENV_FROM}.configMapRef")]),
    (env_from(secretRef={"name": "s"}), [SpecReference("Secret", "s", None, f"{ENV_FROM}.secretRef")]),
    (
        {"server": {"storage": {"claimName": "d"}}},
        [SpecReference("PersistentVolumeClaim", "d", None, "spec.server.storage.claimName")],
    ),
    ({"server": {"storage": {"size": "1Gi"}}}, []),
    (volume(configMap={"name": "c"}), [SpecReference("ConfigMap", "c", None, f"{VOLUME}.configMap")]),
    (
        volume(configMap={"name": "c", "items": ITEMS}),
        [SpecReference("ConfigMap", "c", key, f"{VOLUME}.configMap") for key in "kl"],
    ),
    (volume(secret={"secretName": "s"}), [SpecReference("Secret", "s", None, f"{VOLUME}.secret")]),
    (
        volume(secret={"secretName": "s", "items": ITEMS}),
        [SpecReference("Secret", "s", key, f"{VOLUME}.secret") for key in "kl"],
    ),
    (volume(emptyDir={}), []),
    (
        volume(persistentVolumeClaim={"claimName": "d"}),
        [SpecReference("PersistentVolumeClaim", "d", None, f"{VOLUME}.persistentVolumeClaim")],
    ),
]


@pytest.mark.parametrize(("fields", "references"), PLACES)
def test_each_place_in_the_spec_is_known(fields: dict[str, Any], references: list[SpecReference]) -> None:
    assert found(**fields) == references


OPTIONAL = [
    env(configMapKeyRef={"name": "c", "key": "k", "optional": True}),
    env(secretKeyRef={"name": "c", "key": "k", "optional": True}),
    env_from(configMapRef={"name": "c", "optional": True}),
    env_from(secretRef={"name": "c", "optional": True}),
    volume(configMap={"name": "c", "optional": True}),
    volume(secret={"secretName": "c", "optional": True}),
]


@pytest.mark.parametrize("fields", OPTIONAL)
def test_what_the_pod_starts_without_is_optional(fields: dict[str, Any]) -> None:
    (reference,) = found(**fields)
    assert reference.optional


@pytest.mark.parametrize("server", [{}, {"server": {}}, {"server": {"podTemplate": {}}}])
def test_a_spec_may_refer_to_nothing(server: dict[str, Any]) -> None:
    assert found(**server) == []


def test_references_come_in_the_order_of_the_spec() -> None:
    server = {
        "env": [{"name": "B", "valueFrom": {"secretKeyRef": {"name": "2", "key": "k"}}}],
        "envFrom": [{"configMapRef": {"name": "3"}}, {"secretRef": {"name": "4"}}],
        "storage": {"claimName": "5"},
        "podTemplate": {"volumes": [{"name": "v", "secret": {"secretName": "6"}}]},
    }
    run_config = {"configMapKeyRef": {"name": "1", "key": "k"}}
    assert [reference.name for reference in found(server=server, runConfigFrom=run_config)] == list("123456")


class TestMissing:
    reference = SpecReference("Secret", "tokens", "hf", "spec.server.env[0].valueFrom.secretKeyRef")

    def told(self, object_exists: bool) -> Finding:
        findings = Findings()
        report_missing(self.reference, object_exists, findings)
        (finding,) = findings
        return finding

    def test_object_says_which_and_that_it_will_be_picked_up(self) -> None:
        finding = self.told(object_exists=False)
        assert (finding.severity, finding.reason, finding.path) == ("error", "MissingReference", self.reference.path)
        assert finding.message == f"{self.reference.path}: the Secret 'tokens' does not exist"
        assert "picked up when it arrives" in (finding.hint or "")

    def test_key_says_which_key_of_which_object(self) -> None:
        finding = self.told(object_exists=True)
        assert finding.message == f"{self.reference.path}: the Secret 'tokens' has no key 'hf'"
        assert "Add the key" in (finding.hint or "")
