"""`llamastack containerfile`: which files it takes, what it refuses, and that its plan is the controller's."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.cli import main
from llamastack_operator.cli.output.console import Console
from llamastack_operator.cli.planning import plan_file
from llamastack_operator.planning.reading.planned import plan_install
from llamastack_operator.workloads.settings import PYTHON_BASE
from llamastack_resolver.documents.external_fields import provider_file

Capture = pytest.CaptureFixture[str]
MODULE = {"provider_id": "c", "provider_type": "remote::csoai", "module": "llama_stack_provider_csoai", "config": {}}
VLLM = {"provider_id": "v", "provider_type": "remote::vllm", "config": {"base_url": "http://v/v1"}}
RELEASE = {"release": {"package": "llama-stack", "version": "0.7.3"}}
IMAGE = {"image": "docker.io/llamastack/distribution-starter:0.7.3"}


def manifest(distribution: dict[str, Any], providers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": "bot"},
        "spec": {
            "distribution": distribution,
            "runConfig": {"version": 2, "distro_name": "bot", "providers": providers},
            **spec,
        },
    }


def run(tmp_path: Path, capsys: Capture, content: Any, *options: str) -> tuple[int, str, str]:
    file = tmp_path / "file.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    status = main(["containerfile", str(file), *options])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_run_config_becomes_an_image_of_the_release_that_is_named(tmp_path: Path, capsys: Capture):
    config = {"version": 2, "distro_name": "d", "apis": ["inference"], "providers": {"inference": [VLLM]}}
    status, out, _ = run(tmp_path, capsys, config, "--stack-version", "0.7.2")

    assert status == 0 and f"FROM {PYTHON_BASE}\n" in out and "llama-stack==0.7.2" in out


def test_a_run_config_that_names_no_release_says_which_was_chosen(tmp_path: Path, capsys: Capture):
    config = {"version": 2, "distro_name": "d", "apis": ["inference"], "providers": {"inference": [VLLM]}}
    status, _, err = run(tmp_path, capsys, config)

    assert status == 0 and "checked as" in err and "--stack-version" in err


def test_a_build_config_gets_the_packages_of_its_providers_directory(tmp_path: Path, capsys: Capture):
    spec = tmp_path / "providers.d" / "remote" / "inference" / "own.yaml"
    spec.parent.mkdir(parents=True)
    spec.write_text("adapter_type: own\nconfig_class: a.B\nmodule: a\npip_packages: [own-client>=2]\n")
    config = {
        "version": 2,
        "distribution_spec": {"providers": {"inference": [{"provider_type": "remote::own"}]}},
        "external_providers_dir": "providers.d",
    }
    status, out, err = run(tmp_path, capsys, config, "--stack-version", "0.2.23")

    assert (status, err) == (0, "")
    assert "'own-client>=2'" in out and "names the directory providers.d" in out


def test_a_provider_type_that_a_build_config_makes_up_is_an_error(tmp_path: Path, capsys: Capture):
    config = {"distribution_spec": {"providers": {"inference": ["remote::vlm"]}}}
    status, out, err = run(tmp_path, capsys, config, "--stack-version", "0.2.23")

    assert (status, out) == (1, "") and "distribution_spec.providers.inference[0].provider_type" in err


def test_findings_of_config_and_plan_are_told_together(tmp_path: Path, capsys: Capture):
    providers = {"inference": [{**VLLM, "provider_type": "remote::vlm"}], "eval": [{**MODULE, "module": "a=1"}]}
    pip = {"requirements": ["llama-stack==0.6.0", "b=="]}
    status, out, err = run(tmp_path, capsys, manifest(RELEASE, providers, build={"pip": pip}))

    assert (status, out) == (1, "")
    assert [err.count(word) for word in ("UnknownProviderType", "RequirementInvalid", "RequirementConflict")] == [
        1,
        2,
        1,
    ]
    assert "spec.build.pip.requirements[1]" in err and "spec.runConfig.providers.eval[0].module" in err


def test_a_release_whose_minor_is_not_known_is_an_error(tmp_path: Path, capsys: Capture):
    release = {"release": {"package": "llama-stack", "version": "0.9.0"}}
    status, out, err = run(tmp_path, capsys, manifest(release, {"inference": [VLLM]}))

    assert (status, out) == (1, "") and "0.9.0 is not known" in err


def test_a_patch_that_the_catalog_lacks_is_installed_as_it_is_named(tmp_path: Path, capsys: Capture):
    release = {"release": {"package": "llama-stack", "version": "0.7.9"}}
    status, out, err = run(tmp_path, capsys, manifest(release, {"inference": [VLLM]}))

    assert status == 0 and "llama-stack==0.7.9" in out
    assert "0.7.9 is not in the catalog: checked as 0.7.3" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--base", "python:3.12"), "--base: the file names the image"),
        (("--run-config", "../run.yaml"), "--run-config: '../run.yaml' is not inside the build context"),
        (("--run-config", "/etc/run.yaml"), "not inside the build context"),
    ],
)
def test_options_that_cannot_be_obeyed_are_refused(
    tmp_path: Path, capsys: Capture, options: tuple[str, ...], message: str
):
    status, out, err = run(tmp_path, capsys, manifest(IMAGE, {"eval": [MODULE]}), *options)
    assert (status, out) == (2, "") and message in err


@pytest.mark.parametrize("base", ["python 3", "x\nRUN evil", "$BASE", ""])
def test_a_base_that_is_no_reference_is_refused(tmp_path: Path, capsys: Capture, base: str):
    status, out, err = run(tmp_path, capsys, manifest(RELEASE, {}), "--base", base)
    assert (status, out) == (2, "") and "is no image reference" in err


def test_an_image_that_is_no_reference_is_refused(tmp_path: Path, capsys: Capture):
    status, out, err = run(tmp_path, capsys, manifest({"image": "a\nRUN evil"}, {"eval": [MODULE]}))
    assert (status, out) == (2, "") and "is no image reference" in err


def test_an_index_that_is_no_address_is_refused(tmp_path: Path, capsys: Capture):
    content = manifest(IMAGE, {"eval": [MODULE]}, build={"pip": {"indexUrl": 'https://x" \nRUN evil'}})
    status, out, err = run(tmp_path, capsys, content)
    assert (status, out) == (2, "") and "spec.build.pip.indexUrl" in err


def test_one_stack_at_a_time(tmp_path: Path, capsys: Capture):
    two = yaml.safe_dump_all([manifest(IMAGE, {}), manifest(IMAGE, {})])
    status, _, err = run(tmp_path, capsys, two)
    assert status == 2 and "2 stacks are in it" in err


def test_other_objects_are_no_stack(tmp_path: Path, capsys: Capture):
    status, _, err = run(tmp_path, capsys, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    assert status == 2 and "there is no stack in it" in err


OWN = "adapter_type: own\nconfig_class: a.B\nmodule: a\npip_packages: [own-client>=2]\n"
PIP = {"requirements": ["boto3", "rich<15"], "constraints": ["urllib3<3"], "allowSourceDistributions": False}
STACKS: dict[str, dict[str, Any]] = {
    "modules on an image": manifest(IMAGE, {"eval": [MODULE]}),
    "modules on a release": manifest(RELEASE, {"eval": [MODULE], "inference": [VLLM]}, build={"pip": PIP}),
    "a disabled module": manifest(RELEASE, {"eval": [{**MODULE, "provider_id": "${env.EVAL:=__disabled__}"}]}),
    "external providers": manifest(
        RELEASE,
        {"inference": [{"provider_id": "o", "provider_type": "remote::own", "config": {}}]},
        externalProviders=[
            {
                "api": "inference",
                "providerType": "remote::own",
                "configMapKeyRef": {"name": "specs", "key": "own.yaml"},
                "packages": ["own-impl==1"],
            }
        ],
    ),
}


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_the_plan_is_the_controllers(tmp_path: Path, stack: dict[str, Any], capsys: Capture):
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "specs"}, "data": {"own.yaml": OWN}}
    file = tmp_path / "stack.yaml"
    file.write_text(yaml.safe_dump_all([config_map, stack]))
    planned = plan_file(str(file), None, Console(sys.stderr, False))
    assert planned is not None, capsys.readouterr().err
    spec = stack["spec"]
    files = {provider_file("inference", "remote::own"): OWN} if "externalProviders" in spec else {}
    controllers = plan_install(LlamaStackSpec.model_validate(spec), spec["runConfig"], files)

    assert planned.plan.layers == controllers.layers != ()
