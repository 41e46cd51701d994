"""The run config as the server gets it: completed for a release that is named, and otherwise as it was written."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.objects.build_status import RecordedModule, build_status
from llamastack_operator.planning.stack.stack import stack_from
from llamastack_operator.workloads.run_config import SIZE_LIMIT
from tests.support.world import llamastack, read_facts, server_text

NAMED = {"image": "a", "release": {"package": "llama-stack", "version": "0.7.3"}}
PROVIDERS = {"safety": [{"provider_id": "a", "provider_type": "remote::a", "module": "my-provider>=1"}]}


def stack(distribution: dict[str, Any] = NAMED, **run_config: Any) -> dict[str, Any]:
    return llamastack(distribution=distribution, runConfig={"providers": PROVIDERS, **run_config})


def referring(distribution: dict[str, Any] = NAMED) -> dict[str, Any]:
    body = llamastack(distribution=distribution, runConfigFrom={"configMapKeyRef": {"name": "a", "key": "b"}})
    del body["spec"]["runConfig"]
    return body


def installed(requirement: str, import_name: str) -> tuple[RecordedModule, ...]:
    module = {"requirement": requirement, "distribution": "d", "version": "1", "importName": import_name}
    return build_status({"phase": "Succeeded", "modules": [module]}).modules


def test_a_config_without_a_name_gets_that_of_the_stack() -> None:
    written = {"version": 2, "providers": PROVIDERS}
    assert yaml.safe_load(server_text(stack(**written))) == {"providers": PROVIDERS, "version": 2, "distro_name": "bot"}


@pytest.mark.parametrize("name", ["distro_name", "image_name"])
def test_a_config_that_lacks_nothing_stays_as_it_was_written(name: str) -> None:
    one = stack(**{name: "mine"})
    assert server_text(one) == stack_from(one).run_config


@pytest.mark.parametrize(
    "distribution",
    [{"image": "starter:0.7.3"}, {"image": "a", "release": {"package": "llama-stack", "version": "0.99.0"}}],
)
def test_nothing_is_filled_in_where_the_release_is_not_known(distribution: dict[str, Any]) -> None:
    one = stack(distribution)
    assert server_text(one) == stack_from(one).run_config


def test_a_release_that_the_catalog_lacks_is_completed_as_its_stand_in() -> None:
    one = stack({"image": "a", "release": {"package": "llama-stack", "version": "0.7.99"}})
    assert yaml.safe_load(server_text(one))["distro_name"] == "bot"


VALUES = st.one_of(
    st.sampled_from(["1e", "1e5", "yes", "1:30", "0x1f", "\x7f", "~", "null", "- a", 1e300, 1.5, 10**30, None, True]),
    st.text(max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
)


@given(st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)))
def test_completing_changes_no_value_of_an_inline_config(value: Any) -> None:
    found = yaml.safe_load(server_text(stack(vector_stores=value)))
    assert found == {"providers": PROVIDERS, "vector_stores": value, "distro_name": "bot"}


class TestAReferencedConfig:
    def test_stays_as_it_was_written_with_its_comments(self) -> None:
        text = "# mine\ndistro_name: mine\nproviders: {}\n"
        assert server_text(referring(), text) == text

    def test_that_lacks_its_name_keeps_what_json_does_not_have(self) -> None:
        text = "since: 2026-01-01\nproviders: {}\n1: {2: three}\n"
        completed = yaml.safe_load(server_text(referring(), text))
        assert completed == {**yaml.safe_load(text), "distro_name": "bot"}


class TestModules:
    def test_get_the_names_that_they_are_imported_by_in_the_same_text(self) -> None:
        config = yaml.safe_load(server_text(stack(), modules=installed("my-provider>=1", "mine")))
        assert (config["distro_name"], config["providers"]["safety"][0]["module"]) == ("bot", "mine")

    def test_that_are_imported_by_their_own_name_change_nothing(self) -> None:
        one = stack({"image": "a"})
        assert server_text(one, modules=installed("my-provider>=1", "my-provider>=1")) == stack_from(one).run_config

    def test_that_were_not_installed_here_stay_as_they_were_written(self) -> None:
        entries = [*PROVIDERS["safety"], {"provider_id": "b", "provider_type": "remote::b", "module": "other>2"}]
        text = server_text(stack(providers={"safety": entries}), modules=installed("my-provider>=1", "mine"))
        assert [entry["module"] for entry in yaml.safe_load(text)["providers"]["safety"]] == ["mine", "other>2"]

    def test_of_a_referenced_config_get_their_names_beside_what_json_does_not_have(self) -> None:
        text = yaml.safe_dump({"since": date(2026, 1, 1), "providers": PROVIDERS})
        config = yaml.safe_load(server_text(referring(), text, installed("my-provider>=1", "mine")))
        assert (config["since"], config["providers"]["safety"][0]["module"]) == (date(2026, 1, 1), "mine")

    @pytest.mark.parametrize("name", ["yes", "null", "on", "a1e5", "x" * 300, "mine.inner"])
    @pytest.mark.parametrize("more", [{}, {"a": "1e"}, {"a": "x" * 2000}])
    def test_whatever_their_name_get_it_as_text(self, name: str, more: dict[str, Any]) -> None:
        found = yaml.safe_load(server_text(stack(**more), modules=installed("my-provider>=1", name)))
        assert found["providers"]["safety"][0]["module"] == name
        assert more.items() <= found.items()

    def test_get_them_where_two_entries_are_one_in_yaml(self) -> None:
        entry = "{provider_id: a, provider_type: remote::a, module: my-provider>=1}"
        text = f"a: &a\n- {entry}\nproviders: {{safety: *a, eval: *a}}"
        config = yaml.safe_load(server_text(referring(), text, installed("my-provider>=1", "mine")))
        assert [config["providers"][api][0]["module"] for api in ("safety", "eval")] == ["mine", "mine"]


def test_a_config_that_becomes_too_large_by_its_completion_is_an_error() -> None:
    """Inline it is laid out in lines: just small enough as it was written, it is not with what the release demands."""
    written = stack_from(stack(vector_stores="")).run_config
    assert written is not None
    body = stack(vector_stores="a b" * ((SIZE_LIMIT - len(written)) // 3))
    found = read_facts(body).reading.findings
    messages = [one.message for one in found if "becomes larger" in one.message]
    assert messages == [f"spec.runConfig becomes larger than {SIZE_LIMIT} bytes"]
