"""Labels and annotations of the operator's own on objects of a stack that was stored before they were refused."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.stack import stack_from
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.world import llamastack, snapshot

PLACES: dict[str, dict[str, Any]] = {
    "spec.server.podTemplate.metadata.labels": {
        "server": {"podTemplate": {"metadata": {"labels": {"llamastack.dev/build": "x", "team": "a"}}}}
    },
    "spec.server.podTemplate.metadata.annotations": {
        "server": {"podTemplate": {"metadata": {"annotations": {"llamastack.dev/build": "x", "team": "a"}}}}
    },
    "spec.network.service.annotations": {
        "network": {"service": {"annotations": {"llamastack.dev/build": "x", "team": "a"}}}
    },
}


@pytest.mark.parametrize("place", PLACES)
def test_each_is_a_warning_with_its_place(place: str) -> None:
    (finding,) = stack_from(llamastack(**PLACES[place])).findings
    assert (finding.severity, finding.reason, finding.path) == (
        "warning",
        "ReservedKey",
        f'{place}["llamastack.dev/build"]',
    )


@pytest.mark.parametrize("key", ["llamastack.dev", "llamastack.developer/x", "x.llamastack.dev/y", "team"])
def test_keys_of_others_are_none(key: str) -> None:
    body = llamastack(server={"podTemplate": {"metadata": {"labels": {key: "x"}}}})
    assert stack_from(body).findings == ()


@pytest.mark.parametrize("place", PLACES)
def test_a_stack_that_was_stored_with_one_loses_nothing_and_is_not_restarted(place: str) -> None:
    """The key stays where it was: without it there would be another template."""
    decided = plan(snapshot(llamastack(**PLACES[place])), WorkloadSettings())
    assert decided.desired is not None
    assert "'llamastack.dev/build': 'x'" in str([item.body for item in decided.desired])
