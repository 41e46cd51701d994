"""Entries and resources that a variable switches on, where nothing is known of it: judged as where they count."""

from typing import Any

import pytest

from llamastack_resolver.config.env import Environment
from llamastack_resolver.resolution import Resolution, resolve
from tests.support.small_release import config, entry, knowledge

UNKNOWN = Environment(others="unknown")
STORED = {"persistence": {"backend": "kv_default", "namespace": "x"}}


def said(raw: dict[str, Any], environment: Environment = UNKNOWN, *release: str) -> list[tuple[str, str, str]]:
    found = resolve(raw, knowledge(*release), environment).findings
    return [(f"{f.severity} {f.reason.value}", f.path, f.message) for f in found]


def providers(**sections: list[dict[str, Any]]) -> dict[str, Any]:
    return config(providers=sections, apis=[])


class TestAnEntryThatMayBeOn:
    def test_is_judged_and_says_where_it_counts(self):
        raw = providers(
            inference=[
                entry("${env.A:+a}", "remote::vlm"),
                entry("${env.B:+b}", "remote::vllm", config={"max_tokens": 0}),
                entry("${env.C:=__disabled__}", "remote::tgi"),
            ]
        )

        assert said(raw) == [
            (
                "error UnknownProviderType",
                "providers.inference[0].provider_type",
                "where A is set, 0.7.3 has no provider remote::vlm for `inference`",
            ),
            (
                "error ProviderRemoved",
                "providers.inference[2].provider_type",
                "where C is set, remote::tgi does not exist since 0.7.0",
            ),
            (
                "error InvalidProviderConfig",
                "providers.inference[1].config.max_tokens",
                "where B is set, 0 is out of range: at least 1 is required",
            ),
        ]

    def test_has_its_module_looked_at(self):
        raw = providers(inference=[entry("${env.A:+a}", "remote::own", module="!own")])

        assert [(kind, path) for kind, path, _ in said(raw)] == [
            ("error RequirementInvalid", "providers.inference[0].module")
        ]

    def test_is_in_the_plan_with_its_condition(self):
        raw = providers(inference=[entry("${env.A:+a}", "remote::vllm"), entry("b", "remote::openai")])

        step = resolve(raw, knowledge(), UNKNOWN).plan[0].to_dict()

        assert [(one["id"], one.get("condition")) for one in step["providers"]] == [("a", "A is set"), ("b", None)]

    @pytest.mark.parametrize(("variables", "ids"), [({"A": "1"}, ["a"]), ({}, []), ({"A": ""}, [])])
    def test_is_on_or_off_where_the_variable_is_known(self, variables: dict[str, str], ids: list[str]):
        raw = providers(inference=[entry("${env.A:+a}", "remote::vllm")])

        resolution = resolve(raw, knowledge(), Environment(variables))

        found = [one for step in resolution.plan if step.stage == "providers" for one in step.providers]
        assert [(one.provider_id, one.condition) for one in found] == [(name, None) for name in ids]

    def test_with_the_id_of_another_is_an_alternative_where_each_has_a_variable_of_its_own(self):
        def ids(first: str, second: str) -> list[tuple[str, str]]:
            raw = providers(inference=[entry(first, "remote::vllm"), entry(second, "remote::openai")])
            return [(kind, message) for kind, _, message in said(raw)]

        there = "the id 'x' is used at providers.inference[0] already"
        lost = ": only the last one would be started"
        assert ids("${env.A:+x}", "${env.B:+x}") == [
            ("warning DuplicateProviderId", f"where B is set, {there} where A is set{lost}")
        ]
        assert ids("${env.A:+x}", "${env.A:+x}") == [("error DuplicateProviderId", f"where A is set, {there}{lost}")]
        assert ids("x", "${env.A:+x}") == [("error DuplicateProviderId", f"where A is set, {there}{lost}")]
        assert ids("${env.A:+x}", "x") == [("error DuplicateProviderId", f"{there} where A is set{lost}")]

    def test_replaces_another_of_an_api_without_router_only_where_it_counts(self):
        raw = providers(files=[entry("a", "inline::localfs"), entry("${env.B:+b}", "inline::localfs")])

        assert [message for _, _, message in said(raw)] == ["`files` has no router: b replaces a where B is set"]

    def test_is_reported_for_its_missing_variables_wherever_the_release_looks_at_them(self):
        environment = Environment(unknown=frozenset({"A"}))

        def missing(provider_id: str) -> list[str]:
            raw = providers(inference=[entry(provider_id, "remote::vllm", config={"url": "${env.URL}"})])
            return [message for _, _, message in said(raw, environment)]

        text = "environment variable URL is not set"
        assert missing("${env.A:+a}") == [text]
        assert missing("${env.A:=__disabled__}") == [f"where A is set, {text}"]


