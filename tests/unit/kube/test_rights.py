"""The table of rights speaks of modules that there are; what it grants is compared elsewhere with roles and use."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from llamastack_operator.kube.rights import RIGHTS, Right, granted, requested


@pytest.mark.parametrize(
    "right", RIGHTS, ids=lambda right: f"{right.resource.plural}-{right.subresource}-{right.verbs[0]}"
)
def test_a_right_is_used_by_a_module_that_there_is(right: Right) -> None:
    assert right.used_by
    for module in right.used_by:
        assert find_spec(f"llamastack_operator.{module}") is not None, module


def test_secrets_are_read_by_name_and_pods_are_not_written() -> None:
    assert {verb for _, name, verb in granted() if name == "secrets"} == {"get"}
    assert {verb for _, name, verb in granted() if name == "pods"} == {"list", "watch"}


def test_only_what_the_api_server_asks_for_by_itself_is_no_request() -> None:
    assert {name for _, name, _ in granted() - requested()} == {"llamastacks/finalizers", "llamastackbuilds/finalizers"}
