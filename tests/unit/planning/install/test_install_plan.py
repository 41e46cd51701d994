"""The install plan: which layers a stack needs, what is in them, and what is refused before pip runs."""

from typing import Any

import pytest

from llamastack_contract.layer import Layer
from llamastack_contract.limits import LOCK_FILES
from llamastack_operator import catalog
from llamastack_operator.planning.install.install_plan import (
    InstallPlan,
    install_plan,
    resolved_packages,
)
from llamastack_operator.planning.install.requirements import Wanted
from llamastack_resolver.config.env import Environment
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import ExternalFiles, resolve
from llamastack_resolver.yaml_io import read_yaml

IMAGE = "docker.io/llamastack/distribution-starter:0.7.3"
R073, R0223, OGX15, OGX10 = (
    Release("llama-stack", "0.7.3"),
    Release("llama-stack", "0.2.23"),
    Release("ogx", "1.5.0"),
    Release("ogx", "1.0.0"),
)
FMS = {
    "provider_id": "fms",
    "provider_type": "remote::trustyai_fms",
    "module": "llama_stack_provider_trustyai_fms==0.4.0",
}
CSOAI = {"provider_id": "csoai", "provider_type": "remote::csoai", "module": "llama_stack_provider_csoai"}
SENTENCES = {"provider_id": "st", "provider_type": "inline::sentence-transformers"}
FAISS = {"provider_id": "faiss", "provider_type": "inline::faiss"}


def config(**providers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"version": 2, "providers": providers}


def plan_of(release: Release | None, raw: dict[str, Any] | None, image: str | None = None, **more: Any) -> InstallPlan:
    knowledge = catalog.load_release(release) if release else None
    return install_plan(raw, knowledge, image=image, release=release, **more)


def layer(plan: InstallPlan, kind: str) -> Layer:
    found = plan.layer(kind)
    assert found is not None
    return found


def errors(plan: InstallPlan) -> list[tuple[str, str]]:
    return [(f.reason.value, f.path) for f in plan.findings if f.severity == "error"]


def wanted(*texts: str) -> list[Wanted]:
    return [Wanted(text, f"spec.build.pip.requirements[{index}]") for index, text in enumerate(texts)]


class TestWhichLayers:
    def test_an_image_without_anything_external_runs_as_it_is(self) -> None:
        plan = plan_of(R073, config(vector_io=[FAISS]), IMAGE)
        assert plan.image == IMAGE and plan.layers == () and not plan.has_errors

    def test_an_image_that_brings_its_own_config_runs_as_it_is(self) -> None:
        assert plan_of(None, None, IMAGE).layers == ()

    def test_a_module_on_an_image_needs_the_modules_layer_only(self) -> None:
        plan = plan_of(R073, config(safety=[FMS]), IMAGE)
        assert [one.kind for one in plan.layers] == ["modules"] and plan.image == IMAGE

    def test_a_release_without_an_image_is_installed_on_the_python_base(self) -> None:
        plan = plan_of(R073, config(vector_io=[FAISS]))
        assert [one.kind for one in plan.layers] == ["stack"] and plan.image is None

    def test_a_release_with_modules_has_the_stack_first(self) -> None:
        assert [one.kind for one in plan_of(R073, config(safety=[FMS])).layers] == ["stack", "modules"]

    def test_an_image_of_an_unknown_release_needs_nothing_of_the_catalog(self) -> None:
        plan = plan_of(None, config(safety=[FMS]), "registry.example/own:1")
        assert layer(plan, "modules").requirements == (FMS["module"],) and not plan.findings

    def test_further_requirements_alone_make_a_modules_layer(self) -> None:
        plan = plan_of(R073, config(), IMAGE, requirements=wanted("boto3>=1"))
        assert layer(plan, "modules").requirements == ("boto3>=1",)
        assert layer(plan, "modules").modules == ()


