"""`spec.externalProviders` and `spec.externalApis` of a manifest, offline."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llamastack_resolver.documents.config_maps import ConfigMaps
from llamastack_resolver.documents.external_fields import read_external
from llamastack_resolver.documents.kubernetes import KubernetesObject
from llamastack_resolver.documents.read import read_inputs
from llamastack_resolver.documents.resolve import resolve_input
from llamastack_resolver.findings import Finding, Findings
from llamastack_resolver.resolution import Resolution
from llamastack_resolver.yaml_io import Document
from tests.support.small_release import entry, knowledge

OLLAMA = "adapter_type: ollama\nmodule: my_ollama\nconfig_class: my_ollama.Config\n"
WEATHER = "name: weather\nmodule: weather_api\nprotocol: Weather\n"
PROVIDER = {
    "api": "inference",
    "providerType": "remote::ollama",
    "configMapKeyRef": {"name": "files", "key": "ollama.yaml"},
}
API = {"name": "weather", "configMapKeyRef": {"name": "files", "key": "weather.yaml"}}
FILES = {"ollama.yaml": OLLAMA, "weather.yaml": WEATHER}
USES_IT = {"providers": {"inference": [entry("o", "remote::ollama")]}}


def manifest(run_config: Any = USES_IT, **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": "bot", "namespace": "team"},
        "spec": {
            "distribution": {"release": {"package": "llama-stack", "version": "0.7.3"}},
            "runConfig": run_config,
            **fields,
        },
    }


def resolved(body: dict[str, Any], files: dict[str, Any] | None = None) -> Resolution:
    documents = [body]
    if files is not None:
        documents.append({"kind": "ConfigMap", "metadata": {"name": "files", "namespace": "team"}, "data": files})
    inputs = read_inputs([("stack.yaml", yaml.safe_dump_all(documents, sort_keys=False))])
    return resolve_input(next(one for one in inputs if one.kind == "LlamaStack"), knowledge())


def told(findings: Any) -> list[tuple[str, str, str]]:
    return [(one.severity.value, one.reason.value, one.path) for one in findings]


def only(body: dict[str, Any], files: dict[str, Any] | None = None) -> Finding:
    (finding,) = resolved(body, files).findings
    return finding


def test_a_provider_of_a_config_map_is_found_as_in_a_directory():
    resolution = resolved(manifest(externalProviders=[PROVIDER]), FILES)

    assert resolution.findings == ()
    (provider,) = next(step for step in resolution.plan if step.key == "inner-inference").providers
    assert (provider.spec.module, provider.origin) == ("my_ollama", "directory")


def test_the_run_config_gets_the_folders_where_the_operator_mounts_them():
    config = resolved(manifest(externalProviders=[PROVIDER], externalApis=[API]), FILES).config

    assert config is not None
    assert config.external_providers_dir == "/etc/llama-stack-external/providers.d"
    assert config.external_apis_dir == "/etc/llama-stack-external/apis.d"


def test_dependencies_of_a_file_are_resolved_like_any_other():
    files = {"ollama.yaml": OLLAMA + "api_dependencies: [files]\n"}

    assert told(resolved(manifest(externalProviders=[PROVIDER]), files).findings) == [
        ("error", "MissingDependency", "spec.runConfig.providers.inference[0]")
    ]


def test_where_the_config_map_is_not_at_hand_the_provider_is_taken_as_it_is():
    assert told(resolved(manifest(externalProviders=[PROVIDER])).findings) == [
        ("info", "MissingReference", "spec.externalProviders[0].configMapKeyRef")
    ]


def test_an_external_api_takes_providers_from_modules_and_from_files():
    sun = {
        "api": "weather",
        "providerType": "inline::sun",
        "configMapKeyRef": {"name": "files", "key": "sun.yaml"},
    }
    files = {**FILES, "sun.yaml": "module: sun\nconfig_class: sun.Config\n"}
    run_config = {"apis": ["weather"], "providers": {"weather": [entry("s", "inline::sun")]}}

    assert resolved(manifest(run_config, externalProviders=[sun], externalApis=[API]), files).findings == ()
    assert told(resolved(manifest(run_config, externalProviders=[sun], externalApis=[API])).findings) == [
        ("info", "MissingReference", "spec.externalProviders[0].configMapKeyRef"),
        ("info", "MissingReference", "spec.externalApis[0].configMapKeyRef"),
    ]


@pytest.mark.parametrize(
    ("text", "reason", "message", "inner"),
    [
        ("a: [", "SpecMissing", "not valid YAML", ""),
        ("- 1", "SpecMissing", "expected a mapping", ""),
        ("adapter_type: ollama\nmodule: m\n", "SpecMissing", "`config_class` is required, and missing", ""),
        ("adapter: {adapter_type: ollama}", "SpecMismatch", "the file has the shape of releases before", ""),
        (OLLAMA + "api_dependencies: [infernce]\n", "UnknownApi", "0.7.3 has no API `infernce`", ".api_dependencies"),
    ],
)
def test_a_wrong_file_is_one_finding_in_the_config_map_that_has_it(text: str, reason: str, message: str, inner: str):
    finding = only(manifest(externalProviders=[PROVIDER]), {"ollama.yaml": text})

    assert (finding.reason, finding.file, finding.object) == (reason, "stack.yaml", "ConfigMap/files")
    assert finding.path.startswith(f'data["ollama.yaml"]{inner}')
    assert finding.message.startswith(message)


def test_a_wrong_file_is_told_at_its_line():
    text = "adapter_type: ollama\nmodule: m\nconfig_class: m.C\npip_packages: m\n"
    config_map = "kind: ConfigMap\nmetadata: {name: files, namespace: team}\ndata:\n  ollama.yaml: |\n" + "".join(
        f"    {line}\n" for line in text.splitlines()
    )
    stack = yaml.safe_dump(manifest(externalProviders=[PROVIDER]), sort_keys=False)
    inputs = read_inputs([("stack.yaml", stack), ("maps/files.yaml", config_map)])

    (finding,) = resolve_input(inputs[0], knowledge()).findings

    assert (finding.file, finding.line, finding.path) == ("maps/files.yaml", 8, 'data["ollama.yaml"].pip_packages')


def test_a_file_that_replaces_a_built_in_provider_is_a_warning():
    shadow = {**PROVIDER, "providerType": "remote::vllm"}
    run_config = {"providers": {"inference": [entry("v", "remote::vllm")]}}
    files = {"ollama.yaml": OLLAMA.replace("adapter_type: ollama", "adapter_type: vllm")}

    assert told(resolved(manifest(run_config, externalProviders=[shadow]), files).findings) == [
        ("warning", "ShadowedProvider", "spec.externalProviders[0].configMapKeyRef")
    ]


@pytest.mark.parametrize("key", ["external_providers_dir", "external_apis_dir"])
def test_a_run_config_with_a_directory_of_its_own_is_told_to_choose(key: str):
    finding = only(manifest({**USES_IT, key: "/mine"}, externalProviders=[PROVIDER], externalApis=[API]), FILES)

    assert (finding.severity, finding.path) == ("error", f"spec.runConfig.{key}")
    assert finding.hint is not None
    assert finding.hint.startswith(f"remove `{key}`")


def test_an_empty_directory_of_the_run_config_is_none():
    body = manifest({**USES_IT, "external_providers_dir": None}, externalProviders=[PROVIDER])
    assert resolved(body, FILES).findings == ()


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in PROVIDER.items() if name != key}


WRONG: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    (
        {"externalProviders": [PROVIDER, {**PROVIDER, "api": "infernce"}]},
        ("error", "UnknownApi", "spec.externalProviders[1].api"),
    ),
    (
        {"externalProviders": [PROVIDER, PROVIDER]},
        ("error", "InvalidManifest", "spec.externalProviders[1]"),
    ),
    ({"externalProviders": "x"}, ("error", "InvalidManifest", "spec.externalProviders")),
    ({"externalProviders": [1]}, ("error", "InvalidManifest", "spec.externalProviders[0]")),
    ({"externalProviders": [without("api")]}, ("error", "InvalidManifest", "spec.externalProviders[0].api")),
    (
        {"externalProviders": [without("configMapKeyRef")]},
        ("error", "InvalidManifest", "spec.externalProviders[0].configMapKeyRef"),
    ),
    (
        {"externalProviders": [{**PROVIDER, "configMapKeyRef": {"name": "files", "key": "gone.yaml"}}]},
        ("error", "MissingReference", "spec.externalProviders[0].configMapKeyRef.key"),
    ),
    (
        {"externalProviders": [{**PROVIDER, "packages": "mine"}]},
        ("error", "InvalidManifest", "spec.externalProviders[0].packages"),
    ),
    (
        {"externalProviders": [{**PROVIDER, "packages": ["mine>=1", "-r requirements.txt"]}]},
        ("error", "InvalidManifest", "spec.externalProviders[0].packages[1]"),
    ),
    (
        {"externalProviders": [{**PROVIDER, "packages": [1]}]},
        ("error", "InvalidManifest", "spec.externalProviders[0].packages[0]"),
    ),
    ({"externalApis": [API, API]}, ("error", "InvalidManifest", "spec.externalApis[1]")),
    ({"externalApis": [{**API, "name": "We/ather"}]}, ("error", "InvalidManifest", "spec.externalApis[0].name")),
    ({"externalApis": [{**API, "name": "climate"}]}, ("error", "SpecMismatch", "spec.externalApis[0].name")),
]


@pytest.mark.parametrize(("fields", "expected"), WRONG, ids=lambda value: str(value)[:50])
def test_each_mistake_is_told_once_at_its_field(fields: dict[str, Any], expected: tuple[str, str, str]):
    run_config = {"providers": {"inference": [entry("v", "remote::vllm")]}}

    assert told(resolved(manifest(run_config, **fields), FILES).findings) == [expected]


@pytest.mark.parametrize(
    "kind",
    ["ollama", "local::ollama", "remote::", "remote::../../../../x", "remote::a/b", "inline::a\n", "remote::.a", 1],
)
def test_a_type_that_no_file_can_have_is_refused(kind: Any):
    run_config = {"providers": {"inference": [entry("v", "remote::vllm")]}}
    body = manifest(run_config, externalProviders=[{**PROVIDER, "providerType": kind}])

    assert told(resolved(body, FILES).findings) == [
        ("error", "InvalidManifest", "spec.externalProviders[0].providerType")
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.lists(
    st.dictionaries(
        st.sampled_from(["api", "name", "providerType", "configMapKeyRef", "packages"]),
        ANYTHING | st.sampled_from(["inference", "remote::a", {"name": "files", "key": "ollama.yaml"}]),
    )
    | ANYTHING,
    max_size=4,
)


@given(ENTRIES | ANYTHING, ENTRIES | ANYTHING, st.text(max_size=30))
def test_whatever_the_fields_hold_the_answer_is_findings(providers: Any, apis: Any, text: str):
    config_map = KubernetesObject("f", {"metadata": {"name": "files"}, "data": {"ollama.yaml": text}}, Document(None))
    maps = ConfigMaps({("", "files"): config_map})
    spec, findings = {"externalProviders": providers, "externalApis": apis}, Findings()
    fields = read_external(spec, "", maps, findings)
    fields.check(knowledge(), findings)

    assert all(finding.path.startswith("spec.external") for finding in findings)
