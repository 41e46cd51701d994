"""The result of a build is believed where its digest was told, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_contract.message import PushMessage
from llamastack_contract.record import Record
from llamastack_operator.objects.build_status import BuildStatus
from llamastack_operator.planning.build.result import LostRecordError, parse_record
from llamastack_operator.planning.build.status import collected
from tests.support.build_attempts import build, last_words
from tests.support.records import RECORD, locked, printed


def test_a_record_among_other_lines_is_found() -> None:
    lines, digest = printed(RECORD)
    assert parse_record(f"progress: pushing 1 of 2\n{lines}bye\n", digest) == Record.from_dict(RECORD)


def test_a_log_without_the_record_has_lost_it() -> None:
    with pytest.raises(LostRecordError, match="does not hold"):
        parse_record(printed({"lock": []})[0], printed(RECORD)[1])


@pytest.mark.parametrize(
    "record",
    [
        [],
        {},
        {**RECORD, "lock": 1},
        {**RECORD, "lock": [{**locked("a"), "file": "../a.whl"}]},
        {**RECORD, "python": 3},
        {**RECORD, "modules": [{"requirement": 1}]},
        {**RECORD, "surprise": True},
        "x",
    ],
)
def test_a_record_of_another_shape_is_refused(record: Any) -> None:
    lines, digest = printed(record)
    with pytest.raises(LostRecordError):
        parse_record(lines, digest)


def test_a_status_has_what_was_pushed_and_what_was_installed() -> None:
    message = PushMessage.parse(last_words(total=10, pushed=3))
    status = collected(build(), BuildStatus(attempts=1), message, Record.from_dict(RECORD), "2026-01-01T00:00:00Z")
    assert status.image == message.image
    assert (status.image_size, status.pushed_bytes, status.installed) == (10, 3, 1)
    assert status.modules[0].providers == ("safety/remote::m",)


def test_a_status_is_not_made_of_what_the_schema_refuses() -> None:
    message = PushMessage.parse(last_words(base="main"))
    with pytest.raises(LostRecordError, match="shape"):
        collected(build(), BuildStatus(), message, Record.from_dict(RECORD), "2026-01-01T00:00:00Z")