class TestStackLayer:
    def test_the_release_and_its_api_package_are_pinned_to_one_version(self) -> None:
        assert layer(plan_of(R073, config()), "stack").requirements[:2] == (
            "llama-stack==0.7.3",
            "llama-stack-api==0.7.3",
        )
        assert layer(plan_of(OGX15, config()), "stack").requirements[:2] == ("ogx==1.5.0", "ogx-api==1.5.0")

    def test_releases_without_an_api_package_are_pinned_alone(self) -> None:
        names = [text.split("==")[0] for text in layer(plan_of(R0223, config()), "stack").requirements]
        assert "llama-stack" in names and "llama-stack-api" not in names

    def test_packages_with_options_are_calls_of_their_own_with_those_without_dependencies_last(self) -> None:
        special = layer(plan_of(R073, config(inference=[SENTENCES])), "stack").special
        assert special == (
            ("torch", "torchvision", "torchao>=0.12.0", "--extra-index-url", "${index.pytorch-cpu}"),
            ("sentence-transformers", "--no-deps"),
        )

    def test_the_known_good_versions_are_its_constraints(self) -> None:
        assert "mcp==1.30.0" in layer(plan_of(R073, config()), "stack").constraints

    def test_a_constraint_of_the_user_replaces_the_known_good_version(self) -> None:
        plan = plan_of(R073, config(), constraints=[Wanted("mcp<1.20", "spec.build.pip.constraints[0]")])
        assert [line for line in layer(plan, "stack").constraints if line.startswith("mcp")] == ["mcp<1.20"]

    def test_an_entry_with_a_module_brings_no_builtin_packages(self) -> None:
        own = {**FAISS, "module": "my_faiss"}
        assert not any(
            text.startswith("faiss") for text in layer(plan_of(R073, config(vector_io=[own])), "stack").requirements
        )
        assert any(
            text.startswith("faiss") for text in layer(plan_of(R073, config(vector_io=[FAISS])), "stack").requirements
        )

    def test_a_patch_that_the_catalog_lacks_is_installed_as_itself(self) -> None:
        release = Release("llama-stack", "0.4.9")
        stack = layer(plan_of(release, config()), "stack")
        assert stack.requirements[:2] == ("llama-stack==0.4.9", "llama-stack-api==0.4.9")
        assert not [line for line in stack.constraints if line.startswith("llama-stack")]

    def test_the_order_of_the_providers_makes_no_difference(self) -> None:
        one = plan_of(R073, {"providers": {"vector_io": [FAISS], "inference": [SENTENCES], "safety": [FMS]}})
        other = plan_of(R073, {"providers": {"safety": [FMS], "inference": [SENTENCES], "vector_io": [FAISS, FAISS]}})
        assert one.layers == other.layers

    def test_without_a_catalog_entry_there_is_no_stack_layer_but_a_finding(self) -> None:
        plan = install_plan(config(), None, image=None, release=Release("llama-stack", "9.9.9"))
        assert errors(plan) == [("UnsupportedVersion", "spec.distribution.release.version")] and plan.layers == ()

    def test_neither_image_nor_release_is_a_finding(self) -> None:
        assert errors(install_plan(config(), None, image=None, release=None)) == [
            ("UnsupportedVersion", "spec.distribution")
        ]


