"""Resolving a run config offline: what is said, where, and what is not said because it would only follow."""

import pytest

from llamastack_resolver.config.env import Environment
from llamastack_resolver.resolution import ExternalFiles, Resolution, resolve
from tests.support.small_release import config, entry, errors, knowledge, providers, warnings


def test_a_config_without_mistakes_has_no_findings_and_a_plan():
    resolution = resolve(config(), knowledge())

    assert resolution.findings == ()
    keys = [step.key for step in resolution.plan]
    assert keys.index("inner-inference") < keys.index("models") < keys.index("inference")


def test_ten_different_mistakes_are_ten_findings_and_none_follows_from_another():
    raw = config(
        apis=["inference", "safety", "vector_io", "responses", "files", "infernce"],
        providers={
            "inference": [
                entry("vllm", "remote::vllm", config={"max_tokens": 0}),
                entry("vllm", "remote::openai"),
                entry("tgi", "remote::tgi"),
                entry("typo", "remote::vlm"),
            ],
            "models": [entry("x", "inline::x")],
            "agents": [entry("meta", "inline::meta-reference")],
            "safety": [entry("dead", "inline::dead-guard")],
            "vector_io": [
                entry(
                    "faiss",
                    "inline::faiss",
                    config={"persistence": {"backend": "kv_defalt", "namespace": "x"}},
                )
            ],
            "responses": [entry("r", "inline::builtin")],
        },
        server={"port": 80},
    )

    resolution = resolve(raw, knowledge(), Environment())

    assert sorted(errors(resolution)) == sorted(
        [
            ("InvalidProviderConfig", "providers.inference[0].config.max_tokens"),
            ("DuplicateProviderId", "providers.inference[1].provider_id"),
            ("ProviderRemoved", "providers.inference[2].provider_type"),
            ("UnknownProviderType", "providers.inference[3].provider_type"),
            ("RoutedApiOverride", "providers.models"),
            ("UnknownApi", "providers.agents"),
            ("ProviderDeprecationError", "providers.safety[0].provider_type"),
            ("MissingReference", "providers.vector_io[0].config.persistence.backend"),
            ("MissingDependency", "providers.responses[0]"),
            ("MissingDependency", "apis[4]"),
            ("UnknownApi", "apis[5]"),
            ("InvalidRunConfig", "server.port"),
        ]
    )


def test_a_typing_error_in_a_type_is_answered_with_the_nearest_name():
    resolution = resolve(providers(inference=[entry("a", "remote::vlm")]), knowledge())

    assert resolution.findings[0].hint == "did you mean remote::vllm?"


def test_a_type_of_another_api_is_told_apart_from_a_typing_error():
    resolution = resolve(providers(inference=[entry("a", "inline::localfs")]), knowledge())

    assert resolution.findings[0].hint == "it is a provider of files"


def test_a_deprecated_provider_is_a_warning():
    resolution = resolve(providers(safety=[entry("g", "inline::old-guard")]), knowledge())

    assert errors(resolution) == []
    assert ("ProviderDeprecated", "providers.safety[0].provider_type") in warnings(resolution)


@pytest.mark.parametrize("disabled", [None, "", "__disabled__", "${env.NOT_SET:+vllm}"])
def test_a_disabled_entry_is_not_judged(disabled: str | None):
    raw = providers(inference=[entry(disabled, "remote::does-not-exist", config={"max_tokens": "many"})])

    assert resolve(raw, knowledge(), Environment()).findings == ()


def test_paths_still_count_the_entries_that_substitution_left_out():
    raw = providers(inference=[entry("__disabled__", "remote::vllm"), entry("a", "remote::nope")])

    assert errors(resolve(raw, knowledge())) == [("UnknownProviderType", "providers.inference[1].provider_type")]


class TestSeveralProvidersOfAnApiWithoutRouter:
    RAW = config(providers={"files": [entry("a", "inline::localfs"), entry("b", "inline::localfs")]})

    def test_warn_that_the_last_one_replaces_the_others(self):
        assert warnings(resolve(self.RAW, knowledge())) == [("ShadowedProvider", "providers.files[0]")]

    def test_are_fine_where_the_release_tells_siblings_of_each_other(self):
        assert warnings(resolve(self.RAW, knowledge("ogx", "1.2.0"))) == []


