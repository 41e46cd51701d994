"""What the operator keeps of a LlamaStack of the API."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from llamastack_operator.planning.stack.stack import field_path, stack_from
from tests.support.world import UID, llamastack


def test_identity_and_status_are_kept_as_they_are() -> None:
    body = llamastack(generation=4, status={"release": "0.7.3"})
    kept = stack_from(body)
    assert (kept.key, kept.group, kept.uid, kept.generation) == (("team-a", "bot"), "bot", UID, 4)
    assert kept.version == int(body["metadata"]["resourceVersion"])
    assert kept.status == {"release": "0.7.3"}
    assert not kept.deleting


def test_a_stack_with_a_deletion_timestamp_is_on_its_way_out() -> None:
    body = llamastack()
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert stack_from(body).deleting


def test_the_run_config_is_kept_as_the_text_that_the_server_will_read() -> None:
    run_config = {"version": 2, "providers": {"inference": []}, "text": "\N{SNOWMAN}"}
    kept = stack_from(llamastack(runConfig=run_config))
    assert kept.run_config is not None
    assert yaml.safe_load(kept.run_config) == run_config
    assert kept.findings == ()


def test_a_stack_without_an_inline_run_config_keeps_none() -> None:
    body = llamastack(runConfigFrom={"configMapKeyRef": {"name": "c", "key": "k"}})
    del body["spec"]["runConfig"]
    assert stack_from(body).run_config is None


def test_findings_of_the_spec_and_of_the_run_config_are_told_together() -> None:
    kept = stack_from(llamastack(runConfig=[], server={"port": 1}, colour="red"))
    assert kept.spec is None
    assert [(item.reason, item.path) for item in kept.findings] == [
        ("InvalidSpec", "spec.server.port"),
        ("InvalidSpec", "spec.colour"),
        ("InvalidRunConfig", "spec.runConfig"),
    ]
    assert all(item.message and item.hint for item in kept.findings)


def test_what_was_cut_out_of_a_run_config_is_told() -> None:
    """A run config that is nested too deeply was cut when it was read (see test_bounded.py)."""
    run_config = {"providers": {}, "deep": "(cut out: nested too deeply)"}
    (finding,) = stack_from(llamastack(runConfig=run_config)).findings
    assert finding.message == "spec.runConfig is nested deeper than 100 levels"


@pytest.mark.parametrize("run_config", [[], "text", 7, True])
def test_a_run_config_that_is_no_mapping_is_told_and_not_kept(run_config: Any) -> None:
    kept = stack_from(llamastack(runConfig=run_config))
    assert kept.run_config is None
    assert [item.path for item in kept.findings] == ["spec.runConfig"]


def test_an_object_without_a_spec_is_told_what_it_lacks() -> None:
    body = llamastack()
    del body["spec"], body["status"]
    kept = stack_from(body)
    assert [item.path for item in kept.findings] == ["spec.distribution"]
    assert kept.status == {}


def test_paths_are_written_as_kubectl_does() -> None:
    assert field_path("spec", ("server", "env", 0, "valueFrom")) == "spec.server.env[0].valueFrom"


def test_an_edit_that_a_status_write_overtook_is_still_news() -> None:
    """The status write's version is newer than that of the edit, whose event is yet to come."""
    body = llamastack(generation=2)
    kept, metadata = stack_from(body), body["metadata"]
    assert kept.differs_in_status_from({**metadata, "resourceVersion": "9999", "labels": {"a": "b"}})
    for edit in (
        {"generation": 3},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"annotations": {"llamastack.dev/rebuild": "1"}},
    ):
        assert not kept.differs_in_status_from({**metadata, **edit})