class TestDisabledEntries:
    IDS = ("__disabled__", "${env.ENABLE:=__disabled__}")

    @pytest.mark.parametrize("provider_id", IDS)
    def test_their_packages_are_installed_where_the_release_lists_them(self, provider_id: str) -> None:
        raw = config(vector_io=[{**FAISS, "provider_id": provider_id}])
        packages = layer(plan_of(OGX10, raw, environment=Environment()), "stack").requirements
        assert any(text.startswith("faiss") for text in packages)

    @pytest.mark.parametrize("provider_id", IDS)
    def test_and_are_left_out_where_it_substitutes_variables_first(self, provider_id: str) -> None:
        raw = config(vector_io=[{**FAISS, "provider_id": provider_id}])
        packages = layer(plan_of(OGX15, raw, environment=Environment()), "stack").requirements
        assert not any(text.startswith("faiss") for text in packages)

    def test_a_variable_from_a_secret_may_enable_it(self) -> None:
        raw = config(vector_io=[{**FAISS, "provider_id": "${env.ENABLE:=__disabled__}"}])
        environment = Environment(opaque=frozenset({"ENABLE"}))
        packages = layer(plan_of(OGX15, raw, environment=environment), "stack").requirements
        assert any(text.startswith("faiss") for text in packages)

    def test_a_variable_of_which_nothing_is_known_may_enable_it(self) -> None:
        provider_id = "${env.ENABLE:=__disabled__}"
        raw = config(vector_io=[{**FAISS, "provider_id": provider_id}], safety=[{**FMS, "provider_id": provider_id}])
        for environment in (Environment(others="unknown"), Environment(unknown=frozenset({"ENABLE"}))):
            plan = plan_of(OGX15, raw, environment=environment)
            assert any(text.startswith("faiss") for text in layer(plan, "stack").requirements)
            assert layer(plan, "modules").modules == (FMS["module"],)
            assert plan.least == plan_of(OGX15, raw, environment=Environment()).layers

    @pytest.mark.parametrize("provider_id", ["fms", "${env.ENABLE:+fms}", "__disabled__"])
    def test_other_ids_leave_the_layers_as_they_are_whatever_is_known(self, provider_id: str) -> None:
        raw = config(vector_io=[{**FAISS, "provider_id": provider_id}], safety=[{**FMS, "provider_id": provider_id}])
        open_ended = plan_of(OGX15, raw, environment=Environment(others="unknown"))
        assert open_ended.layers == plan_of(OGX15, raw, environment=Environment()).layers
        assert open_ended.least is None

    @pytest.mark.parametrize("provider_id", IDS)
    def test_the_module_of_a_disabled_entry_is_not_installed(self, provider_id: str) -> None:
        raw = config(safety=[{**FMS, "provider_id": provider_id}])
        assert plan_of(R073, raw, IMAGE, environment=Environment()).layers == ()

    @pytest.mark.parametrize("provider_id", [None, "", "${env.ENABLE:+fms}"])
    def test_the_module_of_an_entry_without_an_id_is_installed_as_the_release_imports_it(
        self, provider_id: Any
    ) -> None:
        raw = config(safety=[{**FMS, "provider_id": provider_id}])
        assert layer(plan_of(R073, raw, IMAGE, environment=Environment()), "modules").modules == (FMS["module"],)


class TestModulesLayer:
    def test_modules_are_installed_and_then_asked(self) -> None:
        modules = layer(plan_of(R073, config(safety=[FMS], eval=[CSOAI]), IMAGE), "modules")
        assert modules.requirements == (CSOAI["module"], FMS["module"]) == modules.modules

    def test_an_import_path_is_asked_but_not_installed(self) -> None:
        garak = {"provider_id": "g", "provider_type": "inline::trustyai_garak", "module": "my_garak.inline"}
        modules = layer(plan_of(R073, config(eval=[garak]), IMAGE, requirements=wanted("my-garak==0.1.5")), "modules")
        assert modules.requirements == ("my-garak==0.1.5",) and modules.modules == ("my_garak.inline",)

    def test_a_dotted_name_with_a_version_is_a_distribution(self) -> None:
        entry = {"provider_id": "z", "provider_type": "inline::z", "module": "zope.interface==7.0"}
        assert layer(plan_of(R073, config(eval=[entry]), IMAGE), "modules").requirements == ("zope.interface==7.0",)

    def test_one_module_for_two_providers_is_installed_once(self) -> None:
        modules = layer(plan_of(R073, config(eval=[CSOAI, {**CSOAI, "provider_id": "b"}]), IMAGE), "modules")
        assert modules.requirements == (CSOAI["module"],)

    def test_packages_of_external_providers_keep_their_options(self) -> None:
        extra = [
            Wanted("torch --index-url ${index.pytorch-cpu}", "spec.externalProviders[0]"),
            Wanted("httpx rich>=13"),
        ]
        modules = layer(plan_of(R073, config(), IMAGE, external_packages=extra), "modules")
        assert modules.special == (("torch", "--index-url", "${index.pytorch-cpu}"),)
        assert modules.requirements == ("httpx", "rich>=13")

    def test_another_spelling_of_an_api_needs_the_same_packages(self) -> None:
        entry = {"provider_id": "s", "provider_type": "remote::s3"}
        assert plan_of(R073, config(Files=[entry])).layers == plan_of(R073, config(files=[entry])).layers
        assert plan_of(R073, config(Files=[entry])).layers != plan_of(R073, config()).layers

    def test_the_users_constraints_hold_for_it_and_the_known_good_ones_do_not(self) -> None:
        limit = Wanted("numpy<3", "spec.build.pip.constraints[0]")
        assert layer(plan_of(R073, config(safety=[FMS]), constraints=[limit]), "modules").constraints == ("numpy<3",)

    def test_packages_of_directories_come_from_the_files_that_the_config_uses(self) -> None:
        spec = "adapter_type: own\nconfig_class: a.B\nmodule: a\npip_packages: [own-client>=2]\n"
        files = ExternalFiles(
            {"remote/inference/own.yaml": spec, "remote/inference/other.yaml": spec.replace("own", "other")},
            {"weather.yaml": "module: w\nname: weather\nprotocol: W\npip_packages: [weather-api]\n"},
        )
        raw = {
            **config(inference=[{"provider_id": "o", "provider_type": "remote::own"}]),
            "external_providers_dir": "/p",
            "external_apis_dir": "/a",
        }
        found = resolved_packages(resolve(raw, catalog.load_release(R073), files=files))
        assert [one.text for one in found] == ["own-client>=2", "weather-api"]
        assert found[0].path == "external_providers_dir/remote/inference/own.yaml"


