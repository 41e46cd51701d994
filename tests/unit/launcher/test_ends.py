"""How the launcher ends, by how its server ended. Servers are small programs, since only processes end by signals."""

from __future__ import annotations

import os
import signal

import pytest

from tests.unit.launcher.image import Image

ENDS_WHEN_ASKED = """
signal.signal(signal.SIGTERM, lambda *_: sys.exit({status}))
print("ready", flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize(
    ("code", "status", "how"),
    [
        ("sys.exit(0)", 1, "the server ended by itself, with status 0"),
        ("sys.exit(1)", 1, "the server ended by itself, with status 1"),
        ("sys.exit(3)", 3, "the server ended by itself, with status 3"),
        ("os._exit(0)", 1, "the server ended by itself, with status 0"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "the server was ended by signal 9"),
        ("os.kill(os.getpid(), signal.SIGTERM)", 143, "the server was ended by signal 15"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", 139, "the server was ended by signal 11"),
    ],
)
def test_a_server_that_ends_by_itself_failed_whatever_its_status(image: Image, code: str, status: int, how: str):
    image.server(f"print('as last words', flush=True)\n{code}")
    done = image.run()
    assert done.status == status
    assert image.message == [how, "as last words"]
    assert done.err.splitlines()[-1] == how


def test_a_server_that_is_killed_for_its_memory_ends_with_137(image: Image):
    """The kernel kills the largest process of the container, which is the server, from outside."""
    image.server("print(os.getpid(), flush=True)\ntime.sleep(100)")
    with image.serving() as serving:
        pid = int(serving.line())
        os.kill(pid, signal.SIGKILL)
        assert serving.end().status == 137
    assert image.message == ["the server was ended by signal 9", str(pid)]


@pytest.mark.parametrize("status", [0, 143])
def test_a_server_that_ends_when_it_is_asked_to_is_no_failure(image: Image, status: int):
    image.server(ENDS_WHEN_ASKED.format(status=status))
    with image.serving() as serving:
        assert serving.line() == "ready"
        serving.process.terminate()
        done = serving.end()
    assert (done.status, done.err, image.message) == (status, "", [])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_server_that_a_signal_ends_as_it_should_is_none_either(image: Image, number: int, status: int):
    image.server("signal.signal(signal.SIGINT, signal.SIG_DFL)\nprint('ready', flush=True)\ntime.sleep(100)")
    with image.serving() as serving:
        assert serving.line() == "ready"
        serving.process.send_signal(number)
        done = serving.end()
    assert (done.status, done.err, image.message) == (status, "", [])


def test_a_server_that_fails_while_it_ends_did_fail(image: Image):
    image.server(ENDS_WHEN_ASKED.format(status=5))
    with image.serving() as serving:
        assert serving.line() == "ready"
        serving.process.terminate()
        assert serving.end().status == 5
    assert image.message == ["the server ended when it was asked to end, with status 5", "ready"]


def test_a_signal_of_another_kind_asks_no_server_to_end(image: Image):
    image.server("signal.signal(signal.SIGHUP, lambda *_: sys.exit(0))\nprint('ready', flush=True)\ntime.sleep(100)")
    with image.serving() as serving:
        assert serving.line() == "ready"
        serving.process.send_signal(signal.SIGHUP)
        assert serving.end().status == 1


def test_a_server_that_is_not_there_is_told(image: Image):
    done = image.run()
    assert done.status == 127
    assert image.message == ["llama cannot be started: No such file or directory"]
    assert done.err == "llama cannot be started: No such file or directory\n"


def test_a_server_that_cannot_be_run_is_told(image: Image):
    image.script("llama", "#!/nowhere/python\n").chmod(0o644)
    image.variables["PATH"] = str(image.folder / "bin")
    assert image.run().status == 126
    assert image.message == ["llama cannot be started: Permission denied"]


def test_where_no_release_is_found_it_says_so(image: Image):
    done = image.run(release=None)
    text = "no llama-stack >= 0.2.12 and no ogx >= 0.8 in this image: use another, or set spec.distribution.release"
    assert (done.status, done.err, done.out) == (1, f"{text}\n", "")
    assert image.message == [text]


def test_a_place_for_the_message_that_cannot_be_written_to_is_no_second_failure(image: Image):
    image.server("sys.exit(3)")
    image.log.mkdir()
    assert image.run().status == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--config",), "serve: --config lacks its value"),
        (("--config", "F"), "serve: --config and --port are needed"),
        (("--config", "F", "--port", "http"), "serve: --port is no number"),
        (("--config", "F", "--port", ""), "serve: --port is no number"),
        (("--nothing",), "serve: unknown option --nothing"),
        (("--release", "ogx"), "serve: --release lacks its value"),
    ],
)
def test_options_that_make_no_sense_are_refused(image: Image, options: tuple[str, ...], message: str):
    image.server("sys.exit(0)")
    image.options = lambda *_, **__: list(options)  # type: ignore[method-assign]
    done = image.run()
    assert (done.status, done.err) == (2, f"{message}\n")
