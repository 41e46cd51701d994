"""The record of an installation, which a tenant's code may have changed, and the bill of materials made from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llamastack_contract.record import Record
from llamastack_operator.images.append.base import Base
from llamastack_operator.images.append.record import read_record
from llamastack_operator.images.append.sbom import sbom
from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.reference import parse_reference
from tests.support.records import RECORD

DIGEST = "sha256:" + "ab" * 32
DOCUMENT: dict[str, Any] = {
    **RECORD,
    "lock": [{"name": "Some_Thing", "version": "1+cpu", "file": "a.whl", "sha256": "cd" * 32, "index": 0, "url": None}],
    "installed": [{"name": "some-thing", "version": "1+cpu", "license": "MIT"}],
}


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
        ("surprise", True),
    ],
)
def test_a_record_that_is_not_the_installers_is_refused(tmp_path: Path, field: str, value: object) -> None:
    (tmp_path / "llamastack.json").write_text(json.dumps({**DOCUMENT, field: value}))
    with pytest.raises(BuildError) as caught:
        read_record(tmp_path)
    assert caught.value.reason == "Tampered"
    assert field in caught.value.message


def test_a_record_that_is_missing_or_a_link_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "llamastack.json"
    messages = []
    for make in (lambda: None, lambda: file.symlink_to("/etc/passwd")):
        file.unlink(missing_ok=True)
        make()
        with pytest.raises(BuildError) as caught:
            read_record(tmp_path)
        messages.append(caught.value.message)
    assert messages == ["the installation left no llamastack.json"] * 2


def test_the_bill_of_materials_names_packages_hashes_licences_and_base() -> None:
    ground = Base("docker.io/library/base:1", DIGEST, DIGEST, {}, {}, "x")
    image = parse_reference(f"registry.local:5000/team/stack@{DIGEST}")
    content = sbom(Record.from_dict(DOCUMENT), ground, image)
    assert content == sbom(Record.from_dict(DOCUMENT), ground, image)
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