class TestRefusedBeforePipRuns:
    def test_more_requirements_than_an_image_can_record(self) -> None:
        many = wanted(*(f"package-{number}" for number in range(LOCK_FILES + 1)))
        plan = plan_of(R073, config(), IMAGE, external_packages=many)
        assert [(one.reason, one.path) for one in plan.findings] == [("LimitExceeded", "spec.build")]
        assert plan.layers == ()

    @pytest.mark.parametrize(
        "text",
        [
            "llama-stack==0.7.2",
            "llama-stack-api<0.7",
            "llama_stack~=0.6.0",
            "llama-stack @ https://example.org/x.whl",
            "ogx==1.5.0",
            "ogx-api",
        ],
    )
    def test_a_requirement_that_asks_for_another_llama_stack_names_both(self, text: str) -> None:
        plan = plan_of(R073, config(), IMAGE, requirements=wanted(text))
        assert errors(plan) == [("RequirementConflict", "spec.build.pip.requirements[0]")]
        assert text in plan.findings[0].message and "llama-stack 0.7.3" in plan.findings[0].message

    @pytest.mark.parametrize(
        "text", ["llama-stack>=0.7", "llama-stack==0.7.3", "llama-stack-client==0.7.5", "llama-stack-api"]
    )
    def test_what_the_release_meets_is_no_conflict(self, text: str) -> None:
        assert not plan_of(R073, config(), IMAGE, requirements=wanted(text)).has_errors

    def test_a_constraint_on_the_release_is_checked_too(self) -> None:
        plan = plan_of(R073, config(), IMAGE, constraints=[Wanted("llama-stack<0.7", "spec.build.pip.constraints[0]")])
        assert errors(plan) == [("RequirementConflict", "spec.build.pip.constraints[0]")]

    def test_a_module_that_is_the_release_itself_is_checked_at_its_path(self) -> None:
        entry = {**CSOAI, "module": "llama-stack==0.6.0"}
        plan = plan_of(R073, config(eval=[entry]), IMAGE, prefix="spec.runConfig")
        assert errors(plan) == [("RequirementConflict", "spec.runConfig.providers.eval[0].module")]

    def test_two_pins_of_one_package_name_each_other(self) -> None:
        plan = plan_of(R073, config(eval=[{**CSOAI, "module": "my-mod==1.0"}]), IMAGE, requirements=wanted("my_mod>=2"))
        assert errors(plan) == [("RequirementConflict", "spec.build.pip.requirements[0]")]
        assert "my-mod==1.0 (providers.eval[0].module)" in plan.findings[0].message

    def test_pins_for_different_platforms_are_left_to_pip(self) -> None:
        texts = ("a==1; sys_platform == 'linux'", "a==2; sys_platform != 'linux'")
        assert not plan_of(R073, config(), IMAGE, requirements=wanted(*texts)).has_errors

    @pytest.mark.parametrize(
        "text",
        [
            "==1.0",
            "a b==",
            "my-mod=1.0",
            "git+https://example.org/x.git",
            "-r file.txt",
            "--target=/x a",
            "--no-deps",
            "-e .",
            "a @ https://example.org/a.whl\nRUN=evil",
            "a; os_name == 'x\ny'",
        ],
    )
    def test_what_pip_should_not_be_given_is_named_with_its_place(self, text: str) -> None:
        plan = plan_of(R073, config(), IMAGE, requirements=wanted(text))
        assert errors(plan) == [("RequirementInvalid", "spec.build.pip.requirements[0]")] and plan.layers == ()

    def test_every_mistake_is_told_at_once(self) -> None:
        plan = plan_of(
            R073,
            config(eval=[{**CSOAI, "module": "a=b"}]),
            IMAGE,
            requirements=wanted("==", "ogx"),
            constraints=[Wanted("x[y]", "c")],
        )
        assert sorted(reason for reason, _ in errors(plan)) == [
            "RequirementConflict",
            "RequirementInvalid",
            "RequirementInvalid",
            "RequirementInvalid",
        ]

    def test_a_module_that_the_resolver_refuses_gives_the_same_finding_here(self) -> None:
        raw = config(eval=[{**CSOAI, "module": "no requirement!"}])
        of_resolver = [f for f in resolve(raw, catalog.load_release(R073)).findings if f.path.endswith(".module")]
        assert of_resolver == list(plan_of(R073, raw, IMAGE).findings) != []

    def test_a_requirement_has_at_most_512_characters_wherever_it_stands(self) -> None:
        long = "a" * 513
        plan = plan_of(
            R073,
            config(inference=[{**FMS, "module": f"a{' ' * 3000}!"}]),
            prefix="spec.runConfig",
            requirements=wanted(long),
            constraints=[Wanted(long, "spec.build.pip.constraints[0]")],
            external_packages=[Wanted(f"--no-deps {long}", "spec")],
        )
        told = {f.path: f for f in plan.findings}
        assert set(told) == {
            "spec.runConfig.providers.inference[0].module",
            "spec.build.pip.requirements[0]",
            "spec.build.pip.constraints[0]",
            "spec",
        }
        assert all("at most 512" in f.message and f.hint and len(f.message) < 120 for f in told.values())

    def test_a_text_with_references_has_at_most_64_kib(self) -> None:
        hostile = {**FAISS, "config": {"url": "${env.A:=" * 40_000}}
        findings = plan_of(R073, config(vector_io=[hostile]), IMAGE, prefix="spec.runConfig").findings
        assert [(f.path, bool(f.hint)) for f in findings] == [
            ("spec.runConfig.providers.vector_io[0].config.url", True)
        ]

    def test_a_malformed_config_gives_no_traceback(self) -> None:
        for raw in (
            {"providers": None},
            {"providers": [1]},
            {"providers": {"eval": {"a": 1}, "safety": [1, None, {"module": 3}]}},
        ):
            assert plan_of(R073, raw, IMAGE).layers == ()


