"""What users hand in: manifests, run configs and build configs, and the release that each is for."""

import pytest

from llamastack_resolver.documents.build_config import resolve_build
from llamastack_resolver.documents.input import Input
from llamastack_resolver.documents.read import read_inputs
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

    def test_may_leave_a_variable_unset_whose_key_is_optional(self):
        document = read(MANIFEST.replace("key: k", "key: k, optional: true"))

        assert document.environment.state("TOKEN") == "unknown"
        assert document.environment.state("URL") == "unset"

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

        with_map = read_inputs([("maps.yaml", config_map), ("stack.yaml", manifest)])[1]
        without = read(manifest)

        (finding,) = resolve_input(with_map, knowledge()).findings
        assert (finding.file, finding.object, finding.line) == ("maps.yaml", "ConfigMap/cm", 6)
        assert finding.path == 'data["run.yaml"].providers.inference[0].provider_type'
        assert findings(without) == [("info", "MissingReference", "spec.runConfigFrom.configMapKeyRef")]


class TestADocumentThatIsNoneOfOurs:
    @pytest.mark.parametrize(
        "text",
        [
            "- 1",
            "just text",
            "a: 1",
            "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
            "replicaCount: 1\nstorage: {size: 1Gi}\nproviders: {openai: {enabled: true}}\n",
            "services: {a: {image: x}}\n",
        ],
    )
    def test_is_one_error_and_is_not_taken_for_ours(self, text: str):
        document = read(text)

        assert ([severity for severity, _, _ in findings(document)], document.recognised) == (["error"], False)

    def test_is_not_taken_for_ours_where_it_is_a_template_or_no_yaml_at_all(self):
        texts = ["version: 2\nimage_name: {{ .Values.name }}\nprovider_type: x\n", "a: [\n", ""]

        assert [read(text).recognised for text in texts] == [False, False, False]

    @pytest.mark.parametrize(
        "text",
        [
            "provider_type: [\n",
            "version: 2\nimage_name: x\nproviders:\n\tinference: []\n",
            "apiVersion: llamastack.dev/x\n a",
        ],
    )
    def test_is_ours_where_a_mistake_in_the_yaml_hides_a_config(self, text: str):
        assert read(text).recognised


class TestAFileThatAServerReads:
    CONFIG = "version: 2\ndistro_name: x\nproviders: {}\n"

    @pytest.mark.parametrize(
        ("text", "lines"),
        [
            (CONFIG, []),
            (f"---\n{CONFIG}...\n", []),
            (f"{CONFIG}---\n{CONFIG}", [5]),
            (f"{CONFIG}---\n", [5]),
            (f"{CONFIG}---\nfoo: bar\n---\n- 1\n", [5]),
            (f"foo: bar\n---\n{CONFIG}", [3]),
            (f"kind: Service\n---\n{CONFIG}", [3]),
            (f"distribution_spec: {{}}\n---\n{CONFIG}", [3]),
        ],
    )
    def test_has_one_document(self, text: str, lines: list[int]):
        told = [finding for document in read_inputs([("a.yaml", text)]) for finding in document.findings]

        assert [finding.line for finding in told] == lines
        assert all(finding.severity == "error" and "more than one" in finding.message for finding in told)

    def test_with_a_doubled_section_is_one_document_with_the_error_in_it(self):
        (document,) = read_inputs([("a.yaml", f"{self.CONFIG}providers: {{inference: []}}\n")])

        assert document.kind == "RunConfig"
        assert [(f.severity, f.path, f.line) for f in document.findings] == [("error", "providers", 4)]


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

    @pytest.mark.parametrize("items", ["remote::vllm", ["remote::vllm"], {"provider_type": "remote::vllm"}])
    def test_with_entries_of_before_0_2_16_is_refused_by_the_build_of_releases_since(self, items: object):
        raw = {"distribution_spec": {"providers": {"inference": items}}, "image_type": "venv", "x-mine": 1}

        told = {v: resolve_build(raw, knowledge(version=v)).findings for v in ("0.2.15", "0.2.16", "0.2.23", "0.3.0")}

        assert [list({f.severity for f in told[v] if "stack build" in f.message}) for v in told] == [
            [],
            ["warning"],
            ["warning"],
            ["info"],
        ]
        assert "containerfile" in (told["0.2.23"][0].hint or "")

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
