"""The watching process always ends, with a report that names what the check was at.

Small programs stand for the check: each does on purpose what a provider's code may do to it, and no release of Llama
Stack is needed for that. With real releases and modules it is tests/conformance/test_hostile_modules.py.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llamastack_contract.start_report import StartReport
from llamastack_resolver.start import parent
from tests.unit.resolver.start.programs import ROOT, check, command, environment

ENDINGS = {
    "exits with 0": ("os._exit(0)", "starting remote::mine: ended the process, with status 0"),
    "exits with 3": ("sys.exit(3)", "starting remote::mine: ended the process, with status 3"),
    "raises": ("raise OSError", "starting remote::mine: ended the process, with status 1"),
    "is killed for memory": (
        "os.kill(os.getpid(), signal.SIGKILL)",
        "starting remote::mine: ended by SIGKILL, as at a limit of memory",
    ),
    "ends by a signal": ("os.kill(os.getpid(), signal.SIGTERM)", "starting remote::mine: ended by SIGTERM"),
    "ends its group": ("os.killpg(os.getpgrp(), signal.SIGKILL)", "as at a limit of memory"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "starting remote::mine: ended by SIGSEGV"),
    "hangs": ("time.sleep(999)", "starting remote::mine: not started after 2 s"),
    "stops": ("os.kill(os.getpid(), signal.SIGSTOP)", "starting remote::mine: not started after 2 s"),
    "heeds no signal": (
        "[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(999)",
        "not started after 2 s",
    ),
    "leaves its group": (
        "os.setpgid(0, os.getpgid(os.getppid())); time.sleep(999)",
        "not started after 2 s",
    ),
    "closes what it has": ("os.closerange(0, 99); time.sleep(999)", "not started after 2 s"),
    "tells how": ('tell("ended", "it stopped the event loop"); time.sleep(999)', "it stopped the event loop"),
}


@pytest.mark.parametrize(("program", "words"), ENDINGS.values(), ids=ENDINGS.keys())
def test_an_end_at_a_provider_is_an_error_that_names_it_and_keeps_what_was_found(
    program: str, words: str, tmp_path: Path
):
    warning = {"severity": "warning", "reason": "ProviderDeprecated", "message": "goes", "path": "providers.safety[0]"}
    before = f'tell("finding", {warning!r}); tell("state", {{"api": "safety", "id": "first", "state": "Ready"}})'

    seen = check(f'{before}\nat("mine")\n{program}', tmp_path, "--deadline", "2")

    assert (seen.status, seen.message.verdict, seen.message.release) == (1, "Failed", "0.7.3")
    ((reason, provider, message), (other, _, _)) = seen.errors
    assert (reason, provider, other) == ("InstantiationFailed", "mine", "ProviderDeprecated")
    assert words in message
    assert seen.states == {"first": "Ready", "mine": "Failed"}
    assert (seen.message.errors, seen.message.warnings, seen.message.total, seen.message.failed) == (1, 1, 2, 1)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("os._exit(0)", "the check ended the process, with status 0"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "the check ended by SIGKILL"),
        ("time.sleep(999)", "the check came to no end in 1 s"),
        ("at('mine'); tell('at', None); os._exit(1)", "ended the process, with status 1"),
        ("tell('failed', 'PyYAML cannot be imported here')", "PyYAML cannot be imported here"),
    ],
)
def test_an_end_at_no_provider_keeps_no_server_from_starting(program: str, words: str, tmp_path: Path):
    seen = check(program, tmp_path, "--deadline", "1")

    assert (seen.status, seen.message.verdict) == (0, "CheckFailed")
    assert words in seen.message.message
    assert words in seen.report["message"]
    assert seen.states == {"first": "Unproven", "mine": "Unproven"}


def test_a_check_that_is_done_is_not_waited_for(tmp_path: Path):
    program = """