@pytest.mark.parametrize("release", catalog.releases(), ids=str)
def test_every_release_installs_on_its_own_constraints_as_far_as_can_be_told_here(release: Release) -> None:
    """No package of a built-in provider asks for another version than the release is known to work with."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    knowledge = catalog.load_release(release)
    everything = {
        "providers": {
            api: [{"provider_id": name, "provider_type": name} for name in types]
            for api, types in knowledge.providers.items()
        }
    }
    plan = install_plan(everything, knowledge, image=None, release=release)
    stack = layer(plan, "stack")
    pins = {canonicalize_name(r.name): r for r in map(Requirement, stack.constraints)}
    words = [w for arguments in stack.special for w in arguments if not w.startswith(("-", "$"))]
    for requirement in map(Requirement, (*stack.requirements, *words)):
        pin = pins.get(canonicalize_name(requirement.name))
        if pin is not None:
            version = next(iter(pin.specifier)).version
            assert requirement.specifier.contains(version, prereleases=True), (str(requirement), str(pin))
    assert not plan.findings


def test_a_layer_survives_the_wire() -> None:
    stack = layer(plan_of(R073, config(inference=[SENTENCES])), "stack")
    assert Layer.from_dict(stack.to_dict()) == stack
    with pytest.raises(ValueError, match="neither stack nor modules"):
        Layer.from_dict({**stack.to_dict(), "kind": "other"})


def test_bundled_configs_of_every_release_have_a_plan_without_findings() -> None:
    for release in catalog.releases():
        knowledge = catalog.load_release(release)
        for name, text in knowledge.distributions.items():
            raw = read_yaml(text)[0][0].value
            plan = install_plan(raw, knowledge, image=None, release=release)
            assert not plan.has_errors, (str(release), name, plan.findings)
