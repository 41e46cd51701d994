"""What an event of a LlamaStack brings about: the cache is in step, and a pass is asked for only where it has news."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from llamastack_operator.controller.handlers import Watched
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.unreadable import Unreadable
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.slim_json import slim_page
from llamastack_operator.planning.stack.stack import Stack, stack_from
from tests.support.world import llamastack

KEY = ("team-a", "bot")


def body(version: int = 7, **metadata: Any) -> dict[str, Any]:
    known = llamastack()
    return {**known, "metadata": {**known["metadata"], "resourceVersion": str(version), **metadata}}


def seen(*events: tuple[str | None, dict[str, Any]], known: dict[str, Any] | None = None) -> tuple[Cache[Stack], int]:
    """Return the cache and the number of passes that were asked for after some events."""
    stacks: Cache[Stack] = Cache()
    if known is not None:
        stacks.put(stack_from(known))
    queue: WorkQueue[Key] = WorkQueue()
    for kind, item in events:
        watched = Watched(stacks, queue, Unreadable("llamastacks"))
        asyncio.run(watched.observe({"type": kind, "object": item}))
    return stacks, len(queue)


def test_a_new_stack_gets_a_pass() -> None:
    stacks, passes = seen(("ADDED", body()))
    assert (len(stacks), passes) == (1, 1)


def test_a_change_gets_a_pass() -> None:
    stacks, passes = seen(("MODIFIED", body(8, generation=5)), known=body(7))
    assert passes == 1
    kept = stacks.get(KEY)
    assert kept is not None and kept.generation == 5


def test_the_echo_of_an_own_status_write_gets_none() -> None:
    """The operator puts the version of its own write into the cache before the watch tells of it."""
    _, passes = seen(("MODIFIED", body(8)), known=body(8))
    assert passes == 0


@pytest.mark.parametrize(
    ("version", "changed", "known"),
    [(8, {}, True), (7, {}, True), (9, {}, False), (8, {"uid": "other"}, False), (8, {"resourceVersion": "x"}, False)],
)
def test_what_the_cache_has_is_known_before_it_is_read(version: int, changed: dict[str, str], known: bool) -> None:
    stacks: Cache[Stack] = Cache()
    stacks.put(stack_from(body(8)))
    watched = Watched(stacks, WorkQueue(), Unreadable("llamastacks"))
    assert watched.is_known({**body(version)["metadata"], **changed}) is known
    assert not watched.is_known({"resourceVersion": "8"}), "a bookmark"


def test_a_late_event_of_an_older_version_changes_nothing() -> None:
    stacks, passes = seen(("MODIFIED", body(7, generation=1)), known=body(10, generation=2))
    kept = stacks.get(KEY)
    assert passes == 0
    assert kept is not None and kept.generation == 2


def test_versions_are_compared_as_numbers() -> None:
    assert seen(("MODIFIED", body(10)), known=body(9))[1] == 1


def test_a_deleted_stack_is_forgotten_and_gets_a_last_pass() -> None:
    stacks, passes = seen(("DELETED", body(8)), known=body(7))
    assert (len(stacks), passes) == (0, 1)


def test_the_late_delete_of_an_earlier_stack_of_the_same_name_changes_nothing() -> None:
    stacks, passes = seen(("DELETED", body(8, uid="uid-of-an-earlier-one")), known=body(9))
    assert (len(stacks), passes) == (1, 0)


def test_a_stack_of_the_first_list_waits_behind_an_edited_one() -> None:
    async def scenario() -> list[Key]:
        stacks: Cache[Stack] = Cache()
        queue: WorkQueue[Key] = WorkQueue()
        watched = Watched(stacks, queue, Unreadable("llamastacks"))
        for kind, name in ((None, "listed-1"), (None, "listed-2"), ("MODIFIED", "edited")):
            await watched.observe({"type": kind, "object": body(name=name)})
        return [await queue.get() for _ in range(3)]

    assert [name for _, name in asyncio.run(scenario())] == ["edited", "listed-1", "listed-2"]


@pytest.mark.parametrize(
    "hostile",
    [
        {"metadata": {}},
        {"metadata": None},
        {"metadata": {**llamastack()["metadata"], "resourceVersion": "9" * 5000}},
        {**llamastack(), "metadata": {**llamastack()["metadata"], "name": "a\ud800"}},
        {**llamastack(), "metadata": {**llamastack()["metadata"], "name": "hostile", "annotations": []}},
        {**llamastack(), "status": "a text of a tenant"},
        {**llamastack(), "spec": ["a text of a tenant"]},
    ],
)
@pytest.mark.parametrize("kind", [None, "ADDED", "DELETED"])
def test_a_stack_that_cannot_be_read_is_counted_and_told_and_the_one_beside_it_gets_its_pass(
    hostile: dict[str, Any], kind: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    stacks: Cache[Stack] = Cache()
    queue: WorkQueue[Key] = WorkQueue()
    unreadable = Unreadable("llamastacks")
    watched = Watched(stacks, queue, unreadable)
    asyncio.run(watched.observe({"type": kind, "object": hostile}))
    asyncio.run(watched.observe({"type": "ADDED", "object": body(name="bystander")}))
    assert stacks.get(("team-a", "bystander")) is not None
    assert len(queue) == 1
    assert "a text of a tenant" not in caplog.text
    if kind != "DELETED" or "uid" not in (hostile["metadata"] or {}):
        assert unreadable.count == 1
        assert "llamastacks" in caplog.text


def test_a_large_stack_is_read_while_everything_else_goes_on() -> None:
    """The small one that comes after it is in the cache before it."""
    large = body(name="large", uid="l")
    large["spec"] = {**large["spec"], "runConfig": {"providers": {}, "x": ["1e"] * 20_000}}
    page = slim_page(json.dumps({"items": [large, body(name="small", uid="s")]}).encode())
    stacks: Cache[Stack] = Cache()
    order: list[str] = []

    async def main() -> None:
        queue: WorkQueue[Key] = WorkQueue()
        watched = Watched(stacks, queue, Unreadable("llamastacks"))
        await asyncio.gather(*(watched.observe({"type": None, "object": item}) for item in page["items"]))
        order.extend([(await queue.get())[1] for _ in range(2)])

    asyncio.run(main())
    assert order == ["small", "large"]
    kept = stacks.get(("team-a", "large"))
    assert kept is not None
    assert (kept.run_config, kept.findings) == (stack_from(large).run_config, ())
