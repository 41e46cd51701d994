"""What is known of the variables of a container."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_resolver.config.env import Environment, State
from llamastack_resolver.documents.config_maps import ConfigMaps
from llamastack_resolver.documents.environment import Secrets, read_environment
from llamastack_resolver.documents.kubernetes import KubernetesObject
from llamastack_resolver.yaml_io import Document

URLS = {"VLLM_URL": "http://vllm", "EMPTY": ""}


def environment(secrets: Secrets | None = None, image: bool = False, **server: Any) -> Environment:
    """Return the environment of a server beside the ConfigMap `urls`."""
    body = {"kind": "ConfigMap", "metadata": {"name": "urls", "namespace": "team"}, "data": URLS}
    maps = ConfigMaps.among([KubernetesObject("", body, Document(body))])
    return read_environment(server, "team", maps, secrets, image)


def from_config_map(key: str, name: str = "urls", **more: Any) -> dict[str, Any]:
    """Return a variable X that a key of a ConfigMap gives."""
    return {"name": "X", "valueFrom": {"configMapKeyRef": {"name": name, "key": key, **more}}}


def from_secret(key: str, **more: Any) -> dict[str, Any]:
    """Return a variable X that a key of the Secret `keys` gives."""
    return {"name": "X", "valueFrom": {"secretKeyRef": {"name": "keys", "key": key, **more}}}


class TestAValueOfAConfigMap:
    def test_is_known_where_the_config_map_is_at_hand(self) -> None:
        assert environment(env=[from_config_map("VLLM_URL")]).known("X") == "http://vllm"

    def test_is_set_and_not_known_where_it_is_not(self) -> None:
        found = environment(env=[from_config_map("VLLM_URL", "others")])
        assert (found.state("X"), found.known("X")) == ("set", None)

    def test_that_is_optional_and_missing_leaves_the_variable_unset(self) -> None:
        assert environment(env=[from_config_map("no", optional=True)]).state("X") == "unset"

    def test_comes_by_env_from_as_well_with_its_prefix(self) -> None:
        found = environment(envFrom=[{"prefix": "P_", "configMapRef": {"name": "urls"}}])
        assert found.known("P_VLLM_URL") == "http://vllm"
        assert found.state("VLLM_URL") == "unset"

    def test_that_is_empty_counts_as_unset(self) -> None:
        assert environment(envFrom=[{"configMapRef": {"name": "urls"}}]).state("EMPTY") == "unset"


class TestAKeyOfASecret:
    @pytest.mark.parametrize(
        ("secrets", "entry", "state"),
        [
            pytest.param({"keys": {"a"}}, from_secret("a"), "set", id="there"),
            pytest.param({"keys": {"a"}}, from_secret("b", optional=True), "unset", id="optional and not there"),
            pytest.param({}, from_secret("a", optional=True), "unset", id="optional, and there is no such Secret"),
            pytest.param(None, from_secret("a", optional=True), "unknown", id="optional, away from the cluster"),
            pytest.param(None, from_secret("a"), "set", id="away from the cluster"),
            pytest.param({}, from_secret("a"), "set", id="needed: without it no container starts"),
        ],
    )
    def test_sets_a_variable_to_a_value_that_is_never_known(
        self, secrets: Secrets | None, entry: dict[str, Any], state: State
    ) -> None:
        found = environment(secrets, env=[entry])
        assert (found.state("X"), found.known("X")) == (state, None if state != "unset" else "")

    def test_is_a_variable_by_env_from(self) -> None:
        found = environment({"keys": {"TOKEN", "not a name"}}, envFrom=[{"secretRef": {"name": "keys"}}])
        assert found.state("TOKEN") == "set"
        assert found.opaque == {"TOKEN"}


class TestEveryOtherVariable:
    def test_is_unset_where_all_sources_are_known(self) -> None:
        sources = [{"configMapRef": {"name": "urls"}}, {"secretRef": {"name": "keys"}}]
        assert environment({"keys": set()}, envFrom=sources).state("OTHER") == "unset"

    @pytest.mark.parametrize(
        "source", [{"configMapRef": {"name": "others"}}, {"secretRef": {"name": "keys"}}, {}, "no mapping"]
    )
    def test_may_be_set_where_a_source_is_not_at_hand(self, source: Any) -> None:
        assert environment(None, envFrom=[source]).state("OTHER") == "unknown"

    def test_may_be_set_by_an_image(self) -> None:
        assert environment(image=True).state("OTHER") == "unknown"


class TestTheOrder:
    def test_is_that_of_kubernetes(self) -> None:
        found = environment(
            {"keys": {"A"}},
            envFrom=[{"secretRef": {"name": "keys"}}, {"prefix": "", "configMapRef": {"name": "urls"}}],
            env=[{"name": "VLLM_URL", "value": "own"}, {"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
        )
        assert (found.known("VLLM_URL"), found.known("A")) == ("own", "2")

    def test_a_reference_to_another_variable_is_replaced_by_the_kubelet(self) -> None:
        found = environment(env=[{"name": "X", "value": "http://$(HOST)"}])
        assert (found.state("X"), found.known("X")) == ("set", None)
