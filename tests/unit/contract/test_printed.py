"""A record comes back from a log as it was, or not at all."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_contract.printed import NotPrintedError, digest_of, lines_of, printed_record
from llamastack_contract.record import Record
from tests.support.records import RECORD, printed

DIGEST = "sha256:" + "ab" * 32


def log(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


@given(st.lists(st.text(alphabet="abc-.", min_size=1, max_size=40).map(lambda text: f"p{text}p"), max_size=40))
def test_a_record_comes_back_from_the_log_as_it_was(names: list[str]) -> None:
    installed = [{"name": name, "version": "1"} for name in names]
    record = Record.from_dict({**RECORD, "installed": installed})
    lines = ["progress: packing", *lines_of(record.content()), "the end"]
    assert all(len(line) <= 100 for line in lines)
    assert Record.parse(printed_record(log(*lines), digest_of(record.content()))) == record


def test_a_record_of_another_digest_is_not_taken() -> None:
    with pytest.raises(NotPrintedError, match="does not hold"):
        printed_record(printed(RECORD)[0], DIGEST)


def test_a_forged_record_before_the_true_one_is_passed_over() -> None:
    forged, _ = printed({**RECORD, "lock": []})
    lines, digest = printed(RECORD)
    assert Record.parse(printed_record(forged + lines, digest)) == Record.from_dict(RECORD)


def test_a_record_that_only_bears_the_digest_is_refused() -> None:
    forged, wrong = printed({"lock": []})
    _, digest = printed(RECORD)
    with pytest.raises(NotPrintedError, match="not the one"):
        printed_record(forged.replace(wrong, digest), digest)


@pytest.mark.parametrize("body", ["a", base64.b64encode(b"no zlib").decode()])
def test_a_damaged_record_is_refused(body: str) -> None:
    with pytest.raises(NotPrintedError, match="cannot be unpacked"):
        printed_record(log(f"record-begin {DIGEST} 1", body, "record-end"), DIGEST)


def test_a_record_that_grows_without_end_is_not_unpacked() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(200 << 20))).decode()
    with pytest.raises(NotPrintedError, match="not the one"):
        printed_record(log(f"record-begin {DIGEST} 1", bomb, "record-end"), DIGEST)


@given(st.text(max_size=300))
def test_no_log_breaks_the_reader(text: str) -> None:
    with pytest.raises(NotPrintedError):
        printed_record(text, "sha256:" + "0" * 64)
