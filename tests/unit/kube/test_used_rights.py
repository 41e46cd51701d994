"""How the audit log is read: a wrong reading would let a right that nobody needs, or one that is missing, pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llamastack_operator.kube.rights import requested
from tests.support.used_rights import UsedRights

ACCOUNT = "system:serviceaccount:operator:llamastack-operator"


def entry(verb: str, resource: str = "services", code: int = 200, **parts: Any) -> dict[str, Any]:
    return {
        "user": {"username": ACCOUNT},
        "userAgent": "llamastack-operator/1",
        "verb": verb,
        "objectRef": {"resource": resource},
        "responseStatus": {"code": code},
        **parts,
    }


def asked(folder: Path, *entries: dict[str, Any]) -> set[tuple[str, str, str]]:
    (folder / "audit.log").write_text("".join(json.dumps(one) + "\n" for one in entries))
    used = UsedRights()
    used.add(folder / "audit.log", ACCOUNT)
    return used.asked


def test_an_apply_that_makes_an_object_takes_the_right_to_create(tmp_path: Path) -> None:
    assert asked(tmp_path, entry("patch")) == {("", "services", "patch")}
    assert asked(tmp_path, entry("patch", code=201)) == {("", "services", "patch"), ("", "services", "create")}


def test_groups_and_parts_of_objects_are_told_apart(tmp_path: Path) -> None:
    status = {"resource": "llamastacks", "subresource": "status", "apiGroup": "llamastack.dev"}
    assert asked(tmp_path, entry("patch", objectRef=status)) == {("llamastack.dev", "llamastacks/status", "patch")}


def test_what_others_ask_for_and_what_is_of_no_kind_does_not_count(tmp_path: Path) -> None:
    other = entry("delete", user={"username": "kubernetes-admin"})
    version = entry("get")
    del version["objectRef"]
    assert asked(tmp_path, other, entry("delete", userAgent="kubectl/1"), version) == set()


def test_earlier_parts_of_the_log_count_and_a_line_that_is_being_written_does_not(tmp_path: Path) -> None:
    (tmp_path / "audit-2026-01-01T00-00-00.000.log").write_text(json.dumps(entry("get")) + "\n")
    (tmp_path / "audit.log").write_text(json.dumps(entry("list")) + "\n" + json.dumps(entry("watch"))[:50])
    used = UsedRights()
    used.add(tmp_path / "audit.log", ACCOUNT)
    assert used.asked == {("", "services", "get"), ("", "services", "list")}


def test_more_than_the_table_is_never_right_and_less_only_where_not_all_ran() -> None:
    UsedRights(set(requested())).check(whole=True)
    UsedRights().check(whole=False)
    with pytest.raises(AssertionError, match="asked for by no test"):
        UsedRights().check(whole=True)
    with pytest.raises(AssertionError, match="not in kube"):
        UsedRights({("", "secrets", "list")}).check(whole=False)