threading.Thread(target=time.sleep, args=(999,)).start()
subprocess.Popen(["sleep", "998"])
tell("whole"); tell("state", {"api": "safety", "id": "mine", "state": "Ready"}); tell("done")
"""
    seen = check(program, tmp_path, "--deadline", "30")

    assert (seen.status, seen.message.verdict, seen.states) == (0, "Passed", {"mine": "Ready"})
    assert not any("sleep\x00998" in text for text in command_lines())


def command_lines() -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("where", ["sys.stdout", "sys.stderr"])
def test_output_without_end_is_bounded_and_takes_no_memory(where: str, tmp_path: Path):
    program = f"""
print("first words", file={where}, flush=True)
for _ in range(60_000): {where}.write("x" * 999 + "\\n")
tell("done")
"""
    seen = check(program, tmp_path, "--deadline", "60")

    assert (seen.status, seen.message.verdict) == (0, "Passed")
    assert seen.log.startswith(b"first words\n")
    assert seen.log.endswith(b"start-check: what follows of this output is left out\n")
    assert len(seen.log) < 1024 * 1024 + 100
    assert seen.memory < 64


def test_a_log_that_nobody_reads_stops_nothing(tmp_path: Path):
    program = 'sys.stdout.write("x" * 500_000); sys.stdout.flush(); at("mine"); os._exit(0)'
    reader, writer = os.pipe()

    done = subprocess.run(
        command(program, tmp_path, "--deadline", "20"), cwd=tmp_path, env=environment(), stderr=writer, check=False
    )

    assert done.returncode == 1
    assert "mine" in (tmp_path / "log").read_text()
    assert json.loads((tmp_path / "report").read_text())["verdict"] == "Failed"
    os.close(reader)
    os.close(writer)


def test_what_is_printed_is_never_in_the_report(tmp_path: Path):
    program = 'print("{"); os.write(1, b"\\x00\\xff["); os.system("echo of another process"); tell("done")'
    arguments = command(program, tmp_path)
    place = arguments.index("--report")
    del arguments[place : place + 2]

    done = subprocess.run(arguments, cwd=tmp_path, env=environment(), capture_output=True, check=False)

    assert json.loads(done.stdout)["verdict"] == "Passed"
    assert b"of another process" in done.stderr


@pytest.mark.parametrize(
    "forgery",
    [
        'os.write(pipe, b"\\xff\\x00{[[\\n" * 99)',
        'os.write(pipe, b"[" * 100_000 + b"\\n")',
        '[os.write(pipe, b"x" * 99_999) for _ in range(99)]; os.write(pipe, b"\\n")',
        'tell("at", 5); tell("at"); tell(); tell("state", []); tell("release", {}); tell("finding", {"severity": 1})',
        'tell("finding", {"severity": "warning", "message": "\\udcff\\x1b[2J" * 9999, "path": 7, "api": [1]})',
        '[tell("planned", {"id": "x" * 999}) for _ in range(9999)]',
        'tell("ships", "x" * 99_999); tell("ships", 7); tell("ships")',
    ],
)
def test_whatever_is_written_into_its_pipe_the_report_is_one(forgery: str, tmp_path: Path):
    seen = check(f"{forgery}\ntell('done')", tmp_path, "--deadline", "30")

    assert (seen.status, seen.message.verdict) == (0, "Passed")
    assert seen.memory < 128
    assert len((tmp_path / "log").read_bytes()) <= 2048


def test_what_the_release_ships_is_told_with_all_else(tmp_path: Path):
    seen = check('tell("ships", "0123456789abcdef")\ntell("done")', tmp_path)

    assert (seen.message.release, seen.message.specs) == ("0.7.3", "0123456789abcdef")


def test_a_forged_word_of_what_the_release_ships_takes_no_room_from_errors(tmp_path: Path):
    seen = check('tell("ships", "x" * 5000)\nat("mine"); os._exit(3)', tmp_path)

    assert (seen.message.specs, [one.provider for one in seen.message.findings]) == ("", ["mine"])


def test_a_pipe_that_is_written_into_without_end_ends_with_the_deadline(tmp_path: Path):
    seen = check('at("mine")\nwhile True: os.write(pipe, b"x" * 65536)', tmp_path, "--deadline", "2")

    assert (seen.status, seen.errors[0][1]) == (1, "mine")


def test_where_the_status_cannot_be_written_the_report_is(tmp_path: Path):
    (tmp_path / "log").mkdir()
    arguments = command('at("mine"); os._exit(0)', tmp_path)

    done = subprocess.run(arguments, cwd=tmp_path, env=environment(), capture_output=True, check=False)

    assert done.returncode == 1
    assert json.loads((tmp_path / "report").read_text())["verdict"] == "Failed"


def test_errors_can_be_told_without_closing(tmp_path: Path):
    seen = check('at("mine"); os._exit(0)', tmp_path, "--report-only")

    assert (seen.status, seen.message.verdict) == (0, "Failed")


class TestWhatWasReadyOnce:
    """A drain during a backend's outage is not made worse by us."""

    def test_starts_again_whatever_is_found(self, tmp_path: Path):
        (tmp_path / "ready").touch()

        seen = check('at("mine"); os._exit(0)', tmp_path, "--proven", str(tmp_path / "ready"))

        assert (seen.status, seen.message.verdict) == (0, "Failed")

    def test_is_not_waited_for_and_nothing_is_concluded_from_that(self, tmp_path: Path):
        (tmp_path / "ready").touch()

        seen = check('at("mine"); time.sleep(999)', tmp_path, "--deadline", "100", "--proven", str(tmp_path / "ready"))

        assert (seen.status, seen.message.verdict, seen.message.errors) == (0, "CheckFailed", 0)
        assert seen.message.message == "given up after 10 s, for pods of this revision were ready before"

    def test_is_what_the_operator_says_was_so(self, tmp_path: Path):
        seen = check('at("mine"); os._exit(0)', tmp_path, "--proven", str(tmp_path / "ready"))

        assert (seen.status, seen.message.verdict) == (1, "Failed")


