"""What is applied means the same as YAML, which the API server takes it for, and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.kube.patch_text import yaml_of

# Half characters never come from an API server, and cannot be sent to one.
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
BODIES = st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=3) | st.booleans() | st.integers(), max_size=5)


@given(BODIES)
def test_any_object_is_read_as_it_was_by_either(body: dict[str, Any]) -> None:
    written = yaml_of(body)

    assert json.loads(written) == body
    assert yaml.safe_load(written) == body


ODD = ["\U0001f999", "\U000cea36\x83[", "\x85", "\u2028", "\ufeff", "\uffff", "\\ud83e", "\0"]


@pytest.mark.parametrize("text", ODD)
def test_what_is_not_yaml_in_json_is_read_as_it_was(text: str) -> None:
    assert yaml.safe_load(yaml_of({text: text})) == {text: text}
