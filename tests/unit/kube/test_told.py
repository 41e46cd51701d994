"""What kopf is told of LlamaStacks: deletes that fell between two lists, and no error that would end it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from llamastack_operator.kube.restored import RestoredError
from llamastack_operator.kube.told import Told, ToldCollection, is_gone

ALL = URL("https://10.96.0.1/apis/llamastack.dev/v1alpha1/llamastacks?limit=10")


def body(name: str, version: int, uid: str = "") -> dict[str, Any]:
    identity = {"namespace": "team-a", "name": name, "uid": uid or name, "resourceVersion": str(version)}
    return {"metadata": identity}


def page(*items: dict[str, Any], version: int, more: str = "") -> dict[str, Any]:
    return {"items": list(items), "metadata": {"resourceVersion": str(version), "continue": more}}


def event(kind: str, name: str, version: int, uid: str = "") -> dict[str, Any]:
    return {"type": kind, "object": body(name, version, uid)}


def error(code: int) -> dict[str, Any]:
    return {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": "etcd is unwell"}}


def listed(*items: dict[str, Any], version: int = 10) -> ToldCollection:
    told = ToldCollection()
    told.page(page(*items, version=version), first=True)
    return told


def missed(told: ToldCollection) -> list[tuple[str, str]]:
    """Return type and UID of the events that a watch begins with."""
    events = [json.loads(line) for line in told.missed()]
    return sorted((found["type"], found["object"]["metadata"]["uid"]) for found in events)


class TestMissedDelete:
    def test_is_told_before_the_events_of_the_next_watch_and_once(self) -> None:
        told = listed(body("a", 1), body("b", 2))
        assert missed(told) == []
        told.page(page(body("b", 2), version=20), first=True)
        assert missed(told) == [("DELETED", "a")]
        assert missed(told) == []

    def test_has_all_that_kopf_and_the_handler_look_at(self) -> None:
        """kopf goes on from the version of the last event, so that must be the version of the list."""
        told = listed(body("a", 1))
        told.page(page(version=20), first=True)
        found = json.loads(next(told.missed()))["object"]
        assert found.pop("metadata") == {"namespace": "team-a", "name": "a", "uid": "a", "resourceVersion": "20"}
        assert found == {"apiVersion": "llamastack.dev/v1alpha1", "kind": "LlamaStack"}

    def test_is_known_only_when_the_last_page_is_there(self) -> None:
        told = listed(body("a", 1), body("b", 2), body("c", 3))
        told.page(page(body("b", 2), version=20, more="c"), first=True)
        assert missed(told) == []
        told.page(page(body("c", 3), version=20), first=False)
        assert missed(told) == [("DELETED", "a")]

    def test_is_not_mixed_up_by_a_list_that_was_given_up(self) -> None:
        told = listed(body("a", 1), body("b", 2))
        told.page(page(body("a", 1), version=20, more="b"), first=True)
        told.page(page(body("b", 2), version=30), first=True)
        assert missed(told) == [("DELETED", "a")]

    def test_of_what_only_an_event_told_is_told_too(self) -> None:
        """Its event may still wait for its turn in kopf, so that no cache has it yet."""
        told = listed()
        told.event(event("ADDED", "a", 11))
        told.page(page(version=20), first=True)
        assert missed(told) == [("DELETED", "a")]

    def test_of_what_was_made_anew_under_its_name_leaves_that_alone(self) -> None:
        told = listed(body("a", 1, uid="first"))
        told.page(page(body("a", 15, uid="second"), version=20), first=True)
        assert missed(told) == [("DELETED", "first")]

    def test_that_an_event_told_is_none(self) -> None:
        told = listed(body("a", 1))
        told.event(event("DELETED", "a", 12))
        told.page(page(version=20), first=True)
        assert (missed(told), len(told)) == ([], 0)

    def test_is_told_by_the_watch_after_one_that_broke_before(self) -> None:
        told = listed(body("a", 1), body("b", 1))
        told.page(page(version=20), first=True)
        next(told.missed())
        assert missed(told) == [("DELETED", "a"), ("DELETED", "b")]

    @given(st.lists(st.sets(st.sampled_from("abcdef")), min_size=1, max_size=6))
    def test_leaves_kopf_with_what_the_last_list_had(self, lists: list[set[str]]) -> None:
        told, kopf = ToldCollection(), set[str]()
        for number, there in enumerate(lists, start=1):
            told.page(page(*(body(name, 1) for name in sorted(there)), version=10 * number), first=True)
            kopf |= there
            kopf -= {uid for _, uid in missed(told)}
            assert kopf == there


class TestError:
    def test_is_no_error_to_kopf_which_would_end(self) -> None:
        told = listed()
        with pytest.raises(aiohttp.ClientPayloadError, match="etcd is unwell"):
            told.event(error(500))

    def test_makes_kopf_list_again_when_it_comes_three_times_in_a_row(self) -> None:
        told = listed()
        for _ in range(2):
            with pytest.raises(aiohttp.ClientPayloadError):
                told.event(error(500))
        assert is_gone(told.event(error(500)))

    @pytest.mark.parametrize("between", [event("ADDED", "a", 11), event("BOOKMARK", "", 12)])
    def test_is_none_in_a_row_with_one_that_an_event_came_after(self, between: dict[str, Any]) -> None:
        told = listed()
        for _ in range(5):
            with pytest.raises(aiohttp.ClientPayloadError):
                told.event(error(500))
            told.event(between)

    def test_of_a_version_that_is_too_old_is_told_as_it_is(self) -> None:
        told = listed()
        for _ in range(5):
            assert told.event(error(410)) == error(410)

    @pytest.mark.parametrize("odd", [5, [], {"type": "ERROR"}, {"type": "ERROR", "object": "x"}])
    def test_of_an_odd_form_ends_nothing(self, odd: Any) -> None:
        told = listed()
        try:
            assert told.event(odd) == odd
        except aiohttp.ClientPayloadError:
            assert odd["type"] == "ERROR"


def backwards() -> Iterable[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    yield [event("BOOKMARK", "", 900)], [page(version=50)]
    yield [event("ADDED", "z", 900)], [page(version=50)]
    yield [], [page(version=9)]
    yield [event("MODIFIED", "a", 900)], [page(body("a", 800), version=10**9)]


@pytest.mark.parametrize(("events", "pages"), list(backwards()))
def test_a_store_that_was_set_back_is_noticed(events: list[dict[str, Any]], pages: list[dict[str, Any]]) -> None:
    told = listed(body("a", 1))
    for one in events:
        told.event(one)
    with pytest.raises(RestoredError):
        for one in pages:
            told.page(one, first=True)


def test_an_object_that_cannot_be_read_is_none_of_its_business() -> None:
    odd: list[Any] = [{"metadata": {}}, {"metadata": None}, {}, 5]
    told = ToldCollection()
    told.page(page(*odd, body("a", 1), version=10), first=True)
    for one in odd:
        assert told.event({"type": "ADDED", "object": one}) == {"type": "ADDED", "object": one}
    assert len(told) == 1


class TestUrl:
    def test_is_of_all_namespaces_or_of_one_each_for_itself(self) -> None:
        told = Told()
        one = URL("https://10.96.0.1/apis/llamastack.dev/v1alpha1/namespaces/team-a/llamastacks?watch=true")
        assert told.of(ALL) is told.of(ALL.with_query(watch="true"))
        assert told.of(one) is not told.of(ALL)

    @pytest.mark.parametrize(
        "path", ["/apis/llamastack.dev/v1alpha1", "/api/v1/namespaces", "/apis/other.dev/v1/llamastacks", "/apis"]
    )
    def test_of_anything_else_is_not_noted(self, path: str) -> None:
        assert Told().of(URL(f"https://10.96.0.1{path}")) is None

    def test_may_be_behind_a_proxy(self) -> None:
        url = URL("https://rancher.example/k8s/clusters/c-1/apis/llamastack.dev/v1alpha1/llamastacks")
        assert Told().of(url) is not None