class TestMissingDependency:
    def test_names_a_provider_type_that_would_satisfy_it(self):
        raw = providers(responses=[entry("r", "inline::builtin")])

        finding = next(f for f in resolve(raw, knowledge()).findings if f.severity == "error")

        assert finding.reason == "MissingDependency"
        assert finding.hint == "add a provider to `providers.files`, for example inline::localfs"

    @pytest.mark.parametrize(("version", "errors_there"), [("0.2.17", True), ("0.3.0", False), ("0.7.3", False)])
    def test_on_the_stacks_own_apis_holds_since_they_come_before_providers(self, version: str, errors_there: bool):
        types = {"files": {"inline::f": {"api_dependencies": ["inspect"]}}}
        raw = config(image_name="x", providers={"files": [entry("f", "inline::f")]})

        found = errors(resolve(raw, knowledge(version=version, providers=types)))

        assert found == ([("MissingDependency", "providers.files[0]")] if errors_there else [])

    def test_names_the_entry_that_is_disabled(self):
        raw = providers(
            responses=[entry("r", "inline::builtin")], files=[entry("${env.FILES:+local}", "inline::localfs")]
        )

        finding = next(f for f in resolve(raw, knowledge(), Environment()).findings if f.severity == "error")

        assert "providers.files[0]" in finding.hint

    def test_names_the_apis_list_where_the_router_is_left_out(self):
        raw = config(
            apis=["safety"],
            providers={
                "inference": [entry("v", "remote::vllm")],
                "safety": [entry("g", "inline::llama-guard")],
            },
        )

        finding = next(f for f in resolve(raw, knowledge()).findings if f.severity == "error")

        assert (finding.reason, finding.hint) == ("MissingDependency", "add `inference` to `apis`")

    def test_is_not_reported_where_the_api_has_a_refused_entry_of_its_own(self):
        raw = providers(responses=[entry("r", "inline::builtin")], files=[entry("f", "inline::nope")])

        assert errors(resolve(raw, knowledge())) == [("UnknownProviderType", "providers.files[0].provider_type")]


def test_an_api_whose_providers_are_switched_off_is_information_and_one_without_any_a_warning():
    off = config(providers={"vector_io": [entry("", "inline::faiss")]}, apis=["vector_io"])
    none = config(providers={"vector_io": []}, apis=["vector_io"])

    (switched,), (forgotten,) = (resolve(raw, knowledge()).findings for raw in (off, none))

    assert (switched.severity, switched.hint) == ("info", "enable inline::faiss at providers.vector_io[0]")
    assert forgotten.severity == "warning"


class TestCycles:
    def through_own_router(self, package: str, version: str) -> Resolution:
        types = {"safety": {"inline::a": {"module": "a", "api_dependencies": ["safety"]}}}
        return resolve(providers(safety=[entry("a", "inline::a")]), knowledge(package, version, providers=types))

    def test_are_named_as_a_path_and_refused_where_the_release_refuses_them(self):
        resolution = self.through_own_router("ogx", "1.2.0")

        finding = next(f for f in resolution.findings if f.reason == "DependencyCycle")
        assert finding.severity == "error"
        assert "safety (a) -> safety (a)" in finding.message

    def test_between_apis_without_router_fail_on_every_release(self):
        types = {
            "files": {"inline::f": {"module": "f", "api_dependencies": ["responses"]}},
            "responses": {"inline::r": {"module": "r", "api_dependencies": ["files"]}},
        }
        raw = providers(files=[entry("f", "inline::f")], responses=[entry("r", "inline::r")])

        resolution = resolve(raw, knowledge(providers=types))

        assert [(f.severity, f.reason) for f in resolution.findings] == [("error", "DependencyCycle")]
        assert "files (f) -> responses (r) -> files (f)" in resolution.findings[0].message

    def test_over_optional_dependencies_of_built_in_providers_are_not_mentioned_where_the_release_starts(self):
        types = {
            "files": {"inline::f": {"module": "f", "optional_api_dependencies": ["responses"]}},
            "responses": {"inline::r": {"module": "r", "api_dependencies": ["files"]}},
        }
        raw = providers(responses=[entry("r", "inline::r")], files=[entry("f", "inline::f")])

        resolution = resolve(raw, knowledge(providers=types))

        assert resolution.findings == ()


