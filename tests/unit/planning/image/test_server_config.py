"""The run config as the server gets it: completed for a release that is named, and otherwise as it was written."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.objects.build_status import RecordedModule, build_status
from llamastack_operator.planning.image.server_config import may_change, server_text
from llamastack_operator.planning.stack.stack import Stack, stack_from
from tests.support.world import llamastack

NAMED = {"image": "a", "release": {"package": "llama-stack", "version": "0.7.3"}}
PROVIDERS = {"safety": [{"provider_id": "a", "provider_type": "remote::a", "module": "my-provider>=1"}]}


def stack(distribution: dict[str, Any] = NAMED, **run_config: Any) -> Stack:
    return stack_from(llamastack(distribution=distribution, runConfig={"providers": PROVIDERS, **run_config}))


def referring(distribution: dict[str, Any] = NAMED) -> Stack:
    body = llamastack(distribution=distribution, runConfigFrom={"configMapKeyRef": {"name": "a", "key": "b"}})
    del body["spec"]["runConfig"]
    return stack_from(body)


def text_of(one: Stack, modules: tuple[RecordedModule, ...] = ()) -> str:
    assert one.run_config is not None
    return server_text(one, one.run_config, modules)


def test_a_config_without_a_name_gets_that_of_the_stack() -> None:
    written = {"version": 2, "providers": PROVIDERS}
    assert yaml.safe_load(text_of(stack(**written))) == {"providers": PROVIDERS, "version": 2, "distro_name": "bot"}


@pytest.mark.parametrize("name", ["distro_name", "image_name"])
def test_a_config_that_lacks_nothing_stays_as_it_was_written(name: str) -> None:
    one = stack(**{name: "mine"})
    assert text_of(one) == one.run_config


@pytest.mark.parametrize(
    "distribution",
    [{"image": "starter:0.7.3"}, {"image": "a", "release": {"package": "llama-stack", "version": "0.99.0"}}],
)
def test_nothing_is_filled_in_where_the_release_is_not_known(distribution: dict[str, Any]) -> None:
    one = stack(distribution)
    assert text_of(one) == one.run_config


def test_a_release_that_the_catalog_lacks_is_completed_as_its_stand_in() -> None:
    one = stack({"image": "a", "release": {"package": "llama-stack", "version": "0.7.99"}})
    assert yaml.safe_load(text_of(one))["distro_name"] == "bot"


VALUES = st.one_of(
    st.sampled_from(["1e", "1e5", "yes", "1:30", "0x1f", "\x7f", "~", "null", "- a", 1e300, 1.5, 10**30, None, True]),
    st.text(max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
)


@given(st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)))
def test_completing_changes_no_value_of_an_inline_config(value: Any) -> None:
    found = yaml.safe_load(text_of(stack(vector_stores=value)))
    assert found == {"providers": PROVIDERS, "vector_stores": value, "distro_name": "bot"}


class TestAReferencedConfig:
    def test_stays_as_it_was_written_with_its_comments(self) -> None:
        text = "# mine\ndistro_name: mine\nproviders: {}\n"
        assert server_text(referring(), text, ()) == text

    def test_that_lacks_its_name_keeps_what_json_does_not_have(self) -> None:
        text = "since: 2026-01-01\nproviders: {}\n1: {2: three}\n"
        completed = yaml.safe_load(server_text(referring(), text, ()))
        assert completed == {**yaml.safe_load(text), "distro_name": "bot"}


def test_modules_get_the_names_that_they_are_imported_by_in_the_same_text() -> None:
    module = {"requirement": "my-provider>=1", "distribution": "my-provider", "version": "1", "importName": "mine"}
    modules = build_status({"phase": "Succeeded", "modules": [module]}).modules
    config = yaml.safe_load(text_of(stack(), modules))
    assert (config["distro_name"], config["providers"]["safety"][0]["module"]) == ("bot", "mine")


def test_only_a_named_release_or_a_module_is_worth_a_look() -> None:
    assert may_change(stack(), ())
    assert not may_change(stack({"image": "starter:0.7.3"}), ())
