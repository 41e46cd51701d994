"""What reaches a server, and what becomes of processes that nobody else takes care of. All processes are real: what a
first process of a container has to do shows only by what the kernel does."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.unit.launcher.image import Image

FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT")


@pytest.mark.parametrize("name", FORWARDED)
def test_a_signal_reaches_the_server(image: Image, name: str):
    image.server(f"""
        signal.signal(signal.{name}, lambda *_: os.write(1, b"got {name}\\n"))
        print("ready", flush=True)
        while True:
            signal.pause()
    """)
    with image.serving() as serving:
        assert serving.line() == "ready"
        for _ in range(2):
            serving.process.send_signal(getattr(signal, name))
            assert serving.line() == f"got {name}"


def test_a_signal_that_comes_before_the_server_is_there_waits_for_it(image: Image):
    code = (
        "import os, signal, sys\n"
        f"sys.path.insert(0, {str(image.program)!r})\n"
        "from llamastack_launcher.signals import Signals\n"
        "signals = Signals()\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "pid = os.posix_spawnp('sleep', ['sleep', '100'], os.environ)\n"
        "signals.to(pid)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), signals.asked)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "-15 True\n"


def test_the_server_has_the_signals_that_any_program_has(image: Image):
    """Python ignores SIGPIPE, and what it starts would too."""
    image.script("llama", "#!/bin/sh\ngrep -E 'SigIgn|SigBlk' /proc/self/status\n")
    ignored = {line.split(":")[0]: int(line.split()[1], 16) for line in image.run().out.splitlines()}
    # The two that glibc keeps for itself are not any program's.
    assert {name: bits & (1 << 31) - 1 for name, bits in ignored.items()} == {"SigIgn": 0, "SigBlk": 0}


def test_orphans_are_reaped(image: Image):
    image.server("""
        launcher = os.getppid()
        read, write = os.pipe()
        if os.fork() == 0:
            if os.fork() == 0:
                while os.getppid() != launcher:
                    time.sleep(0.01)
                os.write(write, str(os.getpid()).encode())
                os._exit(0)
            os._exit(0)
        os.wait()
        orphan = os.read(read, 20).decode()
        while os.path.exists(f"/proc/{orphan}"):
            time.sleep(0.01)
        print("nothing is left", flush=True)
        time.sleep(100)
    """)
    with image.serving() as serving:
        assert serving.line() == "nothing is left"


@pytest.mark.parametrize("does", ["time.sleep(100)", "while True: os.write(1, b'x' * 5000)"])
def test_a_process_that_the_server_leaves_behind_with_its_output_keeps_nobody_from_the_end(image: Image, does: str):
    image.server(f"""
        if os.fork() == 0:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.alarm(50)
            {does}
        print("last words", flush=True)
        sys.exit(3)
    """)
    done = image.run()
    assert done.status == 3
    assert "last words" in done.out


def test_the_server_gets_the_variables_and_standard_input_of_the_container(image: Image):
    image.variables["SOME"] = "thing"
    image.server("print(os.environ['SOME'], sys.stdin.readline() == '\\n', flush=True)")
    with image.serving() as serving:
        serving.tell()
        assert serving.line() == "thing True"


def test_the_server_keeps_bytecode_in_the_cache_where_the_image_has_none(image: Image):
    package = image.folder / "site" / "llama_stack"
    package.mkdir()
    (package / "__init__.py").touch()
    cache = image.folder / "cache"
    cache.mkdir()
    image.server("print([os.environ.get(name) for name in ('PYTHONPYCACHEPREFIX', 'PYTHONDONTWRITEBYTECODE')])")
    image.variables["PYTHONDONTWRITEBYTECODE"] = "1"
    assert image.run("--bytecode-cache", str(cache)).out == f"{[str(cache), '']}\n"
    assert image.run().out == "[None, '1']\n"
