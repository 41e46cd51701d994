"""Whatever the API server admits, a pass can be made of it: specs are drawn from the very schema of the CRD."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from llamastack_operator.api.conditions import ConditionType
from llamastack_operator.api.crd import llamastack_crd
from llamastack_operator.kube.ownership import owned_fields
from llamastack_operator.objects.child import child_from
from llamastack_operator.planning.stack.facts import NOTHING_REFERRED, Referred, StackFacts
from llamastack_operator.planning.stack.inputs.references import references_of
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.world import built, facts, judged, llamastack, referred
from tests.unit.api.admitted import admitted

SETTINGS = WorkloadSettings()
SPEC = llamastack_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda parts: st.lists(parts, max_size=2) | st.dictionaries(st.text(max_size=5), parts, max_size=2),
    max_leaves=6,
)
RIGHT_RUN_CONFIG = {"providers": {"inference": [{"provider_type": "remote::vllm"}]}}
STARTABLE = st.sampled_from([{"package": "llama-stack", "version": "0.7.3"}, {"package": "ogx", "version": "1.0.0"}])


def as_the_api_server_admits(spec: dict[str, Any]) -> dict[str, Any]:
    """Keep the one CEL rule that matters here: exactly one run config."""
    if "runConfig" in spec:
        return {name: value for name, value in spec.items() if name != "runConfigFrom"}
    return {"runConfigFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}, **spec}


def with_an_image(spec: dict[str, Any]) -> dict[str, Any]:
    """Keep another CEL rule: at least one of image and release."""
    distribution = spec.get("distribution") or {}
    return spec if distribution else {**spec, "distribution": {"image": "registry.example/starter:1"}}


ANY = admitted(SPEC, ".spec", {".spec.runConfig": st.dictionaries(st.text(max_size=5), JSON, max_size=3)})
RIGHT = admitted(SPEC, ".spec", {".spec.runConfig": st.just(RIGHT_RUN_CONFIG), ".spec.distribution.release": STARTABLE})
slow = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)


def seen(spec: dict[str, Any], found: Referred = NOTHING_REFERRED) -> StackFacts:
    body = llamastack()
    return facts({**body, "spec": with_an_image(as_the_api_server_admits(spec))}, referred=found)


@slow
@given(ANY)
def test_no_spec_that_is_admitted_stops_a_pass(spec: dict[str, Any]) -> None:
    before = judged(seen(spec, referred(run_config="{}")))
    decided = plan(before, SETTINGS)
    errors = any(finding.severity == "error" for finding in decided.findings)
    assert decided.desired is not None or errors or decided.builds
    status = status_of(before, PassOutcome(decided.findings, applied=False), "now")
    assert [condition["type"] for condition in status["conditions"]] == list(ConditionType)


@slow
@given(RIGHT)
def test_the_models_take_whatever_the_schema_admits(spec: dict[str, Any]) -> None:
    stack = seen(spec).stack
    assert [finding.to_wire() for finding in stack.findings] == []
    assert stack.spec is not None
    assert all(reference.path.startswith("spec.") for reference in references_of(stack.spec))


@slow
@given(RIGHT)
def test_once_everything_is_applied_nothing_is_left_to_do(spec: dict[str, Any]) -> None:
    before = built(seen(spec, referred(run_config="{}", digest="d", claim_modes=("ReadWriteOnce",))))
    wanted = plan(before, SETTINGS).desired
    # A requirement that the schema admits can still be none: then nothing is wanted yet.
    assume(wanted is not None)
    children = []
    for item in wanted or ():
        fields = {"manager": "llamastack-operator", "operation": "Apply", "fieldsV1": owned_fields(item.body)}
        metadata = {**item.body["metadata"], "uid": "u", "resourceVersion": "9", "managedFields": [fields]}
        children.append(child_from(item.resource, {**item.body, "metadata": metadata}))
    after = plan(before.renewed(tuple(children), ()), SETTINGS)
    assert after.desired == wanted
    assert after.obsolete == ()
    assert [child.applied for child in children] == [item.applied for item in wanted or ()]
    assert all(child.belongs_to(before.stack.uid) for child in children)
