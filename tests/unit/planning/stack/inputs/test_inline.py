"""What is kept of an inline run config, and that stacks of one template share it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.objects.slim_json import PACKED, slim_page
from llamastack_operator.planning.stack.inputs.inline import inline_config, packed_config
from tests.support.world import llamastack

VALUES = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def packed(run_config: Any) -> dict[str, Any]:
    page = {"kind": "LlamaStackList", "items": [llamastack(runConfig=run_config)]}
    found: dict[str, Any] = slim_page(json.dumps(page).encode())["items"][0][PACKED]
    return found


def test_stacks_with_one_run_config_keep_one() -> None:
    run_config = {"providers": {"inference": [{"provider_id": "a", "provider_type": "remote::vllm"}]}}
    first, second = (packed_config(packed(run_config)) for _ in range(2))
    assert first.packed is second.packed
    assert packed_config(packed({**run_config, "version": 2})).packed != first.packed


@given(st.dictionaries(st.text(), VALUES))
def test_what_is_shared_is_what_would_have_been_made(run_config: dict[str, Any]) -> None:
    for _ in range(2):
        assert packed_config(packed(run_config)) == inline_config(run_config)


def test_a_large_one_is_not_kept_for_others() -> None:
    large = {"texts": [f"{number:x}" * 8 for number in range(20_000)]}
    first, second = (packed_config(packed(large)) for _ in range(2))
    assert first == second
    assert first.packed is not second.packed


def test_one_that_no_config_map_can_hold_is_a_finding() -> None:
    found = packed_config({"size": 1_400_000})
    assert found.packed is None
    assert [finding.path for finding in found.findings] == ["spec.runConfig"]
