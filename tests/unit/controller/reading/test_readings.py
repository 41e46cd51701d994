"""Readings are made in processes of their own, told when they are there, shared, and bounded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from llamastack_operator.controller.reading import child, reader, readings
from llamastack_operator.controller.reading.frames import (
    LONGEST_ANSWER,
    LONGEST_QUESTION,
    BrokenFrameError,
    framed,
    read_frame,
)
from llamastack_operator.controller.reading.reader import DefectError, ExceededError, Reader
from llamastack_operator.controller.reading.readings import Readings
from llamastack_operator.objects.child import Key
from llamastack_operator.planning.reading.answer import NOTHING_ANSWERED, Answer
from llamastack_operator.planning.reading.question import ReadingQuestion, question_of
from llamastack_operator.planning.reading.read import read
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.reading import NOTHING_READ
from tests.support.world import facts, llamastack, referred

WRONG = {"version": 2, "providers": {"inference": [{"provider_id": "a", "provider_type": "remote::vlm"}]}}
RELEASE = {"release": {"package": "llama-stack", "version": "0.7.3"}}


def stack(name: str = "bot", namespace: str = "team-a", generation: int = 1, **spec: Any) -> StackFacts:
    body = llamastack(generation=generation, **{"distribution": RELEASE, "runConfig": WRONG, **spec})
    body["metadata"].update(name=name, namespace=namespace, uid=f"{namespace}/{name}")
    return facts(body)


def from_a_config_map(data: dict[str, str]) -> StackFacts:
    body = llamastack(runConfigFrom={"configMapKeyRef": {"name": "c", "key": "run.yaml"}})
    del body["spec"]["runConfig"]
    return facts(body, referred=referred(texts={"c": data}, digest="d"))


def question(found: StackFacts) -> ReadingQuestion:
    asked = question_of(found)
    assert asked is not None
    return asked


@contextlib.asynccontextmanager
async def process(**options: Any) -> AsyncIterator[Reader]:
    made = Reader(**options)
    try:
        yield made
    finally:
        await made.stop()


class TestAReader:
    def test_says_what_reading_in_this_process_says(self) -> None:
        async def ask() -> Answer:
            async with process() as made:
                return await made.read(question(stack()).text)

        assert asyncio.run(ask()) == read(question(stack()))

    def test_answers_again_after_its_process_was_killed(self) -> None:
        async def ask() -> list[Any]:
            async with process() as made:
                first = await made.read(question(stack()).text)
                pid = made.pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(0.2)
                second = await made.read(question(stack()).text)
                return [first == second, pid != made.pid]

        assert asyncio.run(ask()) == [True, True]

    def test_kills_what_does_not_answer_in_time(self) -> None:
        async def ask() -> None:
            async with process(patience=0.5) as made:
                await made.read(question(stack()).text)
                assert made.pid is not None
                os.kill(made.pid, signal.SIGSTOP)
                with pytest.raises(ExceededError, match="seconds"):
                    await made.read(question(stack()).text)
                assert made.pid is None

        asyncio.run(ask())

    def test_does_not_ask_what_is_too_long(self) -> None:
        async def ask() -> None:
            async with process() as made:
                with pytest.raises(ExceededError, match="4 MiB of text"):
                    await made.read(" " * (LONGEST_QUESTION + 1))
                assert made.pid is None

        asyncio.run(ask())

    def test_tells_a_fault_of_ours_from_one_of_the_stack(self) -> None:
        async def ask() -> None:
            async with process() as made:
                with pytest.raises(DefectError, match="KeyError"):
                    await made.read("{}")
                assert (await made.read(question(stack()).text)).reading.has_errors

        asyncio.run(ask())

    def test_that_cannot_be_started_is_no_fault_of_the_stack(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reader.sys, "executable", "/nowhere/python")

        async def ask() -> None:
            async with process() as made:
                with pytest.raises(DefectError, match="no process can be started"):
                    await made.read(question(stack()).text)

        asyncio.run(ask())

    def test_has_no_variable_of_the_operator_but_those_that_start_python(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        monkeypatch.setenv("TOKEN", "secret")

        def variables(pid: int | None) -> set[str]:
            entries = Path(f"/proc/{pid}/environ").read_text("utf-8").split("\0")
            return {entry.partition("=")[0] for entry in entries if entry}

        async def look() -> set[str]:
            async with process() as made:
                await made.read(question(stack()).text)
                return variables(made.pid)

        assert asyncio.run(look()) <= {"PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG"}


class TestTheProcess:
    def run(self, code: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-c", f"from llamastack_operator.controller.reading import child\n{code}"]
        return subprocess.run(command, capture_output=True, timeout=60, check=False)

    def test_ends_where_memory_is_not_enough(self) -> None:
        """The loop takes memory as a hostile text would; the limit is the one that readings have."""
        done = self.run("child._limit_memory()\nheld = []\nwhile True: held.append(bytearray(1 << 20))")
        assert b"MemoryError" in done.stderr

    def test_ends_where_time_is_not_enough(self) -> None:
        done = self.run("child.SECONDS = 0\nchild._limit_time()\nwhile True: pass")
        assert done.returncode == -signal.SIGXCPU

    def test_ends_with_its_parent(self) -> None:
        answers = BytesIO()
        assert child.serve(BytesIO(), answers) == 0
        assert answers.getvalue() == framed(child.HELLO)

    def test_ends_with_a_code_of_its_own_where_a_question_takes_all_memory(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The limit itself is seen above; here a reading is made to hit it."""

        def hungry(asked: ReadingQuestion) -> Answer:
            raise MemoryError

        monkeypatch.setattr(child, "read", hungry)
        monkeypatch.setattr(child, "_limit_time", lambda: None)
        assert child.serve(BytesIO(framed(question(stack()).text.encode())), BytesIO()) == child.OUT_OF_MEMORY

    def test_loads_nothing_that_talks_to_a_network(self) -> None:
        done = self.run("import sys; print(sorted({'kopf', 'aiohttp', 'kubernetes'} & set(sys.modules)))")
        assert done.stdout == b"[]\n"


