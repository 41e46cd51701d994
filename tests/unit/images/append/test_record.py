"""The record of an installation, which a tenant's code may have changed, and the bill of materials made from it."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.images.append.base import Base
from llamastack_operator.images.append.record import Record, decode_record, encode_record, parse_record, read_record
from llamastack_operator.images.append.sbom import sbom
from llamastack_operator.images.failure import MESSAGE_LIMIT, BuildError, failure_message
from llamastack_operator.images.registry.client import digest_of
from llamastack_operator.images.registry.reference import parse_reference

DIGEST = "sha256:" + "ab" * 32
DOCUMENT: dict[str, Any] = {
    "format": 1,
    "kind": "modules",
    "python": "3.13",
    "lock": [{"name": "Some_Thing", "version": "1+cpu", "file": "a.whl", "sha256": "cd" * 32, "index": 0, "url": None}],
    "installed": [{"name": "some-thing", "version": "1+cpu", "license": "MIT"}],
    "base": [{"name": "llama-stack", "version": "0.7.3"}],
    "modules": [],
}


def record() -> Record:
    return parse_record(json.dumps(DOCUMENT).encode())


@given(st.lists(st.text(alphabet="abc-.", min_size=1, max_size=40).map(lambda text: f"p{text}p"), max_size=40))
def test_a_record_comes_back_from_the_output_as_it_was(names: list[str]) -> None:
    installed = [{"name": name, "version": "1"} for name in names]
    content = parse_record(json.dumps({**DOCUMENT, "installed": installed}).encode()).content()
    lines = ["progress: packing", *encode_record(content), "the end"]
    assert all(len(line) <= 100 for line in lines)
    assert decode_record(lines, digest_of(content)).content() == content


def test_a_record_of_another_digest_is_not_taken() -> None:
    with pytest.raises(ValueError, match="no record"):
        decode_record(encode_record(record().content()), DIGEST)


def test_a_record_that_was_changed_on_the_way_is_not_taken() -> None:
    content = record().content()
    begin, *_, end = encode_record(content)
    other = base64.b64encode(zlib.compress(content + b" ")).decode()
    with pytest.raises(ValueError, match="not that of its digest"):
        decode_record([begin, other, end], digest_of(content))


@pytest.mark.parametrize("body", ["!", base64.b64encode(b"no zlib").decode()])
def test_a_damaged_record_is_not_taken(body: str) -> None:
    begin, *_, end = encode_record(record().content())
    with pytest.raises(ValueError, match="damaged"):
        decode_record([begin, body, end], begin.split()[1])


def test_a_record_that_grows_without_end_is_not_unpacked() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(200 << 20))).decode()
    with pytest.raises(ValueError, match="not that of its digest"):
        decode_record([f"record-begin {DIGEST} 1", bomb, "record-end"], DIGEST)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("python", "3.13/../../x"),
        ("kind", "other"),
        ("format", 2),
        ("installed", [{"name": "a\nrecord-end", "version": "1"}]),
        ("installed", [{"name": "a", "version": "1", "license": "a\x1b[2J"}]),
        ("installed", [{"name": "a", "version": 1}]),
        ("lock", [{"name": "a", "version": "1", "file": "f", "sha256": "short"}]),
        ("base", [{"name": "a", "version": "1"}] * 5000),
        ("surprise", True),
    ],
)
def test_a_record_that_is_not_the_installers_is_refused(tmp_path: Path, field: str, value: object) -> None:
    (tmp_path / "llamastack.json").write_text(json.dumps({**DOCUMENT, field: value}))
    with pytest.raises(BuildError) as caught:
        read_record(tmp_path)
    assert caught.value.reason == "Tampered"
    assert field in caught.value.message


def test_a_record_that_is_a_link_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "llamastack.json"
    messages = []
    for make in (lambda: None, lambda: file.symlink_to("/etc/passwd"), lambda: file.write_bytes(bytes(5 << 20))):
        file.unlink(missing_ok=True)
        make()
        with pytest.raises(BuildError) as caught:
            read_record(tmp_path)
        messages.append(caught.value.message)
    assert messages[:2] == ["the installation left no llamastack.json"] * 2
    assert "longer than 4 MiB" in messages[2]


def test_the_bill_of_materials_names_packages_hashes_licences_and_base() -> None:
    ground = Base("docker.io/library/base:1", DIGEST, DIGEST, {}, {}, "x")
    image = parse_reference(f"registry.local:5000/team/stack@{DIGEST}")
    content = sbom(record(), ground, image)
    assert content == sbom(record(), ground, image)
    document = json.loads(content)
    purl = f"pkg:oci/stack@sha256%3A{'ab' * 32}?repository_url=registry.local%3A5000/team/stack"
    assert document["metadata"]["component"]["purl"] == purl
    parts = {component["name"]: component for component in document["components"]}
    assert parts["some-thing"]["purl"] == "pkg:pypi/some-thing@1%2Bcpu"
    assert parts["some-thing"]["hashes"] == [{"alg": "SHA-256", "content": "cd" * 32}]
    assert parts["some-thing"]["licenses"] == [{"license": {"name": "MIT"}}]
    assert parts["docker.io/library/base"]["version"] == DIGEST
    known = {component["bom-ref"] for component in [*document["components"], document["metadata"]["component"]]}
    assert len(known) == len(document["components"]) + 1
    for entry in document["dependencies"]:
        assert {entry["ref"], *entry["dependsOn"]} <= known


@given(st.text(max_size=3000), st.text(max_size=200))
def test_a_failures_message_is_one_line_of_json_within_its_limit(message: str, hint: str) -> None:
    content = failure_message(BuildError("BuildFailed", message, hint), "push")
    assert len(content) <= MESSAGE_LIMIT
    assert "\n" not in json.loads(content)["message"]
    assert json.loads(content)["hint"] == hint