class TestExternalProviders:
    def test_of_a_module_are_left_to_the_image_when_nothing_is_installed(self):
        raw = providers(inference=[entry("x", "remote::mine", module="my_provider==1.0")])

        resolution = resolve(raw, knowledge())

        assert [f.reason for f in resolution.findings] == ["ResolvedInImage"]
        assert next(s for s in resolution.plan if s.key == "inner-inference").providers[0].origin == "module"

    def test_of_a_module_of_more_than_512_characters_are_not_asked_for(self):
        raw = providers(inference=[entry("x", "remote::mine", module="a" + " " * 3000 + "!")])

        findings = resolve(raw, knowledge()).findings

        told = [f for f in findings if f.path == "providers.inference[0].module"]
        assert [f.reason for f in told] == ["RequirementInvalid"]
        assert "at most 512" in told[0].message and told[0].hint

    @pytest.mark.parametrize("module", ["my-provider", "my_provider>=1", "my_provider[all]==1"])
    def test_of_a_module_that_upstreams_server_cannot_read_carry_a_warning(self, module: str):
        raw = providers(inference=[entry("x", "remote::mine", module=module)])

        assert warnings(resolve(raw, knowledge())) == [("SpecMismatch", "providers.inference[0].module")]

    def test_of_a_module_that_is_no_requirement_are_refused(self):
        raw = providers(inference=[entry("x", "remote::mine", module="?? what")])

        assert errors(resolve(raw, knowledge())) == [("RequirementInvalid", "providers.inference[0].module")]

    def test_of_a_module_may_replace_a_built_in_one_with_a_warning(self):
        raw = providers(inference=[entry("x", "remote::vllm", module="my_vllm")])

        assert warnings(resolve(raw, knowledge())) == [("ShadowedProvider", "providers.inference[0].module")]

    def test_of_a_directory_are_found_in_the_flat_shape(self):
        raw = config(external_providers_dir="/p", providers={"inference": [entry("x", "remote::mine")]})
        text = "adapter_type: mine\nmodule: mine\nconfig_class: mine.Config\n"
        files = ExternalFiles(providers={"remote/inference/mine.yaml": text})

        assert resolve(raw, knowledge(), files=files).findings == ()

    def test_of_a_directory_in_the_shape_of_another_release_are_told_which(self):
        raw = config(external_providers_dir="/p")
        nested = "adapter:\n  adapter_type: mine\n  module: mine\n  config_class: mine.Config\n"
        flat = "adapter_type: mine\nmodule: mine\nconfig_class: mine.Config\n"

        new = resolve(raw, knowledge(), files=ExternalFiles({"remote/inference/mine.yaml": nested}))
        old = resolve(
            {**raw, "image_name": "x"},
            knowledge(version="0.2.22"),
            files=ExternalFiles({"remote/inference/mine.yaml": flat}),
        )

        assert "before 0.2.23" in new.findings[0].message
        assert any("0.2.23 and newer" in finding.message for finding in old.findings)

    def test_of_a_directory_that_cannot_be_read_here_are_left_to_the_image(self):
        raw = config(external_providers_dir="/p", providers={"inference": [entry("x", "remote::zzzz")]})

        assert warnings(resolve(raw, knowledge())) == [("ResolvedInImage", "providers.inference[0].provider_type")]


def test_an_external_api_takes_providers_of_its_own():
    raw = config(external_apis_dir="/a", providers={"weather": [entry("w", "remote::sun", module="sunny")]})
    files = ExternalFiles(apis={"weather.yaml": "name: weather\nmodule: weather_api\nprotocol: Weather\n"})

    assert errors(resolve(raw, knowledge(), files=files)) == []
    assert errors(resolve(raw, knowledge(), files=ExternalFiles(apis={}))) == [("UnknownApi", "providers.weather")]


def test_every_missing_variable_is_reported_where_it_is_used_and_nothing_follows_from_it():
    raw = providers(
        inference=[entry("vllm", "remote::vllm", config={"url": "${env.URL}", "max_tokens": "${env.TOKENS}"})]
    )

    assert errors(resolve(raw, knowledge(), Environment())) == [
        ("MissingEnv", "providers.inference[0].config.url"),
        ("MissingEnv", "providers.inference[0].config.max_tokens"),
    ]
    assert resolve(raw, knowledge()).findings == ()


@pytest.mark.parametrize("raw", [None, [], "text", 7])
def test_a_config_that_is_no_mapping_is_one_finding(raw: object):
    assert errors(resolve(raw, knowledge())) == [("InvalidRunConfig", ".")]


def test_malformed_provider_sections_are_reported_and_not_followed_up():
    raw = config(providers={"inference": "vllm", "responses": [entry("r", "inline::builtin")], "files": [3]})

    assert errors(resolve(raw, knowledge())) == [
        ("InvalidRunConfig", "providers.inference"),
        ("InvalidRunConfig", "providers.files[0]"),
    ]


@pytest.mark.parametrize(("version", "severity"), [("0.2.17", "warning"), ("0.3.0", "error"), ("0.3.1", None)])
def test_another_version_is_refused_by_llama_stack_run_before_0_3_1(version: str, severity: str | None):
    """Before 0.3.0 the server is started by its module, which does not look at it."""
    resolution = resolve(config(version="2"), knowledge("llama-stack", version))

    found = [f.severity for f in resolution.findings if f.path == "version"]
    assert found == ([severity] if severity else [])


def test_a_table_in_apis_needs_its_router_there():
    resolution = resolve(config(apis=["inference", "shields"]), knowledge())

    assert errors(resolution) == [("MissingDependency", "apis[1]")]
    assert resolution.findings[0].hint == "add `safety` to `apis` as well, or remove `shields` from `apis`"