class TestFrames:
    @pytest.mark.parametrize("text", [b"", b"a", b"\0" * 1000])
    def test_are_read_as_they_were_written(self, text: bytes) -> None:
        assert read_frame(BytesIO(framed(text)), LONGEST_ANSWER) == text

    def test_that_are_too_long_or_cut_off_are_refused(self) -> None:
        for broken in (framed(b"x" * 11), framed(b"abc")[:-1], b"\0\0"):
            with pytest.raises(BrokenFrameError):
                read_frame(BytesIO(broken), 10)

    def test_end_with_the_stream(self) -> None:
        assert read_frame(BytesIO(b""), 10) is None


class Scripted:
    """Stands for a reader's process: what is asked of it, and in which order, is the point.

    Attributes:
        asked: the questions.
        answer: makes the answer to one.
    """

    pid = None

    def __init__(self, answer: Callable[[ReadingQuestion], Answer] = read) -> None:
        self.asked: list[ReadingQuestion] = []
        self.answer = answer

    async def read(self, text: str) -> Answer:
        self.asked.append(ReadingQuestion.of_text(text))
        await asyncio.sleep(0)
        return self.answer(self.asked[-1])

    async def stop(self) -> None:
        """Stop nothing."""


class Scene:
    """Readings with one scripted reader, and the keys that were noticed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, script: Scripted) -> None:
        monkeypatch.setattr(readings, "Reader", lambda: script)
        self.script = script
        self.noticed: list[Key] = []
        self.readings = Readings(self.noticed.append, readers=1)

    def run(self, *acts: Callable[[], Any]) -> None:
        """Act, and let the worker go on until nothing waits, each time."""

        async def main() -> None:
            (work,) = self.readings.workers()
            task = asyncio.ensure_future(work)
            for act in acts:
                act()
                for _ in range(50):
                    await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        asyncio.run(main())


class TestReadings:
    def test_are_told_when_they_are_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())
        found = stack()
        scene.run(lambda: scene.readings.of(found))
        assert scene.noticed == [("team-a", "bot")]
        answer = scene.readings.of(found)
        assert answer is not None and answer.reading.has_errors

    def test_are_made_anew_where_pods_have_told_more_of_the_image(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene, image = Scene(monkeypatch, Scripted()), f"registry.example/mine@sha256:{'1' * 64}"
        report = {"image": image, "digest": image.rpartition("@")[2], "release": "0.7.3"}
        bodies = [llamastack(status=told, distribution={"image": image}) for told in ({}, {"imageReport": report})]
        before, after = map(facts, bodies)
        scene.run(lambda: scene.readings.of(before), lambda: scene.readings.of(after))
        assert not scene.readings.knows(before) and scene.readings.knows(after)
        assert [asked.image and asked.image.release for asked in scene.script.asked] == [None, "0.7.3"]
        assert len({asked.digest for asked in scene.script.asked}) == 1

    def test_are_shared_by_whoever_asks_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())
        many = [stack(f"bot-{number}") for number in range(20)]
        scene.run(lambda: [scene.readings.of(one) for one in many])
        assert len(scene.script.asked) == 1
        assert len(scene.noticed) == 20
        assert len({id(scene.readings.of(one)) for one in many}) == 1

    def test_are_made_anew_for_other_inputs_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())
        edited = stack(generation=2, runConfig={"version": 2, "providers": {}})
        scene.run(lambda: scene.readings.of(stack()))
        before = scene.readings.of(stack(generation=3, server={"replicas": 2}))
        assert before is not None and before.reading.has_errors
        assert scene.readings.of(edited) is None

    def test_that_are_there_need_no_text_to_be_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())
        before = scene.readings.knows(stack())
        scene.run(lambda: scene.readings.of(stack()))
        assert (before, scene.readings.knows(stack()), scene.readings.knows(stack(generation=2))) == (
            False,
            True,
            False,
        )

    def test_are_made_of_texts_that_are_read_when_it_is_a_stacks_turn(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())
        found = from_a_config_map({"run.yaml": "version: 2\nproviders: {}\n"})
        texts = [found]

        async def with_texts(waiting: StackFacts) -> StackFacts:
            assert waiting.referred.texts == {}
            return texts[0]

        scene.readings = readings.Readings(scene.noticed.append, 1, with_texts)
        scene.run(lambda: scene.readings.of(found))
        assert len(scene.script.asked) == 1
        assert scene.readings.of(found) is not None

    def test_are_made_of_texts_that_changed_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())
        found, edited = (from_a_config_map({"run.yaml": text}) for text in ("providers: {}", "providers: []"))

        async def with_texts(waiting: StackFacts) -> StackFacts:
            return edited

        scene.readings = readings.Readings(scene.noticed.append, 1, with_texts)
        scene.run(lambda: scene.readings.of(found))
        assert scene.noticed == [found.stack.key]
        assert [asked.key for asked in scene.script.asked] == [question(edited).key]
        assert scene.readings.of(found) is not None
        assert scene.readings._holders.total() == 1

    def test_whose_texts_cannot_be_read_are_left_to_another_pass(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())
        found = from_a_config_map({"run.yaml": "providers: {}"})

        async def with_texts(waiting: StackFacts) -> StackFacts:
            raise ConnectionResetError("reset")

        scene.readings = readings.Readings(scene.noticed.append, 1, with_texts)
        scene.run(lambda: scene.readings.of(found))
        assert (scene.script.asked, scene.noticed) == ([], [found.stack.key])

    def test_that_nobody_needs_are_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())
        scene.run(lambda: scene.readings.of(stack()))
        scene.readings.forget(("team-a", "bot"))
        assert not (scene.readings._known or scene.readings._holders or scene.readings._asked)

    def test_of_a_spec_that_cannot_be_read_are_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())
        assert scene.readings.of(facts(llamastack(colour="red"))) is NOTHING_ANSWERED

    def test_that_exceed_a_limit_are_tried_twice_and_then_are_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def slow(asked: ReadingQuestion) -> Answer:
            raise ExceededError("more than 5 seconds of CPU time")

        scene = Scene(monkeypatch, Scripted(slow))
        found = stack()
        scene.run(lambda: scene.readings.of(found))
        assert len(scene.script.asked) == 2
        answer = scene.readings.of(found)
        assert answer is not None and answer.planned is None
        messages = [one.message for one in answer.reading.findings]
        assert messages == ["spec: reading it took more than 5 seconds of CPU time"]
        assert replace(answer.reading, findings=()) == replace(NOTHING_READ, digest=question(found).digest)

    def test_that_a_fault_of_ours_prevents_stop_nothing(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(asked: ReadingQuestion) -> Answer:
            raise DefectError("KeyError: 'x'")

        scene = Scene(monkeypatch, Scripted(broken))
        found = stack()
        scene.run(lambda: scene.readings.of(found))
        answer = scene.readings.of(found)
        assert answer is not None and answer.planned is None
        assert (answer.reading.findings, answer.reading.complete) == ((), False)
        assert "KeyError" in caplog.text

    def test_that_a_fault_of_ours_prevents_are_asked_for_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken_once(asked: ReadingQuestion) -> Answer:
            if len(scene.script.asked) == 1:
                raise DefectError("no process can be started")
            return read(asked)

        scene = Scene(monkeypatch, Scripted(broken_once))
        found = stack()
        monkeypatch.setattr(readings, "_RETRY", 0.0)
        scene.run(lambda: scene.readings.of(found), lambda: scene.readings.of(found))
        answer = scene.readings.of(found)
        assert answer is not None and answer.reading.has_errors
        assert len(scene.script.asked) == 2

    def test_of_a_stack_that_went_meanwhile_are_not_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, Scripted())

        def come_and_go() -> None:
            scene.readings.of(stack())
            scene.readings.forget(("team-a", "bot"))

        scene.run(come_and_go)
        assert (scene.script.asked, scene.noticed) == ([], [])


def test_a_stack_that_takes_too_long_to_read_has_a_finding_and_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow one never answers until it is given up: no text is known that takes a real process so long."""
    release = asyncio.Event()

    class Slow(Scripted):
        async def read(self, text: str) -> Answer:
            if "greedy" in text:
                await release.wait()
                raise ExceededError("more than 30 seconds")
            return await super().read(text)

    monkeypatch.setattr(readings, "Reader", Slow)
    noticed: list[Key] = []
    made = Readings(noticed.append, readers=2)
    slow = [stack(f"s-{n}", "greedy", runConfig={"greedy": n}) for n in range(5)]
    modest = [stack(f"m-{n}", "modest", runConfig={"version": n}) for n in range(5)]

    async def main() -> None:
        tasks = [asyncio.ensure_future(work) for work in made.workers()]
        for found in (*slow, *modest):
            made.of(found)
        for _ in range(100):
            await asyncio.sleep(0)
        assert noticed == [found.stack.key for found in modest]
        release.set()
        for _ in range(100):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    told = [made.of(found) for found in slow]
    assert all(one is not None and one.reading.findings[0].reason == "ReadingExceeded" for one in told)


def test_the_time_that_a_process_may_have_outlasts_the_cpu_time_of_a_question() -> None:
    assert reader.PATIENCE > child.SECONDS + 1
