"""Logs are one JSON object a line, whatever is logged."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from llamastack_operator.logs import JsonFormatter, configure_logging


@contextmanager
def logger() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    log = logging.Logger("llamastack_operator.test")
    log.addHandler(handler)
    yield log, stream


def entry(text: str) -> dict[str, Any]:
    """Decode the one line that was logged."""
    (line,) = text.splitlines()
    decoded: dict[str, Any] = json.loads(line)
    return decoded


def test_an_entry_has_time_level_logger_and_message() -> None:
    with logger() as (log, stream):
        log.warning("%s/%s: %s", "team-a", "bot", "later")
    logged = entry(stream.getvalue())
    assert logged.pop("time").endswith("+00:00")
    assert logged == {"level": "warning", "logger": "llamastack_operator.test", "message": "team-a/bot: later"}


@pytest.mark.parametrize("message", ['quotes " and \\ backslashes', "two\nlines", "\N{SNOWMAN} \ud800", "\x1b[31m"])
def test_a_message_of_any_kind_is_one_line(message: str) -> None:
    with logger() as (log, stream):
        log.error(message)
    assert entry(stream.getvalue())["message"] == message


def test_an_exception_is_part_of_the_entry() -> None:
    with logger() as (log, stream):
        try:
            raise ValueError("broken")
        except ValueError:
            log.exception("the pass failed")
    logged = entry(stream.getvalue())
    assert logged["message"] == "the pass failed"
    assert logged["exception"].endswith("ValueError: broken")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Give the root logger back as it was."""
    log, own = logging.getLogger(), logging.getLogger("llamastack_operator")
    before = (log.handlers[:], log.level, own.level)
    log.handlers.clear()
    yield log
    log.handlers[:], log.level, own.level = before


class TestConfiguration:
    @pytest.fixture(autouse=True)
    def _restored(self, root: logging.Logger) -> None:
        self.root = root

    def test_json_goes_to_standard_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging("json", logging.INFO)
        logging.getLogger("llamastack_operator.x").info("hello")
        told = capsys.readouterr()
        assert told.out == ""
        assert entry(told.err)["message"] == "hello"

    def test_text_is_for_people(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging("text", logging.INFO)
        logging.getLogger("llamastack_operator.x").info("hello")
        assert capsys.readouterr().err.endswith("INFO    llamastack_operator.x: hello\n")

    def test_the_level_is_for_the_operators_own_logs_and_libraries_only_warn(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        configure_logging("text", logging.DEBUG)
        logging.getLogger("llamastack_operator.x").debug("ours")
        logging.getLogger("library").info("chatter")
        logging.getLogger("library").warning("matters")
        told = capsys.readouterr().err
        assert "ours" in told
        assert "matters" in told
        assert "chatter" not in told
