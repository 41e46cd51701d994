"""LlamaStacks are made slim before they are decoded: what is kept of them is the same, and it costs little."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.objects.config_map import TEXT_LIMIT
from llamastack_operator.objects.slim_json import PACKED, size_of, slim_event, slim_page
from llamastack_operator.planning.stack.stack import stack_from
from tests.support.world import llamastack

TEXT = st.text() | st.text(alphabet='[]{}",:\\\ud800\U0001f600 \x7f')
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda parts: st.lists(parts) | st.dictionaries(TEXT, parts),
    max_leaves=20,
)
LARGE = {
    "flat mappings": "[" + "{}," * 480_000 + "{}]",
    "flat lists": "[" + "[]," * 480_000 + "[]]",
    "mappings of mappings": "[" + '{"":{}},' * 175_000 + "{}]",
    "texts that YAML reads as numbers": "[" + '"1e",' * 280_000 + '"1e"]',
    "deep nesting": "[" * 92 + "0," * 690_000 + "0" + "]" * 92,
    "an emoji": '"' + "a" * 1_400_000 + '\U0001f600"',
}


def page_of(*bodies: dict[str, Any], **more: Any) -> bytes:
    value = {"apiVersion": "v1", "items": list(bodies), "metadata": {"resourceVersion": "9"}, **more}
    return json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")


def slim(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = slim_page(page_of(body))["items"][0]
    return found


def large(shape: str, name: str = "bot") -> bytes:
    text = json.dumps(llamastack(runConfig={"providers": {}, "x": "HERE"}))
    return text.replace('"HERE"', LARGE[shape]).replace('"bot"', f'"{name}"').encode()


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_the_same_is_kept_of_a_slim_stack(run_config: dict[str, Any]) -> None:
    body = llamastack(runConfig=json.loads(json.dumps(run_config)), status={"conditions": []})
    assert stack_from(slim(body)) == stack_from(body)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_an_answer_that_is_no_list_of_objects_stays_as_it_is(value: dict[str, Any]) -> None:
    value.pop("items", None)
    assert slim_page(json.dumps(value).encode()) == value


@pytest.mark.parametrize("indent", [None, 1])
def test_the_rest_of_a_page_stays(indent: int | None) -> None:
    page = {"kind": "LlamaStackList", "items": [], "metadata": {"continue": "more", "resourceVersion": "9"}}
    assert slim_page(json.dumps(page, indent=indent).encode()) == page
    assert slim_page(json.dumps({**page, "items": None}, indent=indent).encode()) == {**page, "items": None}
    body = llamastack()
    (found,) = slim_page(json.dumps({**page, "items": [body]}, indent=indent).encode())["items"]
    assert stack_from(found) == stack_from(body)


def test_an_error_of_a_watch_stays() -> None:
    status = {"kind": "Status", "metadata": {}, "code": 410, "message": "too old", "details": {"a": [1]}}
    line = json.dumps({"type": "ERROR", "object": status}).encode()
    assert slim_event(line) == json.loads(line)


class TestAnObjectThatIsKnown:
    """An own write comes back whole: what it wrote need not be read once more."""

    @staticmethod
    def event(kind: str = "MODIFIED") -> bytes:
        return json.dumps({"type": kind, "object": llamastack()}).encode()

    def test_is_no_more_than_a_bookmark_of_its_version(self) -> None:
        seen: list[Any] = []

        def is_known(metadata: Any) -> bool:
            seen.append(metadata)
            return True

        event = slim_event(self.event(), is_known)
        version = seen[0]["resourceVersion"]
        assert event == {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}
        assert seen[0]["name"] == "bot"

    def test_is_read_where_it_is_deleted(self) -> None:
        assert slim_event(self.event("DELETED"), lambda _: True)["object"]["spec"]

    def test_is_read_where_it_is_not(self) -> None:
        text = self.event()
        assert slim_event(text, lambda _: False) == slim_event(text)


def test_metadata_that_nobody_looks_at_goes() -> None:
    body = llamastack()
    annotations = {"llamastack.dev/rebuild": "1", "kubectl.kubernetes.io/last-applied-configuration": "large"}
    body["metadata"] |= {"managedFields": [{"f:spec": {}}], "labels": {"a": "b"}, "annotations": annotations}
    found = slim(body)
    assert found["metadata"]["annotations"] == {"llamastack.dev/rebuild": "1"}
    assert not {"managedFields", "labels"} & found["metadata"].keys()
    assert stack_from(found) == stack_from(body)


def test_a_user_cannot_pack_a_run_config_himself() -> None:
    body = {**llamastack(), PACKED: {"zlib": "bm9uZQ=="}}
    assert stack_from(slim(body)) == stack_from(llamastack() | {"metadata": body["metadata"]})


@pytest.mark.parametrize("text", [b"", b"{", b"[1", b'{"a" 1}', b'{"a": 1,}', b"{1: 2}", b'{"items": [{]}', b"{} {}"])
def test_what_is_no_json_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        slim_page(text)


@given(st.binary())
def test_any_bytes_are_json_or_an_error_that_readers_know(text: bytes) -> None:
    try:
        slim_page(text)
    except ValueError:
        return


class TestARunConfigThatNoConfigMapCanHold:
    @pytest.mark.parametrize("shape", LARGE)
    def test_is_left_out_and_a_finding(self, shape: str) -> None:
        found = slim_event(b'{"type": "ADDED", "object": ' + large(shape) + b"}")["object"]
        assert size_of(found) == 0
        assert len(json.dumps(found)) < 1000
        kept = stack_from(found)
        assert [finding.message for finding in kept.findings] == [f"spec.runConfig is larger than {TEXT_LIMIT} bytes"]
        assert kept.spec is not None

    def test_is_not_one_that_only_its_escapes_make_large(self) -> None:
        """The API server writes `<` as six bytes."""
        text = json.dumps(llamastack(runConfig={"providers": {}, "x": "<" * 200_000})).replace("<", "\\u003c")
        assert len(text) > TEXT_LIMIT
        kept = stack_from(slim_page(b'{"items": [' + text.encode() + b"]}")["items"][0])
        assert not kept.findings
        assert "<" * 200_000 in (kept.run_config or "")


@pytest.mark.parametrize("shape", LARGE)
def test_a_page_of_large_stacks_takes_little_more_than_its_bytes(shape: str) -> None:
    page = b'{"items": [' + b",".join(large(shape, f"bot-{number}") for number in range(3)) + b"]}"
    tracemalloc.start()
    try:
        found = slim_page(page)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found["items"]) == 3
    assert kept < 1 << 20
    assert peak < len(page) + (40 << 20)
