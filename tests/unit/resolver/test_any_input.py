"""Whatever is handed in, the answer is findings: never an exception, whichever document and release."""

from hypothesis import given, settings
from hypothesis import strategies as st

from llamastack_operator import catalog
from llamastack_resolver.documents.build_config import resolve_build
from llamastack_resolver.documents.detect import detect_release
from llamastack_resolver.documents.read import read_inputs
from llamastack_resolver.documents.resolve import resolve_input
from llamastack_resolver.findings import Severity
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import ExternalFiles, resolve
from tests.support.small_release import knowledge

KEYS = st.sampled_from(
    [
        *(
            "version",
            "apis",
            "providers",
            "storage",
            "backends",
            "stores",
            "metadata",
            "backend",
            "namespace",
        ),
        *(
            "inference",
            "safety",
            "models",
            "agents",
            "provider_id",
            "provider_type",
            "config",
            "module",
            "type",
        ),
        *(
            "registered_resources",
            "model_id",
            "vector_stores",
            "server",
            "auth",
            "provider_config",
            "image_name",
        ),
        *(
            "external_providers_dir",
            "distribution_spec",
            "spec",
            "runConfig",
            "distribution",
            "release",
            "image",
        ),
        *("apiVersion", "kind", "data", "configMapKeyRef", "runConfigFrom", "env", "name", "valueFrom"),
    ]
)
TEXTS = st.sampled_from(
    [
        *("", "inference", "remote::vllm", "inline::llama-guard", "__disabled__", "${env.X}", "${env.X:=1}"),
        *("${env.X:+a}", "kv_default", "kv_sqlite", "a>=1", "LlamaStack", "ConfigMap", "0.7.3", "?"),
        *("llamastack.dev/v1alpha1", "llama-stack"),
    ]
)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(-1, 9) | st.floats(width=16) | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.integers(0, 2), inner, max_size=5),
    max_leaves=25,
)
RELEASES = [
    Release("llama-stack", "0.2.16"),
    Release("llama-stack", "0.3.5"),
    Release("llama-stack", "0.7.3"),
    Release("ogx", "1.5.0"),
]


ENTRIES = st.fixed_dictionaries(
    {
        "provider_id": st.sampled_from(["a", "b", None, "", "${env.X}", 5]),
        "provider_type": st.sampled_from(["remote::vllm", "inline::faiss", "remote::tgi", "inline::builtin", "x"]),
    },
    optional={"config": VALUES, "module": st.sampled_from(["a", "a-b>1", "?", " ", "a[b]", ""])},
)
APIS = st.sampled_from(["inference", "vector_io", "responses", "agents", "files", "models", "zz"])
CONFIGS = st.fixed_dictionaries(
    {"providers": st.dictionaries(APIS, st.lists(ENTRIES | VALUES, max_size=3) | VALUES, max_size=5)},
    optional={
        "apis": st.lists(APIS) | VALUES,
        **dict.fromkeys(("storage", "registered_resources", "server", "vector_stores", "models"), VALUES),
    },
)


@settings(max_examples=200, deadline=None)
@given(VALUES | CONFIGS, st.sampled_from(RELEASES))
def test_any_value_can_be_resolved_as_a_run_config(value: object, release: Release):
    resolution = resolve(value, catalog.load_release(release), files=ExternalFiles({}, {}))

    assert all(finding.message and finding.path for finding in resolution.findings)
    assert all(finding.hint or finding.severity is Severity.INFO for finding in resolution.findings)
    assert resolution.to_dict()["stackVersion"] == str(release)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_mapping_can_be_resolved_as_what_it_looks_like(value: dict):
    import yaml

    for document in read_inputs([("soup.yaml", yaml.safe_dump(value))]):
        if document.config is not None and isinstance(document.config, dict):
            assert detect_release(document.config, catalog.outlines(), lambda release: 0).release in catalog.releases()
            resolve_input(document, knowledge())
    assert resolve_build(value, knowledge()).release == Release("llama-stack", "0.7.3")


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["remote/inference/a.yaml", "inline/x/y.yaml", "b.yaml"]), st.text(max_size=60)))
def test_any_files_can_be_providers_and_apis(files: dict[str, str]):
    raw = {"distro_name": "x", "providers": {}, "external_providers_dir": "/p", "external_apis_dir": "/a"}

    assert resolve(raw, knowledge(), files=ExternalFiles(files, files)).config is not None
