"""Which program pods may go on with, which are still needed, and whether pods that were checked were ready once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llamastack_operator.objects.child import Desired
from llamastack_operator.objects.child_facts import DeploymentFacts
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.workloads.runtime import StartProgram
from llamastack_operator.workloads.settings import WorkloadSettings


def programs_that_run(snapshot: Snapshot, settings: WorkloadSettings) -> Iterator[StartProgram | None]:
    """Yield the program that the pods of a stack were made with, if new pods of theirs could still start; None stands
    for pods of before there was one.

    It is nothing where that is the operator's own program of now, or where there are no pods yet.
    """
    deployment = snapshot.deployment
    if deployment is None or (settings.program and deployment.program == settings.program.sha256):
        return
    if not deployment.program:
        yield None
        return
    program = StartProgram(deployment.program)
    if program.config_map in snapshot.facts.programs:
        yield program


def needed_programs(deployments: Iterable[DeploymentFacts]) -> set[str] | None:
    """Return the ConfigMaps with programs that the pods of some Deployments need, by name; None where that cannot be
    told, for pods of an earlier template may start again until a rollout is at its end."""
    found = list(deployments)
    if not all(one.rolled_out for one in found):
        return None
    return {StartProgram(one.program).config_map for one in found if one.program}


def is_proven(snapshot: Snapshot, marker: Desired, revision: str) -> bool:
    """Tell whether pods of a revision were ready once, or are.

    Args:
        snapshot: the stack.
        marker: what says so where it is there.
        revision: the revision.
    """
    deployment = snapshot.deployment
    uid = snapshot.stack.uid
    maps = (child for child in snapshot.children if child.resource.kind == "ConfigMap" and child.key == marker.key)
    there = any(child.belongs_to(uid) for child in maps)
    return there or (deployment is not None and deployment.revision == revision and serves(deployment))


def serves(deployment: DeploymentFacts) -> bool:
    """Tell whether checked pods of the newest revision, and only those, exist and are ready."""
    return bool(deployment.program) and deployment.rolled_out and deployment.available > 0
