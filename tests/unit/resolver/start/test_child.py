"""The process that makes a check tells what it does, keeps secrets out of that, and goes on for nobody."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llamastack_resolver.findings import Finding, Severity
from llamastack_resolver.redact import BLOT, Redactor
from llamastack_resolver.start.child import LoopEndedError, Teller, leaving_all_open
from llamastack_resolver.start.reasons import StartReason
from llamastack_resolver.watching import Step

STEP = Step("starting remote::x", StartReason.INSTANTIATION_FAILED, "providers.safety[0]", "safety", "x")


@pytest.fixture
def pipe() -> Iterator[tuple[int, Callable[[], list[Any]]]]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)

    def read() -> list[Any]:
        return [json.loads(line) for line in os.read(reader, 65536).splitlines()]

    yield writer, read
    os.close(reader)
    os.close(writer)


def test_a_finding_is_told_once(pipe: tuple[int, Callable[[], list[Any]]]):
    writer, read = pipe
    teller = Teller(writer)
    finding = Finding(Severity.ERROR, StartReason.INSTANTIATION_FAILED, "no", "providers.safety[0]")

    teller.found([finding])
    teller.found([finding, finding])

    assert [message[0] for message in read()] == ["finding"]


def test_nothing_is_told_with_a_secret_in_it(pipe: tuple[int, Callable[[], list[Any]]]):
    writer, read = pipe
    teller = Teller(writer)
    teller.secrets(Redactor(["sk-12345"]))

    teller.at(STEP)
    teller.failed(RuntimeError("with sk-12345"))
    teller.state({"message": "sk-12345"})

    at, failed, state = read()
    assert at[1]["provider"] == "x"
    assert f"RuntimeError: with {BLOT}" in failed[1]
    assert state[1] == {"message": BLOT}


def test_a_fork_of_it_tells_nothing(pipe: tuple[int, Callable[[], list[Any]]]):
    writer, read = pipe
    teller = Teller(writer)
    child = os.fork()
    if child == 0:
        teller.at(STEP)
        os._exit(7)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(BlockingIOError):
        read()


@pytest.fixture
def clean_loop() -> Iterator[None]:
    """Ends what is left open on purpose."""
    yield
    loop = asyncio.get_event_loop_policy().get_event_loop()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)


async def stop_the_loop() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(9)


async def exit_in_a_task() -> None:
    async def leave() -> None:
        raise SystemExit(0)

    task = asyncio.get_running_loop().create_task(leave())
    await asyncio.sleep(9)
    await task


@pytest.mark.usefixtures("clean_loop")
@pytest.mark.parametrize("started", [stop_the_loop, exit_in_a_task])
def test_a_loop_that_ends_before_is_told_from_a_fault(started: Callable[[], Any]):
    with pytest.raises(LoopEndedError):
        leaving_all_open(started())


@pytest.mark.usefixtures("clean_loop")
def test_what_it_starts_goes_on_without_being_waited_for():
    async def started() -> str:
        asyncio.get_running_loop().run_in_executor(None, released.wait)
        return "done"

    released = threading.Event()

    assert leaving_all_open(started()) == "done"
    released.set()


@pytest.mark.usefixtures("clean_loop")
def test_a_fault_is_raised_as_it_is():
    async def started() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        leaving_all_open(started())
