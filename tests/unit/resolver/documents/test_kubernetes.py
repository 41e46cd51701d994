"""Kubernetes objects among what users hand in: Lists, kinds of our group, and ConfigMaps of other operators."""

import pytest

from llamastack_resolver.documents.input import Input
from llamastack_resolver.documents.read import read_inputs
from llamastack_resolver.documents.resolve import resolve_input
from tests.support.small_release import knowledge

STACK = """
apiVersion: llamastack.dev/v1alpha1
kind: LlamaStack
metadata: {name: NAME, namespace: team}
spec:
  distribution:
    release: {package: llama-stack, version: 0.7.3}
  runConfig:
    providers:
      inference:
      - {provider_id: v, provider_type: remote::vlm}
"""
CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: cm, namespace: team}
data:
  notes.txt: providers have a provider_type
  config.yaml: |
    version: 2
    distro_name: demo
    providers:
      inference:
      - provider_id: v
        provider_type: remote::vlm
        config: {api_token: "${env.TOKEN}", url: "${env.URL}"}
"""
DISTRIBUTION = """
apiVersion: llamastack.io/v1alpha1
kind: LlamaStackDistribution
metadata: {name: demo, namespace: team}
spec:
  server:
    distribution: {image: "registry.example/llama-stack:0.7.3"}
    userConfig: {configMapName: cm}
    containerSpec:
      env:
      - {name: URL, value: http://vllm}
      - {name: TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}
"""
SERVER = """
apiVersion: ogx.io/v1beta1
kind: OGXServer
metadata: {name: demo, namespace: team}
spec:
  distribution: {image: "registry.example/ogx:1.5.0"}
  overrideConfig: {configMapRef: {name: cm, key: config.yaml}}
"""


def as_list(kind: str, *items: str) -> str:
    lines = [f"kind: {kind}", "apiVersion: v1", "items:"]
    for item in items:
        first, *rest = item.strip().splitlines()
        lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return "\n".join(lines) + "\n"


def read(*texts: str) -> list[Input]:
    return read_inputs([(f"{index}.yaml", text) for index, text in enumerate(texts)])


def told(document: Input) -> list[tuple[str, str, int | None]]:
    return [(f.severity.value, f.path, f.line) for f in resolve_input(document, knowledge()).findings]


class TestAList:
    def test_is_read_as_its_items_with_their_lines(self):
        documents = read(as_list("List", STACK.replace("NAME", "a"), "kind: Service", STACK.replace("NAME", "b")))

        assert [(one.kind, one.name, one.object_kind) for one in documents] == [
            ("LlamaStack", "a", ""),
            ("Other", "", "Service"),
            ("LlamaStack", "b", ""),
        ]
        path = "spec.runConfig.providers.inference[0].provider_type"
        assert told(documents[0]) == [("error", path, 13)]
        assert told(documents[2]) == [("error", path, 24)]

    def test_of_one_kind_says_it_for_its_items(self):
        item = STACK.replace("NAME", "a").replace("apiVersion: llamastack.dev/v1alpha1\nkind: LlamaStack\n", "")
        text = as_list("LlamaStackList", item).replace("apiVersion: v1", "apiVersion: llamastack.dev/v1alpha1")

        assert [(one.kind, one.name) for one in read(text)] == [("LlamaStack", "a")]

    def test_may_hold_another_one_and_config_maps(self):
        stack = STACK.replace("NAME", "a").partition("  runConfig:")[0]
        stack += "  runConfigFrom: {configMapKeyRef: {name: cm, key: config.yaml}}\n"
        documents = read(as_list("List", stack, as_list("List", CONFIG_MAP)))

        (finding,) = [f for f in resolve_input(documents[0], knowledge()).findings if f.reason == "UnknownProviderType"]

        assert [one.kind for one in documents if not one.consulted] == ["LlamaStack"]
        assert (finding.file, finding.object, finding.line) == ("0.yaml", "ConfigMap/cm", 25)

    @pytest.mark.parametrize("item", ["3", "null", "text", "[]"])
    def test_with_an_item_that_is_no_object_is_an_error_there(self, item: str):
        stack, other = read(as_list("List", STACK, item))

        assert stack.kind == "LlamaStack"
        assert [(one.severity, one.line is None) for one in other.findings] == [("error", False)]

    def test_that_is_empty_holds_nothing(self):
        assert read("apiVersion: v1\nkind: List\nitems: []\n") == []


class TestAKindOfOurGroup:
    @pytest.mark.parametrize(
        ("text", "path", "hint"),
        [
            ("apiVersion: llamastack.dev/v1alpha1\nkind: Llamastack\n", "kind", "LlamaStack"),
            ("apiVersion: llamastack.dev/v1alpha1\nkind: Frobnicator\n", "kind", "LlamaStack, LlamaStackBuild"),
            ("apiVersion: llamastack.dev/v1alpha1\nmetadata: {name: x}\n", "kind", "LlamaStack"),
            ("apiVersion: llamastack.dev/v1\nkind: LlamaStack\n", "apiVersion", "llamastack.dev/v1alpha1"),
            ("apiVersion: lamastack.dev/v1alpha1\nkind: LlamaStack\n", "apiVersion", "llamastack.dev/v1alpha1"),
            ("kind: LlamaStack\n", "apiVersion", "llamastack.dev/v1alpha1"),
        ],
    )
    def test_that_is_not_known_is_an_error(self, text: str, path: str, hint: str):
        (document,) = read(text)
        (finding,) = document.findings

        assert (finding.severity, finding.path) == ("error", path)
        assert hint in (finding.hint or "")

    def test_that_is_a_build_is_passed_over(self):
        (document,) = read("apiVersion: llamastack.dev/v1alpha1\nkind: LlamaStackBuild\n")

        assert (document.passed_over, list(document.findings)) == (True, [])


def test_a_stack_finds_its_config_map_where_one_of_them_names_no_namespace():
    reference = "  runConfigFrom: {configMapKeyRef: {name: cm, key: config.yaml}}\n"
    stack = STACK.partition("  runConfig:")[0].replace(", namespace: team", "") + reference

    (document,) = [one for one in read(stack, CONFIG_MAP) if one.to_be_checked]

    assert document.source is not None and list(document.findings) == []


class TestAConfigMapOfAnotherOperator:
    def test_is_checked_where_it_holds_a_run_config(self):
        (document,) = read(CONFIG_MAP)

        assert (document.kind, document.name) == ("ConfigMap", "cm")
        assert told(document)[0] == ("error", 'data["config.yaml"].providers.inference[0].provider_type', 13)

    def test_is_checked_with_the_variables_and_the_image_of_the_object_that_refers_to_it(self):
        _, document = read(DISTRIBUTION, CONFIG_MAP)

        assert document.image == "registry.example/llama-stack:0.7.3"
        assert (document.environment.values, document.environment.opaque) == ({"URL": "http://vllm"}, {"TOKEN"})
        assert document.environment.others == "unknown"

    def test_is_checked_with_the_image_of_an_ogx_server(self):
        document, _ = read(CONFIG_MAP, SERVER)

        assert document.image == "registry.example/ogx:1.5.0"

    def test_has_the_image_of_the_only_one_beside_it_where_none_refers_to_it(self):
        unnamed = DISTRIBUTION.replace("{configMapName: cm}", "{}")

        assert read(CONFIG_MAP, unnamed)[0].image == "registry.example/llama-stack:0.7.3"
        assert read(CONFIG_MAP, unnamed, SERVER.replace("name: cm", "name: other"))[0].image is None

    @pytest.mark.parametrize("without", ["CONFIG_MAP", "SERVER"])
    def test_may_be_in_the_namespace_that_it_is_applied_to(self, without: str):
        texts = {"CONFIG_MAP": CONFIG_MAP, "SERVER": SERVER}
        texts[without] = texts[without].replace(", namespace: team", "")

        config, server = read(texts["CONFIG_MAP"], texts["SERVER"])

        assert config.image == "registry.example/ogx:1.5.0"
        assert [finding.hint for finding in server.findings] == [None]

    def test_in_another_namespace_is_not_of_it(self):
        config, server = read(CONFIG_MAP.replace("team", "theirs"), SERVER)

        assert config.image is None
        assert [finding.hint for finding in server.findings] == ["hand in the ConfigMap cm as well"]

    def test_of_two_that_may_be_meant_has_neithers_image(self):
        both = (SERVER.replace("team", "a"), SERVER.replace("team", "b").replace("1.5.0", "1.4.1"))

        assert read(CONFIG_MAP.replace(", namespace: team", ""), *both)[0].image is None

    def test_says_that_the_kind_is_another_operators(self):
        for text, name in ((DISTRIBUTION, "LlamaStackDistribution"), (SERVER, "OGXServer")):
            (document,) = read(text)
            (finding,) = document.findings

            assert (document.passed_over, finding.severity, finding.reason) == (True, "info", "PassedOver")
            assert name in finding.message
            assert "cm" in (finding.hint or "")

    def test_is_passed_over_without_a_run_config(self):
        (document,) = read(CONFIG_MAP.partition("  config.yaml")[0])

        assert (document.object_kind, document.passed_over) == ("ConfigMap", True)

    def test_with_broken_yaml_is_told_where_it_is_broken(self):
        (document,) = read(CONFIG_MAP.replace("- provider_id: v", "\tprovider_id: v"))
        (finding,) = document.findings

        assert (finding.severity, finding.path, finding.line) == ("error", 'data["config.yaml"]', 12)
        assert "tab" in finding.message


def test_a_run_config_in_a_config_map_is_one_document():
    stack = STACK.replace("NAME", "a").partition("  runConfig:")[0]
    stack += "  runConfigFrom: {configMapKeyRef: {name: cm, key: config.yaml}}\n"
    document, _ = read(stack, f"{CONFIG_MAP}    ---\n    version: 2\n")

    finding = next(finding for finding in document.findings if finding.severity == "error")

    assert (finding.file, finding.path, finding.line) == ("1.yaml", 'data["config.yaml"]', 16)
