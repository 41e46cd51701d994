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

from llamastack_operator.kube import backoff
from llamastack_operator.kube import informer as module
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client, LongPageError
from llamastack_operator.kube.echo import IsKnown
from llamastack_operator.kube.informer import Informer
from llamastack_operator.kube.restored import RestoredError
from llamastack_operator.objects.child import Child, child_from
from llamastack_operator.objects.resources import SERVICEACCOUNTS

Answer = dict[str, Any] | Exception
LOOK = {"limit": "1"}
"""What is asked before a watch goes on."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "MAX_BACKOFF", 0.01)


def account(name: str, version: int) -> dict[str, Any]:
    labels = {"llamastack.dev/stack": name}
    identity = {"namespace": "team-a", "name": name, "uid": name, "resourceVersion": str(version)}
    return {"metadata": {**identity, "labels": labels}}


def page(*items: dict[str, Any], version: int, more: str = "") -> dict[str, Any]:
    return {"items": list(items) or None, "metadata": {"resourceVersion": str(version), "continue": more}}


def event(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": body}


class Scripted:
    """Answers lists and watches from a script, notes what was asked, and then blocks.

    Attributes:
        at: the version that the server has got to, for who looks for it.
    """

    def __init__(self, lists: list[Answer], watches: list[list[Answer]], at: int = 10**6) -> None:
        self.lists, self.watches, self.at = lists, watches, at
        self.asked: list[Mapping[str, str]] = []
        self.exhausted = asyncio.Event()

    async def list_page(self, _: Any, __: Any, query: Mapping[str, str], metadata_only: bool = False) -> Any:
        if query == LOOK:
            return page(version=self.at)
        self.asked.append(dict(query))
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def watch(
        self, _: Any, __: Any, query: Mapping[str, str], metadata_only: bool, is_known: IsKnown
    ) -> AsyncGenerator[Any]:
        self.is_known = is_known
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
def test_a_broken_watch_goes_on_from_the_last_event(fault: Exception) -> None:
    cache, _, asked = followed([page(version=5)], [[event("ADDED", account("a", 6)), fault]])
    assert names(cache) == {"a"}
    assert asked[-1]["resourceVersion"] == "6"


def test_a_list_that_fails_is_tried_again() -> None:
    cache, _, _ = followed([ApiError(503, {}), page(account("a", 1), version=5)], [])
    assert names(cache) == {"a"}


def test_a_watch_that_says_nothing_is_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INACTIVITY", 0.05)

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


def unwell(code: int = 500, **details: Any) -> Answer:
    return event("ERROR", {"kind": "Status", "code": code, "message": "etcd is unwell", "details": details})


def test_after_three_errors_that_a_watch_told_it_lists_again() -> None:
    """From the same version it would be told the same for ever."""
    lists: list[Answer] = [page(account("a", 1), version=5), page(account("b", 7), version=9)]
    cache, _, asked = followed(lists, [[unwell()], [unwell()], [unwell()]])
    assert names(cache) == {"b"}
    assert [query.get("resourceVersion") for query in asked] == [None, "5", "5", "5", None, "9"]


def test_errors_that_an_event_came_between_are_none_in_a_row() -> None:
    watches: list[list[Answer]] = [[unwell()], [unwell()], [event("ADDED", account("a", 6)), unwell()]]
    _, _, asked = followed([page(version=5)], watches)
    assert [query.get("resourceVersion") for query in asked] == [None, "5", "5", "5", "6"]


class Holding(Scripted):
    """Answers a list when it is told to: meanwhile the operator writes."""

    def __init__(self, lists: list[Answer]) -> None:
        super().__init__(lists, [])
        self.asked_for, self.may_answer = asyncio.Event(), asyncio.Event()

    async def list_page(self, *arguments: Any, **named: Any) -> Any:
        self.asked_for.set()
        await self.may_answer.wait()
        return await super().list_page(*arguments, **named)


def accounts(client: Scripted, cache: Cache[Child], changed: Callable[[Child, bool], None] | None = None) -> Any:
    convert: Callable[[dict[str, Any]], Child] = lambda body: child_from(SERVICEACCOUNTS, body)  # noqa: E731
    return Informer(cast(Client, client), SERVICEACCOUNTS, None, convert, cache, changed or (lambda *_: None))


def test_what_was_written_while_a_list_was_under_way_stays() -> None:
    cache: Cache[Child] = Cache()
    told: list[str] = []

    async def main() -> None:
        scripted = Holding([page(version=100)])
        cache.put(child_from(SERVICEACCOUNTS, account("old", 90)))
        informer = accounts(scripted, cache, lambda child, _: told.append(child.key[1]))
        listing = asyncio.create_task(informer._list())
        await scripted.asked_for.wait()
        cache.put(child_from(SERVICEACCOUNTS, account("written", 105)))
        scripted.may_answer.set()
        await listing

    asyncio.run(main())
    assert (names(cache), told) == ({"written"}, ["old"])


RESTORED: dict[str, list[Answer]] = {
    "a list behind the last one": [page(account("a", 1), version=900), page(account("a", 1), version=50)],
    "a list behind a later event": [page(version=900), page(version=905)],
    "an object of before": [page(account("a", 800), version=900), page(account("a", 700), version=10**9)],
    "another object of before": [
        page(account("a", 800), version=900),
        page({"metadata": {**account("a", 700)["metadata"], "uid": "other"}}, version=10**9),
    ],
}


@pytest.mark.parametrize("lists", RESTORED.values(), ids=RESTORED)
def test_a_list_of_a_store_that_was_set_back_ends_the_operator(lists: list[Answer]) -> None:
    with pytest.raises(RestoredError, match="the API server's store was set back: "):
        followed(list(lists), [[event("ADDED", account("z", 910)), ApiError(410, {})]])


def test_an_own_write_that_no_watch_told_of_is_as_good_as_an_event() -> None:
    cache: Cache[Child] = Cache()

    async def main() -> None:
        scripted = Scripted([page(version=900), page(version=905)], [])
        informer = accounts(scripted, cache)
        await informer._list()
        cache.put(child_from(SERVICEACCOUNTS, account("a", 910)))
        await informer._list()

    with pytest.raises(RestoredError, match="serviceaccounts were at 910, and are at 905"):
        asyncio.run(main())


def test_a_watch_does_not_go_on_from_a_version_that_is_not_there_yet() -> None:
    """It would be silent until the store that was set back gets there."""

    async def main() -> None:
        scripted = Scripted([page(version=900)], [[]], at=899)
        async with asyncio.timeout(20):
            await accounts(scripted, Cache()).run()

    with pytest.raises(RestoredError, match="were at 900, and are at 899"):
        asyncio.run(main())


def test_watches_that_are_closed_at_once_are_opened_more_and_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "MAX_BACKOFF", 30.0)
    slept: list[float] = []

    async def main() -> None:
        scripted = Scripted([page(version=5)], [[] for _ in range(6)])

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        monkeypatch.setattr(asyncio, "sleep", sleep)
        task = asyncio.create_task(accounts(scripted, Cache()).run())
        await scripted.exhausted.wait()
        task.cancel()

    asyncio.run(main())
    assert len(slept) == 6
    assert all(2**number / 4 <= seconds <= 2**number / 2 for number, seconds in enumerate(slept[:4], start=1))


def test_the_seconds_that_the_server_asks_to_wait_are_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def main() -> None:
        busy = [ApiError(429, {}, retry_after=17.0), ApiError(503, {"details": {"retryAfterSeconds": 23}})]
        scripted = Scripted([page(version=5)], [[busy[0]], [busy[1]], [unwell(429, retryAfterSeconds=29)]])

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        monkeypatch.setattr(asyncio, "sleep", sleep)
        task = asyncio.create_task(accounts(scripted, Cache()).run())
        await scripted.exhausted.wait()
        task.cancel()

    asyncio.run(main())
    assert slept == [17.0, 23.0, 29.0]
