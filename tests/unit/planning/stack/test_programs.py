"""Which program pods start with: an upgrade of the operator restarts nothing, and a change brings the newest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llamastack_operator.objects.child import Child
from llamastack_operator.objects.child_facts import DeploymentFacts
from llamastack_operator.objects.resources import CONFIGMAPS
from llamastack_operator.planning.stack.plan import Plan, plan
from llamastack_operator.planning.stack.programs import needed_programs
from llamastack_operator.workloads.children import revision_of
from llamastack_operator.workloads.runtime import StartProgram
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.support.world import child, deployment, llamastack, snapshot, with_facts

OLD, NEW = StartProgram("a" * 64), StartProgram("b" * 64)
WITH = {program: WorkloadSettings(program=program) for program in (None, OLD, NEW)}


def planned(
    settings: WorkloadSettings, running: Child | None = None, there: tuple[StartProgram, ...] = (), **spec: Any
) -> Plan:
    found = snapshot(llamastack(**spec), *([running] if running else []))
    names = frozenset(program.config_map for program in there)
    return plan(with_facts(found, programs=names), settings)


def running(program: StartProgram | None, **spec: Any) -> Child:
    """Return the Deployment that an operator with a program made."""
    child = deployment()
    assert isinstance(child.facts, DeploymentFacts)
    made = planned(WITH[program], **spec)
    text = program.sha256 if program else ""
    return replace(child, facts=replace(child.facts, revision=revision_of(made.desired or ()), program=text))


def revision(decided: Plan) -> str:
    return revision_of(decided.desired or ())


def test_a_new_stack_gets_the_operators_own() -> None:
    decided = planned(WITH[NEW])
    assert decided.program == NEW
    assert NEW.config_map in str(decided.desired)


@pytest.mark.parametrize("before", [None, OLD])
def test_pods_keep_what_they_were_made_with(before: StartProgram | None) -> None:
    decided = planned(WITH[NEW], running(before), there=(OLD, NEW))
    assert decided.program == before
    assert revision(decided) == revision(planned(WITH[before]))


@pytest.mark.parametrize("before", [None, OLD])
@pytest.mark.parametrize(
    "spec", [{"suspend": True}, {"server": {"replicas": 3}}, {"network": {"service": {"type": "NodePort"}}}]
)
def test_what_changes_no_pod_keeps_it_too(before: StartProgram | None, spec: dict[str, Any]) -> None:
    assert planned(WITH[NEW], running(before), there=(OLD,), **spec).program == before


@pytest.mark.parametrize("before", [None, OLD])
def test_what_changes_pods_brings_the_newest(before: StartProgram | None) -> None:
    env = {"env": [{"name": "A", "value": "1"}]}
    assert planned(WITH[NEW], running(before), there=(OLD,), server=env).program == NEW


def test_one_that_is_gone_gives_way_to_the_newest() -> None:
    assert planned(WITH[NEW], running(OLD), there=()).program == NEW


def test_one_that_somebody_wrote_into_a_template_is_not_taken() -> None:
    forged = running(OLD)
    assert isinstance(forged.facts, DeploymentFacts)
    forged = replace(forged, facts=replace(forged.facts, program="c" * 64))
    assert planned(WITH[NEW], forged, there=(OLD, StartProgram("c" * 64))).program == NEW


class TestWhatIsNeeded:
    def test_is_what_deployments_name(self) -> None:
        found = [running(program).facts for program in (None, OLD)]
        assert needed_programs(one for one in found if isinstance(one, DeploymentFacts)) == {OLD.config_map}

    def test_is_not_known_while_one_is_rolled_out(self) -> None:
        facts = running(NEW).facts
        assert isinstance(facts, DeploymentFacts)
        assert needed_programs([replace(facts, updated=0)]) is None

    def test_is_nothing_where_there_is_no_deployment(self) -> None:
        assert needed_programs([]) == set()


class TestPodsThatWereReadyOnce:
    """Their check only reports from then on, by a ConfigMap that the template names before it is there."""

    def marker(self, decided: Plan) -> str | None:
        names = [item.key[1] for item in decided.desired or () if "proven" in item.key[1]]
        return names[0] if names else None

    def test_are_told_so_by_a_config_map_beside_their_template(self) -> None:
        ready = running(NEW)
        decided = planned(WITH[NEW], ready, there=(NEW,))
        name = self.marker(decided)
        assert name is not None
        assert revision(decided) == revision(planned(WITH[NEW])), "it is no part of the template"
        assert f"'configMap': {{'name': '{name}', 'optional': True}}" in str(decided.desired)

    @pytest.mark.parametrize("change", [{"available": 0}, {"updated": 0}, {"observed": False}, {"revision": "other"}])
    def test_are_so_only_when_they_are_ready(self, change: dict[str, Any]) -> None:
        ready = running(NEW)
        assert isinstance(ready.facts, DeploymentFacts)
        decided = planned(WITH[NEW], replace(ready, facts=replace(ready.facts, **change)), there=(NEW,))
        assert self.marker(decided) is None

    def test_are_so_for_good(self) -> None:
        ready = running(NEW)
        assert isinstance(ready.facts, DeploymentFacts)
        name = self.marker(planned(WITH[NEW], ready, there=(NEW,)))
        made = child(CONFIGMAPS, str(name))
        gone = replace(ready, facts=replace(ready.facts, available=0))
        found = with_facts(snapshot(llamastack(), gone, made), programs=frozenset({NEW.config_map}))
        assert self.marker(plan(found, WITH[NEW])) == name

    def test_of_another_revision_say_nothing_of_this_one(self) -> None:
        name = self.marker(planned(WITH[NEW], running(NEW), there=(NEW,)))
        env = {"env": [{"name": "A", "value": "1"}]}
        other = self.marker(planned(WITH[NEW], running(NEW, server=env), there=(NEW,), server=env))
        assert other not in (None, name)

    @pytest.mark.parametrize("spec", [{}, {"startup": {"check": "Skip"}}])
    def test_need_no_such_word_where_nothing_is_checked(self, spec: dict[str, Any]) -> None:
        program = NEW if spec else None
        assert self.marker(planned(WITH[program], running(program, **spec), there=(NEW,), **spec)) is None
