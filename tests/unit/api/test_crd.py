"""The CRD: a structural schema that Kubernetes takes, in step with the models it is made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.api import crd
from llamastack_operator.api.stack import LlamaStackSpec

ROOT = Path(__file__).parents[3]
CRDS = ROOT / "crds"
SCHEMA = crd.llamastack_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
TYPES = {"object", "array", "string", "integer", "boolean", "number"}
Node = tuple[str, dict[str, Any]]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[Node]:
    """Yield each schema below one, with its field path."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}.*")


NODES = list(nodes(SCHEMA))


def node(path: str) -> dict[str, Any]:
    return dict(NODES)[path]


def test_the_committed_crd_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert crd.main([str(CRDS), "--check"]) == 0, capsys.readouterr().err


class TestGenerator:
    def test_writes_what_it_checks(self, tmp_path: Path) -> None:
        assert crd.main([str(tmp_path)]) == 0
        assert crd.main([str(tmp_path), "--check"]) == 0

    def test_tells_a_missing_and_a_stale_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert crd.main([str(tmp_path), "--check"]) == 1
        crd.main([str(tmp_path)])
        written = tmp_path / "llamastacks.llamastack.dev.yaml"
        written.write_text(written.read_text().replace("Namespaced", "Cluster"))
        assert crd.main([str(tmp_path), "--check"]) == 1
        assert "run `make generate`" in capsys.readouterr().err

    def test_writes_no_yaml_anchors(self) -> None:
        assert not [line for line in crd.crd_text().splitlines() if ": &" in line or ": *" in line]
        assert yaml.safe_load(crd.crd_text()) == crd.llamastack_crd()


class TestStructure:
    """https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/"""

    @pytest.mark.parametrize(
        "word", ["$ref", "$defs", "title", "oneOf", "allOf", "not", "const", "default", "examples"]
    )
    def test_has_no_word_that_kubernetes_refuses_or_that_would_write_into_specs(self, word: str) -> None:
        assert [path for path, schema in NODES if word in schema] == []

    def test_every_node_has_a_type_or_is_int_or_string(self) -> None:
        wrong = [
            path
            for path, schema in NODES
            if schema.get("type") not in TYPES and not schema.get("x-kubernetes-int-or-string")
        ]
        assert wrong == []

    def test_a_choice_of_types_is_only_that_of_int_or_string(self) -> None:
        choices = [schema for _, schema in NODES if "anyOf" in schema or schema.get("x-kubernetes-int-or-string")]
        assert choices
        for schema in choices:
            assert schema["anyOf"] == [{"type": "integer"}, {"type": "string"}]
            assert schema["x-kubernetes-int-or-string"] is True
            assert "type" not in schema

    def test_an_object_has_fields_or_values_or_is_open_on_purpose(self) -> None:
        bare = [
            path
            for path, schema in NODES
            if schema.get("type") == "object" and not ({"properties", "additionalProperties"} & schema.keys())
        ]
        assert bare == [".metadata", ".spec.runConfig"]
        assert node(".spec.runConfig")["x-kubernetes-preserve-unknown-fields"] is True

    def test_only_the_run_config_keeps_unknown_fields(self) -> None:
        kept = [path for path, schema in NODES if schema.get("x-kubernetes-preserve-unknown-fields")]
        assert kept == [".spec.runConfig"]

    def test_fields_and_values_exclude_each_other(self) -> None:
        assert [path for path, schema in NODES if {"properties", "additionalProperties"} <= schema.keys()] == []

    def test_every_array_says_of_what(self) -> None:
        assert [path for path, schema in NODES if schema.get("type") == "array" and "items" not in schema] == []

    def test_what_is_required_exists(self) -> None:
        for path, schema in NODES:
            assert set(schema.get("required", [])) <= schema.get("properties", {}).keys(), path

    def test_every_list_of_the_spec_says_how_it_is_merged(self) -> None:
        lists = [(path, schema) for path, schema in NODES if schema.get("type") == "array"]
        assert [path for path, schema in lists if "x-kubernetes-list-type" not in schema] == []

    def test_the_keys_of_a_keyed_list_are_required_scalars_of_its_items(self) -> None:
        keyed = [(path, schema) for path, schema in NODES if schema.get("x-kubernetes-list-type") == "map"]
        assert keyed
        for path, schema in keyed:
            for key in schema["x-kubernetes-list-map-keys"]:
                assert key in schema["items"]["required"], path
                assert schema["items"]["properties"][key]["type"] == "string", path

    def test_everything_that_a_user_writes_is_bounded(self) -> None:
        """CEL's cost limit counts the largest value that a schema admits."""
        bounds = {"array": "maxItems", "object": "maxProperties"}
        unbounded = [
            path
            for path, schema in NODES
            if path.startswith(".spec.server")
            and "properties" not in schema
            and schema.get("type") in bounds
            and bounds[schema["type"]] not in schema
        ]
        assert unbounded == []

    def test_every_text_that_a_user_writes_is_bounded(self) -> None:
        texts = [
            (path, schema)
            for path, schema in NODES
            if path.startswith(".spec.")
            and "enum" not in schema
            and (schema.get("type") == "string" or schema.get("x-kubernetes-int-or-string"))
        ]
        assert [path for path, schema in texts if "maxLength" not in schema] == []


class TestScale:
    subresources = crd.llamastack_crd()["spec"]["versions"][0]["subresources"]

    @pytest.mark.parametrize("path", ["specReplicasPath", "statusReplicasPath", "labelSelectorPath"])
    def test_paths_lead_to_fields(self, path: str) -> None:
        assert self.subresources["scale"][path] in dict(NODES)


def test_every_column_of_kubectl_get_leads_to_a_field() -> None:
    paths = dict(NODES)
    for column in crd.COLUMNS:
        field = str(column["jsonPath"])
        if field.startswith(".metadata."):
            continue
        plain = field.replace('[?(@.type=="Ready")]', "[]")
        assert plain in paths, column


def test_the_fields_of_the_spec_are_those_of_the_model() -> None:
    fields = node(".spec")["properties"]
    assert set(fields) == {info.alias for info in LlamaStackSpec.model_fields.values()}
    assert fields["suspend"]["description"] == "Run no pod and keep everything else."


def test_names_are_those_that_kubectl_knows() -> None:
    spec = crd.llamastack_crd()["spec"]
    assert (spec["group"], spec["scope"]) == ("llamastack.dev", "Namespaced")
    assert spec["names"]["shortNames"] == ["lls"]
