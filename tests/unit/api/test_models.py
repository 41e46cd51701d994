"""What a spec may say. The CEL rules need an API server and are pinned in tests/e2e; here is what the models know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from llamastack_operator.api.server import PodDisruptionBudget
from llamastack_operator.api.stack import LlamaStackSpec

EXAMPLES = Path(__file__).parents[3] / "examples"
IMAGE = {"distribution": {"image": "registry.example/starter:0.7.3"}}


def read(**fields: Any) -> LlamaStackSpec:
    return LlamaStackSpec.model_validate({**IMAGE, **fields})


def place(**fields: Any) -> list[str]:
    """Return where a spec is refused."""
    with pytest.raises(ValidationError) as refused:
        read(**fields)
    return [".".join(str(part) for part in problem["loc"]) for problem in refused.value.errors()]


def stacks() -> list[Any]:
    documents = [body for path in sorted(EXAMPLES.glob("*.yaml")) for body in yaml.safe_load_all(path.read_text())]
    return [body for body in documents if body["kind"] == "LlamaStack"]


@pytest.mark.parametrize("body", stacks(), ids=lambda body: str(body["metadata"]["name"]))
def test_examples_are_read_and_written_back_without_a_loss(body: Any) -> None:
    read_again = LlamaStackSpec.model_validate(body["spec"]).to_wire()
    assert LlamaStackSpec.model_validate(read_again) == LlamaStackSpec.model_validate(body["spec"])
    assert leaves(read_again) == leaves(body["spec"])


def leaves(value: Any, path: str = "") -> dict[str, str]:
    """Return the text of each value by its path: a quantity may be written as a number and is text from then on."""
    if isinstance(value, dict):
        return {name: leaf for key, part in value.items() for name, leaf in leaves(part, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {
            name: leaf for place, part in enumerate(value) for name, leaf in leaves(part, f"{path}[{place}]").items()
        }
    return {path: str(value)}


FILE = {"configMapKeyRef": {"name": "files", "key": "a.yaml"}}
PROVIDER = {"api": "inference", "providerType": "remote::a", **FILE}
API = {"name": "weather", **FILE}
REFUSED = [
    ({"colour": "red"}, "colour"),
    ({"server": {"replica": 1}}, "server.replica"),
    ({"server": {"port": 80}}, "server.port"),
    ({"server": {"replicas": -1}}, "server.replicas"),
    ({"server": {"env": [{"name": "1A", "value": "x"}]}}, "server.env.0.name"),
    ({"server": {"env": [{"name": "A=B", "value": "x"}]}}, "server.env.0.name"),
    ({"server": {"storage": {"size": "10 Gi"}}}, "server.storage.size"),
    ({"server": {"storage": {"claimName": "Data_1"}}}, "server.storage.claimName"),
    ({"server": {"storage": {"size": "1Gi", "accessMode": "ReadOnlyMany"}}}, "server.storage.accessMode"),
    (
        {"server": {"podTemplate": {"securityContext": {"runAsUser": 0}}}},
        "server.podTemplate.securityContext.runAsUser",
    ),
    (
        {"server": {"podTemplate": {"volumes": [{"name": "a", "hostPath": {}}]}}},
        "server.podTemplate.volumes.0.hostPath",
    ),
    (
        {"server": {"podTemplate": {"volumeMounts": [{"name": "a", "mountPath": "b"}]}}},
        "server.podTemplate.volumeMounts.0.mountPath",
    ),
    ({"distribution": {"image": ""}}, "distribution.image"),
    ({"distribution": {"image": "a b"}}, "distribution.image"),
    ({"distribution": {"image": "a@sha256:12"}}, "distribution.image"),
    (
        {"distribution": {"image": "a", "release": {"package": "ogx", "version": "latest"}}},
        "distribution.release.version",
    ),
    ({"network": {"service": {"type": "ExternalName"}}}, "network.service.type"),
    ({"runConfigFrom": {"configMapKeyRef": {"name": "a"}}}, "runConfigFrom.configMapKeyRef.key"),
    ({"externalProviders": [{**PROVIDER, "providerType": "a"}]}, "externalProviders.0.providerType"),
    ({"externalProviders": [{**PROVIDER, "providerType": "remote::a/b"}]}, "externalProviders.0.providerType"),
    ({"externalProviders": [{**PROVIDER, "api": "../a"}]}, "externalProviders.0.api"),
    ({"externalProviders": [{**PROVIDER, "packages": ["a", "-r b"]}]}, "externalProviders.0.packages.1"),
    ({"externalProviders": [{**PROVIDER, "packages": ["a"] * 33}]}, "externalProviders.0.packages"),
    ({"externalProviders": [PROVIDER] * 33}, "externalProviders"),
    ({"externalApis": [{**API, "name": "A.b"}]}, "externalApis.0.name"),
    ({"externalApis": [{**API, "packages": ["a\nb"]}]}, "externalApis.0.packages.0"),
]


@pytest.mark.parametrize(("fields", "path"), REFUSED)
def test_a_wrong_value_is_refused_at_its_place(fields: dict[str, Any], path: str) -> None:
    assert place(**fields) == [path]


@pytest.mark.parametrize("version", ["0.7.3", "0.8", "1.0.0rc1"])
def test_a_release_is_a_version_of_the_package_index(version: str) -> None:
    release = read(distribution={"image": "a", "release": {"package": "ogx", "version": version}}).distribution.release
    assert release is not None and release.version == version


def test_an_unknown_package_is_refused() -> None:
    release = {"package": "llama_stack", "version": "0.7.3"}
    assert place(distribution={"image": "a", "release": release}) == ["distribution.release.package"]


@pytest.mark.parametrize("image", ["starter", "a.b:5000/c/d:0.7.3", "a/b:x@sha256:" + "0" * 64, "a@sha256:" + "0" * 64])
def test_an_image_is_named_by_tag_or_digest(image: str) -> None:
    assert read(distribution={"image": image}).distribution.image == image


@pytest.mark.parametrize(
    ("written", "text"), [(2, "2"), (0.5, "0.5"), ("250m", "250m"), ("1.5Gi", "1.5Gi"), ("1e3", "1e3")]
)
def test_a_quantity_may_be_a_number_or_text(written: Any, text: str) -> None:
    server = read(server={"resources": {"requests": {"cpu": written}}}).server
    assert server is not None and server.resources is not None
    assert server.resources.requests == {"cpu": text}


@pytest.mark.parametrize("written", [True, None, "", "abc", "1 Gi", "-1", "1Gb"])
def test_what_is_no_quantity_is_refused(written: Any) -> None:
    assert place(server={"resources": {"requests": {"cpu": written}}}) == ["server.resources.requests.cpu"]


@pytest.mark.parametrize("written", [1, "50%"])
def test_a_budget_is_a_number_or_a_share(written: Any) -> None:
    assert PodDisruptionBudget.model_validate({"maxUnavailable": written}).to_wire() == {"maxUnavailable": written}


def test_all_wrong_values_are_told_at_once() -> None:
    assert len(place(colour=1, server={"port": 1, "env": [{"name": ""}]})) == 3


def test_a_spec_cannot_be_changed_once_it_is_read() -> None:
    with pytest.raises(ValidationError):
        read().suspend = True  # type: ignore[misc]


def test_packages_of_external_providers_and_apis_are_told_once_in_their_order() -> None:
    providers = [{**PROVIDER, "packages": ["b>=1", "a"]}, {**PROVIDER, "api": "safety"}]
    spec = read(externalProviders=providers, externalApis=[{**API, "packages": ["a", "c[x]==2"]}])
    assert spec.external_packages == ("b>=1", "a", "c[x]==2")
    assert read().external_packages == ()
