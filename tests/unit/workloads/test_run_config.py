"""The text of a run config: the server reads from it just what the user wrote, and people can read it too."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from llamastack_operator.workloads.desired import Owner
from llamastack_operator.workloads.run_config import config_map, config_map_name, run_config_text

# What JSON can hold. The API server lets no lone surrogate through, so text is any that UTF-8 can hold.
TEXT = st.text(max_size=20) | st.sampled_from(
    [
        "yes",
        "null",
        "~",
        "1e3",
        "0x1F",
        "012",
        "1:30",
        "2026-01-01",
        "<<",
        "=",
        "!tag",
        "${env.A:=x}",
        "a: b",
        "- a",
        "%",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda parts: st.lists(parts, max_size=4) | st.dictionaries(TEXT, parts, max_size=4), max_leaves=25
)


@given(st.dictionaries(TEXT, VALUES, max_size=5))
@example({"float": 1e20, "small": 1e-7, "negative": -2.5e300, "whole": 1.0})
@example({"text that looks like a float": "1e20", "12e03": "2E5"})
@example({"controls": "\x00\x07\x1b\x7f\x85\x9f", "breaks": "\u2028\u2029\r\n", "mark": "\ufeff"})
@example({"no character": "\ufffe\uffff", "beyond": "\U0001f600\U0010ffff"})
@example({"long": "v" * 5000, "k" * 900: 1})
@example({"": "", " ": " ", "\t": "\t", "a\nb": "a\nb"})
@example({"deep": [[[[[[[[{"a": [{}, [], None]}]]]]]]]]})
@example({"large": 2**80, "zero": -0.0})
def test_the_server_reads_what_the_user_wrote(run_config: dict[str, Any]) -> None:
    assert yaml.safe_load(run_config_text(run_config)) == run_config


@pytest.mark.parametrize("size", [1000, 1024, 1025, 5000])
@pytest.mark.parametrize("levels", [0, 5])
def test_a_key_that_is_too_long_for_one_line_of_yaml_is_read_back(size: int, levels: int) -> None:
    """YAML ends a key at 1,024 characters unless it is announced with a question mark."""
    run_config: Any = {"k" * size: 1}
    for _ in range(levels):
        run_config = {"level": run_config}
    assert yaml.safe_load(run_config_text(run_config)) == run_config


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_the_same_run_config_is_always_the_same_text(run_config: dict[str, Any]) -> None:
    again = json.loads(json.dumps(run_config))
    assert run_config_text(again) == run_config_text(run_config)


def test_the_outer_levels_are_one_entry_a_line() -> None:
    run_config = {
        "version": 2,
        "apis": ["inference"],
        "providers": {"inference": [{"provider_id": "a", "config": {"url": "b"}}]},
    }
    assert (
        run_config_text(run_config)
        == """\
{
  "version": 2,
  "apis": [
    "inference"
  ],
  "providers": {
    "inference": [
      {"provider_id": "a", "config": {"url": "b"}}
    ]
  }
}
"""
    )


@pytest.mark.parametrize("run_config", [{"a": "\ud800"}, {"\udfff": 1}, {"a": ["\ud83d and more"]}])
def test_half_a_character_makes_no_exception(run_config: dict[str, Any]) -> None:
    """Go replaces them before anything is stored, but an exception here would end every pass of the stack."""
    text = run_config_text(run_config)
    assert config_map(OWNER, text).body["data"]["run.yaml"] == text


OWNER = Owner(("team-a", "bot"), "stack-uid")


class TestConfigMap:
    def test_is_named_for_its_content_so_that_old_pods_keep_theirs(self) -> None:
        assert config_map_name("bot", "a") == config_map_name("bot", "a")
        assert config_map_name("bot", "a") != config_map_name("bot", "b")

    @pytest.mark.parametrize("stack", ["a", "a" * 63])
    def test_has_a_name_that_is_a_valid_object_name(self, stack: str) -> None:
        name = config_map_name(stack, "text")
        assert name.startswith(f"{stack}-config-")
        assert len(name) <= 253

    def test_cannot_be_changed_once_it_is_there(self) -> None:
        wanted = config_map(OWNER, "text")
        assert wanted.body["immutable"] is True
        assert wanted.body["data"] == {"run.yaml": "text"}
        assert wanted.key == ("team-a", config_map_name("bot", "text"))
