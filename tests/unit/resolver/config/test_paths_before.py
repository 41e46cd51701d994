"""Findings about a config name the places of the file, whatever a release leaves out before it looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator import catalog
from llamastack_resolver.config.run_config import paths_before
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import resolve


def test_an_item_after_one_that_is_switched_off_keeps_its_number() -> None:
    off = {"provider_id": "__disabled__", "provider_type": "remote::vllm"}
    raw = {"version": 2, "distro_name": "a", "providers": {"inference": [off, None, off, "text"]}}
    found = resolve(raw, catalog.load_release(Release("llama-stack", "0.7.3"))).findings
    assert [one.path for one in found if one.severity == "error"] == [
        "providers.inference[1]",
        "providers.inference[3]",
    ]


def test_lists_in_lists_are_counted_each() -> None:
    before = paths_before(["a[0]", "a[2].b[0]", "a[2].b[1]"])
    assert before("a[1].b[0].c") == "a[2].b[2].c"
    assert before("a[0].b[0]") == "a[1].b[0]"
    assert before("plain.path") == "plain.path"


@given(st.sets(st.integers(0, 30)), st.integers(1, 40))
def test_what_is_kept_is_what_was_not_left_out(dropped: set[int], count: int) -> None:
    before = paths_before(f"a[{index}]" for index in dropped)
    kept = [index for index in range(count + 40) if index not in dropped][:count]
    assert [before(f"a[{index}]") for index in range(count)] == [f"a[{index}]" for index in kept]
