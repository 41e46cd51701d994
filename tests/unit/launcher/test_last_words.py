"""What a server that failed leaves in its termination message. Where a secret takes its way through the pipes and the
memory of the launcher, the processes are real."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_contract.limits import MESSAGE_BYTES, TAIL_CHARACTERS
from llamastack_launcher.last_words import message, redacted
from llamastack_launcher.options import Options
from llamastack_launcher.tail import KEPT, Tail
from llamastack_resolver import redact
from tests.unit.launcher.image import Image

CANARY = "sk-canary-0123456789"
OPTIONS = Options(["--config", "F", "--port", "1"])
CHUNKS = st.lists(st.tuples(st.sampled_from((1, 2)), st.binary(max_size=40)), max_size=30)


def test_the_last_lines_of_both_streams_are_told(image: Image):
    image.server("""
        for number in range(1000):
            print("line", number, flush=True)
        print("an error", file=sys.stderr)
        sys.exit(1)
    """)
    done = image.run()
    assert len(done.out.splitlines()) == 1000
    head, *lines = image.message
    assert head == "the server ended by itself, with status 1"
    assert "line 999" in lines
    assert "an error" in lines
    assert MESSAGE_BYTES - 40 < image.log.stat().st_size <= MESSAGE_BYTES


def test_no_secret_is_told_however_the_streams_are_mixed(image: Image):
    image.variables["SOME_API_KEY"] = CANARY
    image.server("""
        key = os.environ["SOME_API_KEY"].encode()
        os.write(1, b"begins " + key[:9])
        time.sleep(0.05)
        os.write(2, b"another line\\n")
        time.sleep(0.05)
        os.write(1, key[9:] + b" ends\\n")
        os.write(2, b"x" * 230 + key + b"\\n")
        os.write(2, b"the end: " + key)
        sys.exit(1)
    """)
    done = image.run()
    assert f"begins {CANARY} ends\n" in done.out, "the log is the container's own"
    told = "\n".join(image.message)
    assert "another line" in told
    assert "begins [redacted] ends" in told
    assert "the end: [redacted]" in told
    assert not any(part in told for part in (CANARY, CANARY[:9], CANARY[9:]))


def test_where_secrets_cannot_be_told_no_line_is(monkeypatch: pytest.MonkeyPatch):
    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(redact.Redactor, "both_ends", fails)
    assert redacted("a line", OPTIONS, {}) == ""


def test_what_is_secret_is_known_by_the_names_of_variables_and_by_the_run_config(tmp_path: Path):
    config = tmp_path / "run.yaml"
    config.write_text(f"providers: {{inference: [{{config: {{api_key: {CANARY}, url: 'http://u:pass-word@a'}}}}]}}\n")
    options = Options(["--config", str(config), "--port", "1", "--secret", "GREETING", "--public", "PLACE"])
    variables = {"GREETING": "good-morning", "PLACE": "a-public-place"}
    told = redacted(f"{CANARY} http://u:pass-word@a good-morning a-public-place", options, variables)
    assert told == "[redacted] http://[redacted]@a [redacted] a-public-place"


@given(st.text(), st.text(max_size=5000))
def test_any_text_becomes_a_bounded_message_of_printable_lines(how: str, text: str):
    told = message(how, text)
    assert len(told.encode()) <= MESSAGE_BYTES
    assert all(len(line) <= TAIL_CHARACTERS for line in told.split("\n"))
    assert all(line.isprintable() or line.strip() for line in told.split("\n")[1:])


@given(st.lists(st.text("abcdefghij é", min_size=1, max_size=300), max_size=40))
def test_of_many_lines_the_newest_are_kept(lines: list[str]):
    kept = message("how", "\n".join(lines)).split("\n")[1:]
    shown = [line for line in message_lines(lines) if line]
    assert kept == shown[len(shown) - len(kept) :]
    if len(kept) < len(shown):
        assert len(message("how", "\n".join(lines)).encode()) > MESSAGE_BYTES - 4 * TAIL_CHARACTERS


def message_lines(lines: list[str]) -> list[str]:
    plain = [" ".join(line.split()) for line in lines]
    return [line if len(line) <= TAIL_CHARACTERS else line[: TAIL_CHARACTERS - 1] + "…" for line in plain]


def test_lines_of_marks_alone_take_no_room():
    assert message("how", "await it()\n    ^^^^^\n\n----\nValueError: no\n") == "how\nawait it()\nValueError: no"


@given(CHUNKS)
def test_each_stream_keeps_its_lines_whole_whatever_the_other_prints(chunks: list[tuple[int, bytes]]):
    tail = Tail()
    for stream, data in chunks:
        tail.add(stream, data)
    text = tail.text()
    for stream in (1, 2):
        own = b"".join(data for one, data in chunks if one == stream)
        assert all(line.decode("utf-8", "replace") in text for line in own.split(b"\n"))
    assert len(text) <= sum(len(data) for _, data in chunks) + 1


@pytest.mark.parametrize("line", [b"k" * 999 + b"\n", b"k" * 1000])
def test_little_is_kept_of_much_and_no_line_that_was_cut(line: bytes):
    tail = Tail()
    for _ in range(1000):
        tail.add(1, b"secret-" + line)
    text = tail.text()
    assert KEPT // 4 < len(text) <= 3 * KEPT
    if line.endswith(b"\n"):
        assert set(text.split("\n")) == {"secret-" + "k" * 999, ""}


def test_a_line_that_was_cut_keeps_no_half_of_what_was_in_it_when_it_ends():
    tail = Tail()
    tail.add(1, CANARY.encode())
    tail.add(1, b"x" * (KEPT - len(CANARY) // 2))
    tail.add(1, b"\nnext\n")
    assert CANARY[len(CANARY) // 2 :] not in tail.text()
    assert tail.text().endswith("x\nnext\n")
