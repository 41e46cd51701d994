"""Whatever a tenant stores, a pass of it comes to an end with a plan and a status that is small."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings

from llamastack_operator.api.conditions import ConditionType
from llamastack_operator.api.status import STATUS_LIMIT, LlamaStackStatus
from llamastack_operator.controller.reading.frames import LONGEST_ANSWER
from llamastack_operator.planning.stack.bounds import size_of
from llamastack_operator.planning.stack.transitions import transitions
from llamastack_resolver.findings import Severity
from tests.support.any_object import NAMESPACES, SPECS, as_text
from tests.support.passes import NOTHING_THERE, Namespace, a_pass

FEW_EVENTS = 9
"""Most events of one change: of findings, and of Ready."""
ENDLESS = "a." * 100_000
"""A key of which every second character ends a path."""
PROVIDER = {"provider_id": "a", "provider_type": "remote::vllm"}
UNKNOWN_IMAGE = {"image": "registry.example/mine:1"}
"""Its release is concluded from the run config, for which all releases are looked at."""


def with_providers(**sections: Any) -> dict[str, Any]:
    return {"distribution": UNKNOWN_IMAGE, "runConfig": {"providers": sections}}


@settings(suppress_health_check=list(HealthCheck), max_examples=150, deadline=None)
@example({"distribution": UNKNOWN_IMAGE, "runConfig": {"providers": {}, ENDLESS: {}}}, NOTHING_THERE)
@example({"distribution": UNKNOWN_IMAGE, "runConfig": {"providers": {}, "apis": [ENDLESS]}}, NOTHING_THERE)
@example(with_providers(**{ENDLESS: [PROVIDER]}), NOTHING_THERE)
@example(with_providers(inference=[{**PROVIDER, "provider_type": ENDLESS}]), NOTHING_THERE)
@example(with_providers(inference=[{**PROVIDER, "config": {ENDLESS: {"a": "${env.B}"}}}]), NOTHING_THERE)
@given(SPECS, NAMESPACES)
def test_whatever_is_admitted_gets_a_plan_and_a_small_status(spec: dict[str, Any], there: Namespace) -> None:
    """Those that are named took minutes: each of their keys was cut at each of its dots, for each release anew."""
    passed = a_pass(as_text(spec), there)
    assert len(passed.answer) <= LONGEST_ANSWER
    status = passed.status
    LlamaStackStatus.model_validate(status)
    assert size_of(status) <= STATUS_LIMIT
    assert [one["type"] for one in status["conditions"]] == list(ConditionType)
    # No half character is in it, which nobody could send.
    assert json.dumps(status, ensure_ascii=False).encode()
    errors = any(one.severity is Severity.ERROR for one in passed.plan.findings)
    assert errors == (passed.plan.desired is None and not passed.plan.builds)
    assert len(list(transitions({}, status))) <= FEW_EVENTS
