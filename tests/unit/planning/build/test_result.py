"""The record of a build is believed where its digest was told, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import json
import textwrap
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.objects.build_status import BuildStatus
from llamastack_operator.planning.build.result import LostRecordError, parse_record, progress_of
from llamastack_operator.planning.build.status import collected
from tests.support.build_attempts import build, last_words

RECORD = {
    "format": 1,
    "python": "3.13",
    "lock": [
        {"name": "m", "version": "1", "file": "m-1-py3-none-any.whl", "sha256": "0" * 64, "index": 0, "url": None}
    ],
    "modules": [
        {
            "requirement": "m==1",
            "distribution": "m",
            "version": "1",
            "importName": "m",
            "providers": [{"api": "safety", "type": "remote::m"}],
        }
    ],
}


def printed(record: Any) -> tuple[str, str]:
    """Return the lines that `push` prints, and the digest that it tells."""
    text = json.dumps(record).encode()
    digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
    packed = "\n".join(textwrap.wrap(base64.b64encode(zlib.compress(text)).decode(), 76))
    return f"record-begin {digest} {len(text)}\n{packed}\nrecord-end\n", digest


def test_a_record_among_other_lines_is_found() -> None:
    lines, digest = printed(RECORD)
    assert parse_record(f"progress: pushing 1 of 2\n{lines}bye\n", digest) == RECORD


def test_a_forged_record_before_the_true_one_is_passed_over() -> None:
    forged, _ = printed({**RECORD, "lock": []})
    lines, digest = printed(RECORD)
    assert parse_record(forged + lines, digest) == RECORD


def test_a_record_that_only_bears_the_digest_is_refused() -> None:
    forged, wrong = printed({"lock": []})
    _, digest = printed(RECORD)
    with pytest.raises(LostRecordError, match="not the one"):
        parse_record(forged.replace(wrong, digest), digest)


@pytest.mark.parametrize("record", [[], {}, {"lock": 1}, {"lock": [0] * 1001}, "x"])
def test_a_record_of_another_shape_is_refused(record: Any) -> None:
    lines, digest = printed(record)
    with pytest.raises(LostRecordError):
        parse_record(lines, digest)


@given(st.text(max_size=300))
def test_no_log_breaks_the_reader(log: str) -> None:
    with pytest.raises(LostRecordError):
        parse_record(log, "sha256:" + "0" * 64)


@given(st.text(max_size=200))
def test_progress_is_plain_words_and_numbers(log: str) -> None:
    told = progress_of(log)
    assert all(character.islower() or character.isdigit() or character == " " for character in told)


def test_the_newest_progress_counts() -> None:
    assert (
        progress_of("progress: resolving\nnoise\nprogress: installing 3 of 17\nprogress: <b>x\n")
        == "installing 3 of 17"
    )


def test_a_status_has_what_was_pushed_and_what_was_installed() -> None:
    told = json.loads(last_words(total=10, pushed=3))
    status, lock = collected(build(), BuildStatus(attempts=1), told, RECORD, "2026-01-01T00:00:00Z")
    assert status.image == told["image"]
    assert (status.image_size, status.pushed_bytes, status.installed) == (10, 3, 1)
    assert status.modules[0].providers == ("safety/remote::m",)
    assert lock == RECORD["lock"]


@pytest.mark.parametrize("wrong", [{"python": 3}, {"modules": [{"requirement": 1}]}])
def test_a_status_is_not_made_of_what_the_schema_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(LostRecordError, match="shape"):
        collected(build(), BuildStatus(), json.loads(last_words()), {**RECORD, **wrong}, "2026-01-01T00:00:00Z")
