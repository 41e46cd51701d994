"""What users hand in: manifests, run configs and build configs, and the release that each is for."""

import pytest

from llamastack_resolver.documents.build_config import resolve_build
from llamastack_resolver.documents.read import Input, read_inputs
from llamastack_resolver.documents.resolve import resolve_input
from tests.support.small_release import knowledge

MANIFEST = """
apiVersion: llamastack.dev/v1alpha1
kind: LlamaStack
metadata: {name: bot, namespace: team}
spec:
  distribution:
    release: {package: llama-stack, version: 0.7.3}
  runConfig:
    providers:
      inference:
      - provider_id: vllm
        provider_type: remote::vllm
        config: {url: "${env.URL}", api_token: "${env.TOKEN}"}
  server:
    env:
    - {name: TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}
"""


def read(text: str) -> Input:
    return read_inputs([("stack.yaml", text)])[0]


def findings(document: Input) -> list[tuple[str, str, str]]:
    return [(f.severity.value, f.reason.value, f.path) for f in document.findings]


class TestAManifest:
    def test_names_its_release_and_what_is_known_of_its_environment(self):
        document = read(MANIFEST)

        assert (document.kind, document.name, str(document.release)) == ("LlamaStack", "bot", "0.7.3")
        assert document.environment.opaque == {"TOKEN"}
        assert document.environment.others == "unset"

    def test_has_findings_with_the_path_and_line_of_its_own_file(self):
        resolution = resolve_input(read(MANIFEST), knowledge())

        assert [(f.reason, f.path, f.line) for f in resolution.findings] == [
            ("MissingEnv", "spec.runConfig.providers.inference[0].config.url", 13)
        ]

    def test_may_leave_out_name_version_and_storage(self):
        text = MANIFEST.replace('"${env.URL}"', "http://vllm")

        assert resolve_input(read(text), knowledge()).findings == ()

    def test_with_variables_from_elsewhere_has_no_missing_ones(self):
        text = MANIFEST.replace("  server:\n", "  server:\n    envFrom: [{secretRef: {name: more}}]\n")

        assert resolve_input(read(text), knowledge()).findings == ()

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (
                ("version: 0.7.3", "version: 0.7"),
                ("error", "InvalidManifest", "spec.distribution.release.version"),
            ),
            (
                ("version: 0.7.3", "version: new"),
                ("error", "UnsupportedVersion", "spec.distribution.release"),
            ),
            (
                ("package: llama-stack", "package: lama"),
                ("error", "UnsupportedVersion", "spec.distribution.release"),
            ),
            (
                ("llamastack.dev/v1alpha1", "llamastack.io/v1alpha1"),
                ("error", "InvalidManifest", "apiVersion"),
            ),
            (
                ("    release: {package: llama-stack, version: 0.7.3}", "    other: 1"),
                ("error", "InvalidManifest", "spec.distribution"),
            ),
            (("  runConfig:", "  otherConfig:"), ("error", "InvalidManifest", "spec.runConfig")),
            (
                ('api_token: "${env.TOKEN}"', "api_token: s3cret"),
                ("warning", "InlineSecret", "spec.runConfig.providers.inference[0].config.api_token"),
            ),
        ],
    )
    def test_with_a_mistake_of_its_own_says_where(self, change: tuple[str, str], expected: tuple[str, str, str]):
        assert findings(read(MANIFEST.replace(*change))) == [expected]

    def test_may_take_its_config_from_a_config_map_of_the_same_files(self):
        manifest = MANIFEST.split("  runConfig:")[0] + (
            "  runConfigFrom: {configMapKeyRef: {name: cm, key: run.yaml}}\n"
        )
        config_map = (
            "kind: ConfigMap\nmetadata: {name: cm, namespace: team}\n"
            "data:\n  run.yaml: |\n    providers:\n"
            "      inference: [{provider_id: v, provider_type: remote::vlm}]\n"
        )

        with_map = read_inputs([("a.yaml", f"{config_map}---{manifest}")])[1]
        without = read(manifest)

        resolution = resolve_input(with_map, knowledge())
        assert [f.path for f in resolution.findings] == [
            "spec.runConfigFrom.configMapKeyRef.providers.inference[0].provider_type"
        ]
        assert findings(without) == [("info", "MissingReference", "spec.runConfigFrom.configMapKeyRef")]


@pytest.mark.parametrize("text", ["- 1", "just text", "a: 1"])
def test_a_document_that_is_nothing_of_ours_is_one_error(text: str):
    assert [severity for severity, _, _ in findings(read(text))] == ["error"]


def test_other_kubernetes_objects_are_passed_over():
    assert findings(read("apiVersion: v1\nkind: Service\nmetadata: {name: x}\n")) == []


class TestABuildConfig:
    RAW = {  # noqa: RUF012
        "version": 2,
        "distribution_spec": {
            "providers": {
                "inference": [
                    {"provider_type": "remote::vllm"},
                    {"provider_type": "remote::mine", "module": "mine"},
                ],
                "safety": "inline::llama-guard",
            }
        },
        "image_type": "venv",
    }

    def test_is_recognised_and_resolved(self):
        resolution = resolve_build(self.RAW, knowledge(version="0.2.23"))

        assert not resolution.has_errors
        assert [p.provider_type for p in resolution.plan[0].providers] == ["remote::vllm", "remote::mine"]

    def test_has_the_paths_of_its_own_file(self):
        raw = {
            **self.RAW,
            "image_type": "vnev",
            "distribution_spec": {"providers": {"safety": ["inline::gone"], "x": []}},
        }

        paths = [f.path for f in resolve_build(raw, knowledge(version="0.2.23")).findings if f.severity == "error"]

        assert paths == [
            "image_type",
            "distribution_spec.providers.safety[0].provider_type",
            "distribution_spec.providers.x",
        ]
