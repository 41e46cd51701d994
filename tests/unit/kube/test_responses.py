"""What kopf gets of a watch or a list of LlamaStacks: whole lines, and slim objects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from llamastack_operator.kube import backoff
from llamastack_operator.kube.responses import SlimLines
from llamastack_operator.kube.told import ToldCollection
from llamastack_operator.objects.bounded_json import MAX_DEPTH
from llamastack_operator.objects.slim_json import PACKED
from tests.support.world import llamastack
from tests.unit.objects.test_bounded_json import DEEP, depth, lists


class Chunks:
    """A body that arrives in pieces, as aiohttp's StreamReader yields it."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def watched(pieces: list[bytes], told: ToldCollection | None = None) -> list[bytes]:
    async def read() -> list[bytes]:
        reader: Any = Chunks(pieces)
        return [chunk async for chunk in SlimLines(reader, told).iter_chunked(1024)]

    return asyncio.run(read())


class TestWatch:
    def test_yields_whole_lines_however_they_arrive(self) -> None:
        assert watched([b'{"a":', b' 1}\n{"b"', b": 2}\n"]) == [b'{"a": 1}\n', b'{"b": 2}\n']

    def test_cuts_each_line_by_itself(self) -> None:
        text = lists(DEEP) + b"\n" + b"[1]\n" + lists(DEEP) + b"\n"
        lines = b"".join(watched([text[:7], text[7:20_001], text[20_001:]])).splitlines()
        assert [depth(json.loads(line)) for line in lines] == [MAX_DEPTH, 1, MAX_DEPTH]

    def test_makes_large_and_small_objects_slim(self) -> None:
        """The large one in a thread; the lines keep their order."""
        objects = [llamastack(runConfig={"providers": {}, "x": "x" * size}) for size in (100_000, 1, 200_000, 2)]
        text = b"".join(json.dumps({"type": "ADDED", "object": body}).encode() + b"\n" for body in objects)
        events = [json.loads(line) for line in b"".join(watched([text])).splitlines()]
        versions = [event["object"]["metadata"]["resourceVersion"] for event in events]
        assert versions == [body["metadata"]["resourceVersion"] for body in objects]
        assert all(PACKED in event["object"] and "runConfig" not in event["object"]["spec"] for event in events)

    def test_tells_of_an_object_that_is_known_no_more_than_its_version(self) -> None:
        body = llamastack()
        text = json.dumps({"type": "MODIFIED", "object": body}).encode() + b"\n"
        (line,) = watched([text], ToldCollection(lambda metadata: metadata["name"] == "bot"))
        version = body["metadata"]["resourceVersion"]
        assert json.loads(line) == {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}

    def test_begins_with_the_deletes_that_fell_between_two_lists(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backoff, "MAX_BACKOFF", 0.01)
        told = ToldCollection()
        there = llamastack()["metadata"]
        told.page(
            {"metadata": {"resourceVersion": there["resourceVersion"]}, "items": [{"metadata": there}]}, first=True
        )
        told.page({"metadata": {"resourceVersion": str(10**9)}, "items": []}, first=True)
        later = json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(10**9 + 1)}}}).encode()
        events = [json.loads(line) for line in watched([later + b"\n"], told)]
        assert [event["type"] for event in events] == ["DELETED", "BOOKMARK"]
        assert events[0]["object"]["metadata"]["uid"] == there["uid"]

    def test_that_is_closed_at_once_ends_only_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """kopf opens the next one at once."""
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        monkeypatch.setattr(asyncio, "sleep", sleep)
        told = ToldCollection()
        for _ in range(3):
            assert watched([], told) == []
        assert 0.5 <= slept[0] <= 1.0 <= slept[1] <= 2.0 <= slept[2] <= 4.0
