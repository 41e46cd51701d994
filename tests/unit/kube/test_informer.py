"""List and watch under faults that a real API server cannot be made to show on demand.

The client is a script of answers for that reason; against a real API server informers run in every test of
tests/e2e.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, cast

import aiohttp
import pytest

from llamastack_operator.kube import informer as module
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client, LongPageError
from llamastack_operator.kube.informer import Informer
from llamastack_operator.objects.child import Child, child_from
from llamastack_operator.objects.resources import SERVICEACCOUNTS

Answer = dict[str, Any] | Exception


def account(name: str, version: int) -> dict[str, Any]:
    labels = {"llamastack.dev/stack": name}
    identity = {"namespace": "team-a", "name": name, "uid": name, "resourceVersion": str(version)}
    return {"metadata": {**identity, "labels": labels}}


def page(*items: dict[str, Any], version: int, more: str = "") -> dict[str, Any]:
    return {"items": list(items) or None, "metadata": {"resourceVersion": str(version), "continue": more}}


def event(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": body}


class Scripted:
    """Answers lists and watches from a script, notes what was asked, and then blocks."""

    def __init__(self, lists: list[Answer], watches: list[list[Answer]]) -> None:
        self.lists, self.watches = lists, watches
        self.asked: list[Mapping[str, str]] = []
        self.exhausted = asyncio.Event()

    async def list_page(self, _: Any, __: Any, query: Mapping[str, str], metadata_only: bool = False) -> Any:
        self.asked.append(dict(query))
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def watch(
        self, _: Any, __: Any, query: Mapping[str, str], metadata_only: bool = False
    ) -> AsyncGenerator[Any]:
        self.asked.append(dict(query))
        if not self.watches:
            self.exhausted.set()
            await asyncio.Event().wait()
        for answer in self.watches.pop(0):
            if isinstance(answer, Exception):
                raise answer
            yield answer


def followed(
    lists: list[Answer], watches: list[list[Answer]]
) -> tuple[Cache[Child], list[tuple[str, bool]], list[Any]]:
    """Run an informer over a script; return its cache, what it told, and what it asked."""
    cache: Cache[Child] = Cache()
    told: list[tuple[str, bool]] = []
    script: list[Scripted] = []

    async def main() -> None:
        scripted = Scripted(lists, watches)
        script.append(scripted)

        def changed(child: Child, listed: bool) -> None:
            told.append((child.key[1], listed))

        convert: Callable[[dict[str, Any]], Child] = lambda body: child_from(SERVICEACCOUNTS, body)  # noqa: E731
        informer = Informer(cast(Client, scripted), SERVICEACCOUNTS, None, convert, cache, changed, "app=x")
        task = asyncio.create_task(informer.run())
        async with asyncio.timeout(20):
            waiting = asyncio.create_task(scripted.exhausted.wait())
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        assert informer.synced.is_set()
        task.cancel()

    asyncio.run(main())
    return cache, told, script[0].asked


def names(cache: Cache[Child]) -> set[str]:
    return {key[1] for key in cache.keys()}  # noqa: SIM118 - a Cache is no mapping


def test_the_first_list_comes_in_pages_and_may_have_none_at_all() -> None:
    cache, told, asked = followed([page(account("a", 1), version=5, more="more"), page(version=5)], [])
    assert names(cache) == {"a"}
    assert told == [("a", True)]
    assert [query.get("continue") for query in asked[:2]] == [None, "more"]
    assert asked[2]["resourceVersion"] == "5"


def test_pages_that_are_too_long_are_asked_for_in_parts_until_they_are_short_again() -> None:
    too_long = LongPageError()
    lists: list[Answer] = [
        page(account("a", 1), version=5, more="b"),
        too_long,
        too_long,
        page(account("b", 2), version=5, more="c"),
        page(account("c", 3), version=5),
    ]
    cache, _, asked = followed(lists, [])
    assert names(cache) == {"a", "b", "c"}
    assert [(query["limit"], query.get("continue")) for query in asked[:5]] == [
        ("250", None),
        ("250", "b"),
        ("31", "b"),
        ("3", "b"),
        ("6", "c"),
    ]


def test_events_change_the_cache_and_bookmarks_move_on() -> None:
    events: list[Answer] = [
        event("ADDED", account("b", 6)),
        event("MODIFIED", account("a", 7)),
        event("DELETED", account("b", 8)),
        event("BOOKMARK", {"metadata": {"resourceVersion": "99"}}),
    ]
    cache, told, asked = followed([page(account("a", 1), version=5)], [events])
    assert names(cache) == {"a"}
    assert told == [("a", True), ("b", False), ("a", False), ("b", False)]
    assert asked[-1]["resourceVersion"] == "99", "the next watch goes on where the last one ended"


def test_an_echo_of_what_is_known_is_not_told() -> None:
    _, told, _ = followed([page(account("a", 7), version=7)], [[event("MODIFIED", account("a", 7))]])
    assert told == [("a", True)]


@pytest.mark.parametrize(
    "gone",
    [
        ApiError(410, {"reason": "Expired"}),
        event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}),
    ],
)
def test_after_a_version_that_is_too_old_it_lists_again_and_tells_what_vanished(gone: Answer) -> None:
    lists: list[Answer] = [page(account("a", 1), account("b", 2), version=5), page(account("b", 2), version=50)]
    cache, told, asked = followed(lists, [[gone]])
    assert names(cache) == {"b"}
    assert told == [("a", True), ("b", True), ("a", True)]
    assert asked[-1]["resourceVersion"] == "50"


@pytest.mark.parametrize(
    "fault",
    [
        aiohttp.ClientPayloadError("cut"),
        ConnectionResetError("reset"),
        TimeoutError(),
        ApiError(500, {"message": "etcd is unwell"}),
        ApiError(403, {"message": "forbidden"}),
    ],
)
def test_a_broken_watch_goes_on_from_the_last_event(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BACKOFF", 0.01)
    cache, _, asked = followed([page(version=5)], [[event("ADDED", account("a", 6)), fault]])
    assert names(cache) == {"a"}
    assert asked[-1]["resourceVersion"] == "6"


def test_a_list_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BACKOFF", 0.01)
    cache, _, _ = followed([ApiError(503, {}), page(account("a", 1), version=5)], [])
    assert names(cache) == {"a"}


def test_a_watch_that_says_nothing_is_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INACTIVITY", 0.05)
    monkeypatch.setattr(module, "MAX_BACKOFF", 0.01)

    async def main() -> None:
        scripted = Scripted([page(version=5)], [])
        convert: Callable[[dict[str, Any]], Child] = lambda body: child_from(SERVICEACCOUNTS, body)  # noqa: E731
        informer = Informer(cast(Client, scripted), SERVICEACCOUNTS, None, convert, Cache(), lambda *_: None)
        task = asyncio.create_task(informer.run())
        async with asyncio.timeout(20):
            while len([query for query in scripted.asked if "resourceVersion" in query]) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(main())


BROKEN: list[dict[str, Any]] = [
    {"metadata": {"namespace": "team-a", "name": "broken"}},
    {"metadata": {**account("broken", 6)["metadata"], "labels": ["a text of a tenant"]}},
    {"metadata": {**account("broken", 6)["metadata"], "ownerReferences": "a text of a tenant"}},
    {"metadata": {**account("broken", 6)["metadata"], "resourceVersion": "a text of a tenant"}},
    {},
]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED"])
def test_an_object_that_cannot_be_read_is_passed_over(
    broken: dict[str, Any], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In a list as in a watch; what comes beside and after it arrives, and nothing of its text is logged."""
    events: list[Answer] = [event(kind, broken), event("ADDED", account("c", 7))]
    cache, _, asked = followed([page(account("a", 1), broken, account("b", 2), version=5)], [events])
    assert names(cache) == {"a", "b", "c"}
    assert asked[-1]["resourceVersion"] == "7"
    assert "serviceaccounts team-a/broken cannot be read" in caplog.text or broken == {}
    assert "a text of a tenant" not in caplog.text


def test_what_was_passed_over_is_counted() -> None:
    informer = Informer(cast(Client, None), SERVICEACCOUNTS, None, broken_reader, Cache(), lambda *_: None)
    informer._handle(event("ADDED", account("a", 1)))
    informer._handle(event("MODIFIED", account("a", 2)))
    assert informer.unreadable.count == 2


def broken_reader(_: dict[str, Any]) -> Child:
    """Stand for a defect of ours: one object, or one kind, must not stop the others."""
    raise ZeroDivisionError


def test_an_object_that_cannot_be_read_any_more_stays_as_it_was_known() -> None:
    broken = {"metadata": {**account("a", 6)["metadata"], "annotations": 5}}
    cache, told, _ = followed([page(account("a", 1), version=5)], [[event("MODIFIED", broken)]])
    assert (names(cache), told) == ({"a"}, [("a", True)])