class TestAReferenceToIt:
    ENTRY = entry("${env.A:+a}", "remote::vllm")

    def resources(
        self, *models: dict[str, Any], entries: list[dict[str, Any]] | None = None
    ) -> list[tuple[str, str, str]]:
        raw = config(providers={"inference": entries or [self.ENTRY]}, apis=["inference"])
        return said({**raw, "registered_resources": {"models": list(models)}})

    def test_of_something_that_always_counts_is_a_warning(self):
        assert self.resources({"model_id": "m", "provider_id": "a"}) == [
            (
                "warning MissingReference",
                "registered_resources.models[0].provider_id",
                "there is a provider 'a' of `inference` only where A is set",
            )
        ]

    def test_of_something_that_depends_on_a_variable_itself_is_fine(self):
        assert self.resources({"model_id": "${env.M:=}", "provider_id": "a"}) == []
        assert self.resources({"model_id": "m", "provider_id": "${env.A:+a}"}) == []

    def test_by_the_name_of_all_providers_is_fine_where_the_release_has_it(self):
        raw = config(providers={"inference": [self.ENTRY]}, apis=["inference"])
        resources = {"models": [{"model_id": "m", "provider_id": "${env.B:+all}"}]}

        assert said({**raw, "registered_resources": resources}, UNKNOWN, "ogx", "1.5.0") == []
        assert len(said({**raw, "registered_resources": resources})) == 1

    def test_of_a_default_model_is_a_warning(self):
        raw = config(providers={"inference": [self.ENTRY]}, apis=["inference"])
        model = {"default_embedding_model": {"provider_id": "a", "model_id": "m"}}

        found = said({**raw, "vector_stores": model})

        assert [(kind, path) for kind, path, _ in found] == [
            ("warning MissingReference", "vector_stores.default_embedding_model.provider_id")
        ]

    def test_by_an_id_that_only_the_variable_tells_is_a_warning(self):
        entries = [entry("${env.A:=__disabled__}", "remote::vllm"), entry("${env.B:=}", "remote::openai")]

        (found,) = self.resources({"model_id": "m", "provider_id": "a"}, entries=entries)

        assert found[2] == "there is a provider 'a' of `inference` only where A is set or B is set, to that id"

    def test_to_what_no_variable_brings_is_an_error_that_says_where(self):
        depending, named = (
            {"model_id": "${env.M:+m}", "provider_id": "b"},
            {"model_id": "m", "provider_id": "${env.B:+b}"},
        )

        assert [(kind, message) for kind, _, message in self.resources(depending, named)] == [
            ("error MissingReference", "where M is set, there is no provider 'b' of `inference`"),
            ("error MissingReference", "there is no provider 'b' of `inference`, which is named where B is set"),
        ]

    def test_in_a_place_that_is_off_is_not_looked_at(self):
        environment = Environment()
        raw = config(providers={"inference": [self.ENTRY]}, apis=["inference"])
        resources = {"registered_resources": {"models": [{"model_id": "${env.M:=}", "provider_id": "a"}]}}

        assert [kind for kind, _, _ in said({**raw, **resources}, environment)] == ["info MissingDependency"]


