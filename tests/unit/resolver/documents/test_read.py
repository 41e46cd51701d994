"""What users hand in: manifests, run configs and build configs, and the release that each is for."""

import pytest

from llamastack_resolver.documents.build_config import resolve_build
from llamastack_resolver.documents.detect import detect_release, parse_release, release_of_image
from llamastack_resolver.documents.read import Input, read_inputs
from llamastack_resolver.documents.resolve import resolve_input
from llamastack_resolver.releases import Release, UnknownReleaseError
from tests.support.small_release import knowledge

KNOWN = [
    *(Release("llama-stack", version) for version in ("0.2.16", "0.2.23", "0.3.5", "0.5.0", "0.7.3")),
    *(Release("ogx", version) for version in ("0.8.0", "1.2.0", "1.5.0")),
]
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


class TestReleases:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("0.7.3", "0.7.3"),
            ("v0.7.3", "0.7.3"),
            ("ogx-1.5.0", "ogx-1.5.0"),
            ("1.5.0", "ogx-1.5.0"),
            ("llama-stack==0.3.5", "0.3.5"),
            ("llama-stack 0.3.5", "0.3.5"),
        ],
    )
    def test_are_read_as_users_write_them(self, text: str, expected: str):
        assert str(parse_release(text, KNOWN)) == expected

    def test_that_are_not_known_are_answered_with_the_nearest(self):
        with pytest.raises(UnknownReleaseError, match=r"the nearest are .*0\.7\.3"):
            parse_release("0.7.4", KNOWN)

    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            ("docker.io/llamastack/distribution-starter:0.7.3", "0.7.3"),
            ("localhost:5000/ogx/distribution-starter:1.5.0", "ogx-1.5.0"),
            ("localhost:5000/stack", None),
            ("mine/stack:latest", None),
            ("llamastack/distribution-starter:0.7.3@sha256:abc", "0.7.3"),
        ],
    )
    def test_are_read_from_tags(self, image: str, expected: str | None):
        found = release_of_image(image, KNOWN)

        assert (str(found) if found else None) == expected

    @pytest.mark.parametrize(
        ("config", "expected"),
        [
            ({"models": [1], "metadata_store": {"type": "sqlite"}}, "0.2.23"),
            ({"storage": {"x": 1}, "providers": {"agents": [1]}}, "0.5.0"),
            ({"distro_name": "x", "providers": {"scoring": [1]}}, "0.7.3"),
            ({"server": {"insecure": True}}, "ogx-1.5.0"),
            ({}, "ogx-1.5.0"),
        ],
    )
    def test_are_concluded_from_the_keys_of_a_config(self, config: dict, expected: str):
        assert str(detect_release(config, KNOWN).release) == expected

    def test_are_concluded_from_provider_types_where_keys_leave_a_choice(self):
        config = {"providers": {"inference": [{"provider_type": "remote::old"}]}}

        found = detect_release(config, KNOWN, lambda release, api, name: release.number < (0, 4, 0))

        assert (str(found.release), found.because) == ("0.3.5", "concluded from its provider types")
