"""External directories: what a release reads of them, what stops it, and what cannot be told from here."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.documents.build_config import resolve_build
from llamastack_resolver.documents.read import read_inputs
from llamastack_resolver.documents.resolve import resolve_input
from llamastack_resolver.providers.external_dirs import read_directory
from llamastack_resolver.resolution import ExternalFiles, Resolution, resolve
from tests.support.small_release import config, entry, knowledge

NEAR = "remote::vlm"
FLAT = {"adapter_type": "mine", "module": "mine", "config_class": "mine.Config"}
NESTED = {"adapter": {**FLAT, "pip_packages": []}, "api_dependencies": []}


def found(resolution: Resolution) -> list[tuple[str, str, str]]:
    return [(f.severity.value, f.reason.value, f.path) for f in resolution.findings]


def manifest(run_config: dict[str, Any], **spec: Any) -> Resolution:
    image = {"distribution": {"image": "registry.example/stack:0.7.3"}}
    value = {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": "demo", "namespace": "ai"},
        "spec": {**image, "runConfig": run_config, **spec},
    }
    (document,) = read_inputs([("stack.yaml", yaml.safe_dump(value))])
    return resolve_input(document, knowledge())


class TestADirectoryThatCannotBeReadHere:
    @pytest.mark.parametrize("provider_type", [NEAR, "remote::quite-different", "inline::meta-reference"])
    def test_leaves_its_types_open_whatever_they_look_like(self, provider_type: str):
        providers = {"inference": [entry("o", provider_type)]}
        raw = config(external_providers_dir="/opt/providers.d", providers=providers)

        resolution = resolve(raw, knowledge())

        path = "providers.inference[0].provider_type"
        assert found(resolution) == [("warning", "ResolvedInImage", path)]
        assert [p.provider_type for step in resolution.plan for p in step.providers if p.entry] == [provider_type]

    def test_is_the_same_in_a_manifest_whose_image_brings_it(self):
        raw = config(external_providers_dir="/opt/providers.d", providers={"inference": [entry("o", NEAR)]})

        path = "spec.runConfig.providers.inference[0].provider_type"
        assert found(manifest(raw)) == [("warning", "ResolvedInImage", path)]

    def test_leaves_the_apis_open_that_a_config_or_a_build_uses(self):
        providers = {"weather": [entry("k", "remote::kaze")]}
        raw = config(apis=["inference", "weather"], external_apis_dir="/opt/apis.d", providers=providers)
        build = {
            "version": 2,
            "external_apis_dir": "/opt/apis.d",
            "distribution_spec": {"providers": {"weather": [{"provider_type": "remote::kaze"}]}},
        }
        told = ("warning", "ResolvedInImage", "providers.weather")

        assert told in found(resolve(raw, knowledge()))
        assert not resolve(raw, knowledge()).has_errors
        assert found(manifest(raw))[0] == (*told[:2], "spec.runConfig.providers.weather")
        old = knowledge(version="0.2.17")
        assert found(resolve_build(build, old)) == [(*told[:2], "distribution_spec.providers.weather")]

    def test_does_not_excuse_an_api_that_nothing_provides(self):
        raw = config(apis=["inference", "weather"], external_apis_dir="/opt/apis.d")

        assert found(resolve(raw, knowledge())) == [("error", "UnknownApi", "apis[1]")]

    def test_lets_files_of_providers_depend_on_its_apis(self):
        text = yaml.safe_dump({**FLAT, "api_dependencies": ["weather"]})
        files = ExternalFiles({"remote/inference/mine.yaml": text}, None)
        raw = config(external_providers_dir="p", external_apis_dir="a")

        assert found(resolve(raw, knowledge(), files=files)) == []


class TestAFileThatCannotBeReadHere:
    def test_leaves_its_type_open(self):
        raw = config(external_providers_dir="p", providers={"inference": [entry("o", "remote::mine")]})
        files = ExternalFiles({"remote/inference/mine.yaml": None})

        path = "external_providers_dir/remote/inference/mine.yaml"
        assert found(resolve(raw, knowledge(), files=files)) == [("warning", "ResolvedInImage", path)]

    def test_of_an_api_leaves_all_unknown_apis_open(self):
        raw = config(external_apis_dir="a", providers={"weather": [entry("k", "remote::kaze")]})
        files = ExternalFiles({}, {"weather.yaml": None})

        assert not resolve(raw, knowledge(), files=files).has_errors

    def test_is_kept_apart_from_those_that_can(self, tmp_path: Path):
        folder = tmp_path / "remote" / "inference"
        folder.mkdir(parents=True)
        (folder / "mine.yaml").write_text("module: mine")
        (folder / "gone.yaml").symlink_to(tmp_path / "nowhere")

        files = {"remote/inference/gone.yaml": None, "remote/inference/mine.yaml": "module: mine"}
        assert read_directory(str(tmp_path)) == files
        assert read_directory(str(tmp_path / "none")) is None


class TestADirectoryThatWillNotBeThere:
    @pytest.mark.parametrize(("version", "severity"), [("0.2.17", "error"), ("0.3.0", "warning"), ("0.7.3", "warning")])
    def test_stops_the_releases_that_do_not_make_it(self, version: str, severity: str):
        files = ExternalFiles({}, {}, absent=("external_providers_dir",))
        raw = config(image_name="x", external_providers_dir="/opt/providers.d")

        findings = found(resolve(raw, knowledge(version=version), files=files))
        assert findings == [(severity, "SpecMissing", "external_providers_dir")]

    def test_is_told_in_a_manifest_where_the_operator_builds_the_file_system(self):
        release = {"distribution": {"release": {"package": "llama-stack", "version": "0.7.3"}}}
        raw = config(external_providers_dir="/Users/me/providers.d")
        path = "spec.runConfig.external_providers_dir"
        mounts = {"server": {"podTemplate": {"volumeMounts": [{"name": "d", "mountPath": "/Users/me"}]}}}

        assert found(manifest(raw, **release)) == [("error", "SpecMissing", path)]
        assert found(manifest(raw)) == []
        assert found(manifest(raw, **release, **mounts)) == []
        assert found(manifest(config(external_providers_dir="/tmp/providers.d"), **release)) == []

    def test_of_apis_is_only_logged_by_the_release(self):
        files = ExternalFiles({}, {}, absent=("external_apis_dir",))

        findings = found(resolve(config(external_apis_dir="/opt/apis.d"), knowledge(), files=files))
        assert findings == [("warning", "SpecMissing", "external_apis_dir")]


def of_file(data: object, version: str = "0.7.3", kind: str = "remote", use: bool = False) -> list:
    assert Behaviour.of(knowledge(version=version).release).flat_external_specs is (version != "0.2.17")
    providers = {"inference": [entry("o", f"{kind}::mine")]} if use else {}
    raw = config(external_providers_dir="p", image_name="x", **({"providers": providers} if use else {}))
    files = ExternalFiles({f"{kind}/inference/mine.yaml": yaml.safe_dump(data)})
    base = f"external_providers_dir/{kind}/inference/mine.yaml"
    release = knowledge(version=version)
    return [(s, r, p.removeprefix(base)) for s, r, p in found(resolve(raw, release, files=files))]


class TestAFileOfAProvider:
    @pytest.mark.parametrize("key", ["api_dependencies", "optional_api_dependencies", "pip_packages"])
    @pytest.mark.parametrize("kind", ["remote", "inline"])
    def test_may_leave_a_list_out_but_not_empty(self, key: str, kind: str):
        assert of_file(FLAT, kind=kind) == []
        assert of_file({**FLAT, key: None}, kind=kind) == [("error", "SpecMismatch", f":{key}")]
        assert of_file({**FLAT, key: None}, "0.2.17", "inline") == [("error", "SpecMismatch", f":{key}")]

    def test_is_read_up_to_0_2_22_for_the_keys_that_that_shape_has(self):
        assert of_file({**NESTED, "api_dependencies": None}, "0.2.17") == [
            ("error", "SpecMismatch", ":api_dependencies")
        ]
        assert of_file({**NESTED, "optional_api_dependencies": None, "pip_packages": None}, "0.2.17") == []

    @pytest.mark.parametrize("key", ["api", "provider_type"])
    def test_says_by_its_place_what_it_is(self, key: str):
        data = {**FLAT, key: "inference"}

        assert of_file(data) == [("error", "SpecMismatch", f":{key}")]
        assert of_file(data, kind="inline") == [("error", "SpecMismatch", f":{key}")]
        assert of_file(data, "0.2.17", "inline") == []
        assert of_file({**NESTED, key: "inference"}, "0.2.17") == []

    def test_with_a_leftover_adapter_is_loaded(self):
        leftover = {"adapter_type": "mine", "config_class": "mine.Config", "adapter": {"module": "mine"}}

        assert of_file(leftover) == [("warning", "SpecMismatch", ":adapter")]
        assert of_file({**FLAT, **leftover}) == [("warning", "SpecMismatch", ":adapter")]
        assert of_file({"adapter": FLAT}) == [("error", "SpecMismatch", "")]

    def test_without_a_module_stops_the_release_where_it_is_used(self):
        data = {"adapter_type": "mine", "config_class": "mine.Config"}
        warning = ("warning", "SpecMissing", ":module")

        assert of_file(data) == [warning]
        used = ("error", "SpecMissing", "providers.inference[0].provider_type")
        assert of_file(data, use=True) == [used, warning]

    def test_that_ends_in_yml_is_passed_over(self):
        providers = {"inference": [entry("o", "remote::mine")]}
        raw = config(external_providers_dir="p", external_apis_dir="a", providers=providers)
        files = ExternalFiles({"remote/inference/mine.yml": yaml.safe_dump(FLAT)}, {"weather.yml": "x"})

        resolution = resolve(raw, knowledge(), files=files)

        assert found(resolution) == [
            ("error", "UnknownProviderType", "providers.inference[0].provider_type"),
            ("warning", "SpecMissing", "external_apis_dir/weather.yml"),
            ("warning", "SpecMissing", "external_providers_dir/remote/inference/mine.yml"),
        ]
        assert "mine.yml" in str(resolution.findings[0].hint)


def test_an_api_file_may_leave_its_packages_out_but_not_empty():
    text = "name: weather\nmodule: weather_api\nprotocol: Weather\n"
    raw = config(external_apis_dir="a")
    empty = ExternalFiles({}, {"weather.yaml": f"{text}pip_packages:\n"})

    assert found(resolve(raw, knowledge(), files=ExternalFiles({}, {"weather.yaml": text}))) == []
    findings = found(resolve(raw, knowledge(), files=empty))
    assert findings == [("error", "SpecMismatch", "external_apis_dir/weather.yaml:pip_packages")]


def test_a_finding_about_a_file_has_the_line_that_names_its_directory(tmp_path: Path):
    folder = tmp_path / "p" / "remote" / "inference"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(yaml.safe_dump({**FLAT, "api": "inference"}))
    text = "version: 2\ndistro_name: x\nexternal_providers_dir: p\nproviders: {}\n"
    (document,) = read_inputs([(str(tmp_path / "run.yaml"), text)])

    (finding,) = resolve_input(document, knowledge(), read_files=True).findings

    assert (finding.path, finding.line) == ("external_providers_dir/remote/inference/mine.yaml:api", 3)