class TestADependencyOnIt:
    RESPONSES = entry("r", "inline::builtin")

    def needs(self, files_id: str, responses_id: str = "r") -> list[tuple[str, str]]:
        raw = providers(
            inference=[entry("v", "remote::vllm")],
            vector_io=[entry("f", "inline::faiss", config=STORED)],
            files=[entry(files_id, "inline::localfs")],
            responses=[{**self.RESPONSES, "provider_id": responses_id}],
        )
        return [(kind, message) for kind, _, message in said(raw)]

    def test_of_a_provider_that_is_always_on_is_a_warning(self):
        assert self.needs("${env.F:+fs}") == [
            (
                "warning MissingDependency",
                "inline::builtin needs the API `files`, which is provided only where F is set",
            )
        ]

    def test_of_a_provider_that_depends_on_a_variable_itself_is_fine(self):
        assert self.needs("${env.F:+fs}", "${env.R:+r}") == []

    def test_is_an_error_where_nothing_satisfies_it(self):
        raw = providers(responses=[{**self.RESPONSES, "provider_id": "${env.R:+r}"}])

        assert ("error MissingDependency", "providers.responses[0]") in [(kind, path) for kind, path, _ in said(raw)]
        assert all(message.startswith("where R is set, inline::builtin needs") for _, _, message in said(raw))

    def test_of_apis_is_told_only_where_the_release_would_not_start(self):
        raw = config(providers={"files": [entry("${env.F:+fs}", "inline::localfs")]}, apis=["files"])
        routed = config(providers={"inference": [entry("${env.A:+a}", "remote::vllm")]}, apis=["inference"])

        assert said(raw) == [
            (
                "warning MissingDependency",
                "apis[0]",
                "`files` is listed in `apis`, and provided only where F is set: elsewhere 0.7.3 does not start",
            )
        ]
        assert said(raw, UNKNOWN, "ogx", "1.5.0") == []
        assert said(routed) == []


class TestTextThatIsNoReference:
    def test_is_a_warning_with_the_right_form(self):
        raw = providers(inference=[entry("a", "remote::vllm", config={"url": "${env.URL:http://localhost}"})])

        (finding,) = resolve(raw, knowledge(), UNKNOWN).findings

        assert (f"{finding.severity} {finding.reason.value}", finding.path) == (
            "warning VariableNotReplaced",
            "providers.inference[0].config.url",
        )
        assert finding.hint == "write ${env.URL:=http://localhost}"

    def test_is_one_finding_where_the_text_is_refused(self):
        (finding,) = resolve(config(server={"port": "${env.PORT:8321}"}), knowledge(), UNKNOWN).findings

        assert (f"{finding.severity} {finding.reason.value}", finding.path) == ("error InvalidRunConfig", "server.port")
        assert finding.hint == "write ${env.PORT:=8321}"
        assert finding.message.endswith(
            "`${env.PORT:...}` is no reference to a variable: the release leaves it as it is"
        )

    def test_is_not_told_of_what_is_ignored_anyway(self):
        found = said(config(nonsense="${KEY}"))

        assert [(kind, path) for kind, path, _ in found] == [("warning UnknownField", "nonsense")]


def test_a_directory_of_providers_that_a_variable_may_name_leaves_types_open():
    raw = {**providers(inference=[entry("a", "remote::own")]), "external_providers_dir": "${env.DIR:=}"}

    assert [kind for kind, _, _ in said(raw)] == ["warning ResolvedInImage"]
    assert [kind for kind, _, _ in said(raw, Environment())] == ["error UnknownProviderType"]


def test_an_api_that_a_variable_may_add_leaves_the_list_open():
    raw = config(apis=["inference", "${env.MORE:+eval}"])

    assert said(raw) == []


def resolution_of(raw: dict[str, Any]) -> Resolution:
    return resolve(raw, knowledge(), UNKNOWN)


def test_many_conditions_and_deep_keys_are_looked_through_in_bounded_time():
    """A path has as many candidates for enclosing items as a stranger's key has brackets: the number is bounded."""
    models = [{"model_id": f"${{env.M{index}:+m}}", "provider_id": "none", "a]" * 2000: 1} for index in range(200)]

    found = resolution_of(config(registered_resources={"models": models})).findings

    assert sum("where M" in finding.message for finding in found) == 200