def test_a_pod_that_is_taken_down_takes_the_check_along(tmp_path: Path):
    program = 'open("pid", "w").write(str(os.getpid())); os.rename("pid", "started"); time.sleep(999)'
    process = subprocess.Popen(command(program, tmp_path, "--deadline", "60"), cwd=tmp_path, env=environment())
    while not (tmp_path / "started").exists():
        time.sleep(0.01)

    process.send_signal(signal.SIGTERM)

    assert process.wait() == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "started").read_text()), 0)


POINTS = ("parse", "watch", "add_ending", "report_of", "_write_message", "whole_report", "_write_report")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("error", [RuntimeError("sk-canary"), MemoryError(), RecursionError(), OSError(28, "full")])
def test_a_fault_of_the_watching_process_keeps_no_server_from_starting(
    point: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The faults are made: it has none that are known."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(parent, point, fail)
    log, out = tmp_path / "log", tmp_path / "report"

    status = parent.main(["--config", "run.yaml", "--termination-log", str(log), "--report", str(out)])

    report = StartReport.parse(log.read_text())
    assert report is not None
    assert (status, report.verdict) == (0, "CheckFailed")
    assert json.loads(out.read_text())["verdict"] == "CheckFailed"
    assert type(error).__name__ in report.message
    assert "canary" not in log.read_text() + out.read_text()


@pytest.mark.parametrize("options", [[], ["--config"], ["--deadline", "soon", "--config", "x"], ["--frobnicate"]])
def test_options_that_it_does_not_have_keep_no_server_from_starting(options: list[str], tmp_path: Path):
    log = tmp_path / "log"

    assert parent.main([*options, f"--termination-log={log}"]) == 0

    report = StartReport.parse(log.read_text())
    assert report is not None
    assert report.verdict == "CheckFailed"


def test_it_imports_nothing_but_the_standard_library():
    code = (
        "import sys; from llamastack_resolver.start import parent; print(*{n.partition('.')[0] for n in sys.modules})"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'operator')!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )

    others = set(done.stdout.split()) - set(sys.stdlib_module_names) - {"__main__", "sitecustomize"}
    assert {name for name in others if not name.startswith("_")} == {"llamastack_resolver", "llamastack_contract"}
