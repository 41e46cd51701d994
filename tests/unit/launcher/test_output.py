"""What a server prints comes out as it comes, and stops nobody. The processes and pipes are real: what is shown is what
the kernel does with pipes that are full, or that nobody reads."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

from llamastack_launcher import relay
from llamastack_launcher.relay import Relay
from tests.unit.launcher.image import SECONDS, Image


def test_output_comes_at_once_without_waiting_for_the_end_of_a_line(image: Image):
    image.server("""
        for number in range(3):
            os.write(1, str(number).encode())
            sys.stdin.readline()
    """)
    with image.serving() as serving:
        for number in range(3):
            assert os.read(serving.out.fileno(), 100) == str(number).encode()
            serving.tell()


def test_the_two_streams_stay_apart(image: Image):
    image.server("os.write(1, bytes(range(256)))\nos.write(2, b'err\\n')")
    with image.serving() as serving:
        out, err = serving.process.communicate(timeout=SECONDS)
    assert out == bytes(range(256))
    assert err.startswith(b"err\n")


def test_much_output_passes_in_little_memory(image: Image):
    image.server("""
        def peak():
            lines = open(f"/proc/{os.getppid()}/status").read().splitlines()
            return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
        os.write(1, b"x" * 300_000)
        before = peak()
        for _ in range(100):
            sys.stdout.buffer.write((b"y" * 999 + b"\\n") * 1000)
        sys.stdout.flush()
        print(peak() - before, file=sys.stderr)
    """)
    with image.serving() as serving:
        out, err = serving.process.communicate(timeout=SECONDS)
    assert len(out) == 300_000 + 100_000_000
    assert int(err.split()[0]) < 4000, "kB that the launcher grew by"


def test_a_log_that_nobody_reads_holds_up_neither_the_other_stream_nor_signals(image: Image):
    image.server("""
        child = os.fork()
        if child == 0:
            while True:
                os.write(2, b"x" * 5000)
        def end(*_):
            os.write(1, b"asked\\n")
            os.kill(child, signal.SIGKILL)
            os._exit(0)
        signal.signal(signal.SIGTERM, end)
        time.sleep(0.1)
        print("ready", flush=True)
        while True:
            signal.pause()
    """)
    with image.serving() as serving:
        assert serving.line() == "ready"
        serving.process.terminate()
        assert serving.line() == "asked"
        assert serving.process.wait(SECONDS) == 0


class Pipes:
    """A relay between two pipes."""

    def __init__(self) -> None:
        source, self.server = os.pipe()
        self.log, self.target = os.pipe()
        self.seen: list[bytes] = []
        self.source = source
        self.relay = Relay(source, self.target, lambda _, data: self.seen.append(data))

    def prints(self, data: bytes) -> None:
        """Have the server print something, and the relay read it."""
        os.write(self.server, data)
        assert self.relay.read({self.source})

    def fill(self) -> None:
        """Let the log have no more room."""
        os.set_blocking(self.target, False)
        try:
            while os.write(self.target, b"." * 4096):
                pass
        except BlockingIOError:
            os.set_blocking(self.target, True)

    def read(self) -> bytes:
        """Read the log."""
        return os.read(self.log, 1 << 20)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    for descriptor in (made.source, made.server, made.log, made.target):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_a_log_that_stands_still_stops_no_server_and_what_is_lost_is_counted(
    pipes: Pipes, monkeypatch: pytest.MonkeyPatch
):
    pipes.fill()
    for _ in range(2):
        pipes.prints(b"a" * 40_000)
    assert pipes.relay.events() == [(pipes.target, select.POLLOUT)], "the server is held up at first"
    monkeypatch.setattr(relay, "STANDSTILL", 0.0)
    assert not pipes.relay.write(())
    assert (pipes.source, select.POLLIN) in pipes.relay.events(), "then it goes on"
    pipes.prints(b"b" * 200)
    pipes.read()
    assert pipes.relay.write({pipes.target})
    assert pipes.read() == b"\n[80200 bytes of output are left out here: the container's log stood still]\n"
    pipes.prints(b"again")
    assert pipes.relay.write({pipes.target})
    assert pipes.read() == b"again"
    assert b"".join(pipes.seen) == b"a" * 80_000 + b"b" * 200 + b"again"


def test_a_log_that_is_closed_stops_no_server(pipes: Pipes):
    os.close(pipes.log)
    for _ in range(3):
        pipes.prints(b"text")
        assert pipes.relay.write({pipes.target})
        assert not pipes.relay.waits


def test_no_write_is_larger_than_what_a_pipe_takes_at_once(pipes: Pipes):
    pipes.prints(b"x" * 60_000)
    assert pipes.relay.write({pipes.target})
    assert len(pipes.read()) == select.PIPE_BUF
    assert pipes.relay.waits


def test_a_stream_that_its_server_closed_is_waited_for_no_more(pipes: Pipes):
    os.close(pipes.server)
    assert pipes.relay.read({pipes.source})
    assert pipes.relay.events() == []
    assert pipes.relay.patience() is None


def test_both_streams_may_lead_to_one_pipe(image: Image):
    image.server("""
        for _ in range(200):
            os.write(1, b"o" * 5000)
            os.write(2, b"e" * 5000)
    """)
    command = ["sh", "-c", '"$@" 2>&1', "sh", sys.executable, "-S", str(image.program), "serve", *image.options()]
    done = subprocess.run(command, env=image.variables, capture_output=True, timeout=SECONDS)
    assert done.stdout.startswith(b"oooo") or done.stdout.startswith(b"eeee")
    assert (done.stdout.count(b"o" * 1000) > 0, done.stdout.count(b"e") >= 1_000_000) == (True, True)
