"""Decides what a stack should consist of. Pure: a snapshot in, a plan out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.child import Child, Desired
from llamastack_operator.objects.child_facts import ClaimFacts
from llamastack_operator.objects.config_map import text_size
from llamastack_operator.objects.resources import DEPLOYMENTS, HORIZONTALPODAUTOSCALERS
from llamastack_operator.planning.stack.image_verdict import BuildWish
from llamastack_operator.planning.stack.preflight import Preflight, preflight_of
from llamastack_operator.planning.stack.programs import is_proven, programs_that_run
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.stopping import read_findings
from llamastack_operator.workloads.children import autoscaled, children, proven_config_map, revision_of
from llamastack_operator.workloads.desired import Owner
from llamastack_operator.workloads.names import created_claim_name, replicas
from llamastack_operator.workloads.run_config import SIZE_LIMIT
from llamastack_operator.workloads.runtime import Runtime, StartProgram
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_resolver.findings import Finding, Findings, Severity
from llamastack_resolver.reasons import ConfigReason


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pass is to do.

    Attributes:
        findings: what is wrong or worth knowing.
        desired: the objects to bring into being, or None where errors forbid to touch what runs.
        obsolete: objects that the stack no longer has.
        builds: the builds that it runs or waits for.
        program: the program that its pods are checked and run by; None for pods of before there was one.
        preflight: how the preflight of the wanted revision stands; None where there is none. While it holds the
            roll-out, `desired` has no Deployment.
        scale: how many pods the Deployment is to have that is held; None where that is no question.
    """

    findings: tuple[Finding, ...]
    desired: tuple[Desired, ...] | None
    obsolete: tuple[Child, ...] = ()
    builds: tuple[BuildWish, ...] = ()
    program: StartProgram | None = None
    preflight: Preflight | None = None
    scale: int | None = None


def plan(snapshot: Snapshot, settings: WorkloadSettings) -> Plan:
    """Return the plan for a snapshot.

    An error leaves everything as it is: a wrong edit never takes down a stack that serves.
    """
    stack, run_config, image = snapshot.stack, snapshot.run_config, snapshot.image
    spec, findings = stack.spec, findings_of(snapshot)
    if spec is None or run_config is None or any(item.severity is Severity.ERROR for item in findings):
        return Plan(findings, None)
    if image is None or image.runtime is None:
        # Until the newest image exists, what runs goes on running.
        return Plan(findings, None, builds=image.wishes if image else ())
    wanted, program = _wanted(snapshot, spec, image.runtime, run_config, settings)
    marker = proven_config_map(Owner(stack.key, stack.uid), wanted)
    proven = marker is not None and is_proven(snapshot, marker, revision_of(wanted))
    preflight = preflight_of(snapshot, wanted, proven, settings)
    if preflight is not None and preflight.holds:
        # What serves needs its config, and whatever else is obsolete only when it has been replaced.
        others = tuple(item for item in wanted if item.resource is not DEPLOYMENTS)
        return Plan(findings, others, (), image.wishes, program, preflight, _scale(snapshot, spec))
    if marker is not None and proven:
        wanted.append(marker)
    obsolete = obsolete_children(snapshot, wanted)
    return Plan(findings, tuple(wanted), obsolete, image.wishes, program, preflight)


def _wanted(
    snapshot: Snapshot, spec: LlamaStackSpec, runtime: Runtime, run_config: str, settings: WorkloadSettings
) -> tuple[list[Desired], StartProgram | None]:
    """Return the wanted objects, and the program that is in their pods.

    Pods that run keep the program that they were made with until something else of them changes: an upgrade of the
    operator restarts nothing.
    """
    referred, owner = snapshot.referred, Owner(snapshot.stack.key, snapshot.stack.uid)
    shared = shares_volume(snapshot)

    def made(program: StartProgram | None) -> list[Desired]:
        with_program = replace(runtime, program=program)
        return children(owner, spec, with_program, run_config, referred.digest, shared, settings, referred.files)

    for program in programs_that_run(snapshot, settings):
        wanted = made(program)
        if snapshot.deployment is not None and revision_of(wanted) == snapshot.deployment.revision:
            return wanted, program
    return made(settings.program), settings.program


def _scale(snapshot: Snapshot, spec: LlamaStackSpec) -> int | None:
    """Return how many pods a Deployment that is held is to have; None where an autoscaler says it, be it an obsolete
    one."""
    is_scaled = any(child.resource is HORIZONTALPODAUTOSCALERS for child in snapshot.children)
    return None if is_scaled or autoscaled(spec) else replicas(spec)


def findings_of(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return what is wrong with a stack itself and with all that it refers to."""
    referred, own = snapshot.referred, Findings()
    _check_size(snapshot, own)
    _check_claim(snapshot, own)
    read = read_findings(snapshot.stack, snapshot.facts.reading)
    return (*snapshot.stack.findings, *referred.findings, *read, *snapshot.install_findings, *own)


def shares_volume(snapshot: Snapshot) -> bool:
    """Tell whether an old and a new pod can have the state volume at the same time."""
    storage = snapshot.stack.spec and snapshot.stack.spec.server and snapshot.stack.spec.server.storage
    if not storage:
        return True
    if storage.claim_name:
        return "ReadWriteMany" in snapshot.referred.claim_modes
    return storage.access_mode == "ReadWriteMany"


def obsolete_children(snapshot: Snapshot, wanted: list[Desired]) -> tuple[Child, ...]:
    """Return the stack's own objects that are not wanted any more.

    The config of an older revision stays until no pod can need it; a claim that outlives its stack is never deleted.
    """
    names = {(item.resource.kind, item.key) for item in wanted}
    uid, deployment = snapshot.stack.uid, snapshot.deployment
    settled = deployment is not None and deployment.rolled_out
    return tuple(
        child
        for child in snapshot.children
        if (child.resource.kind, child.key) not in names
        and child.owner_uid == uid
        and not child.deleting
        and (child.resource.kind != "ConfigMap" or settled)
        and not (isinstance(child.facts, ClaimFacts) and not child.facts.owned)
    )


def _check_size(snapshot: Snapshot, findings: Findings) -> None:
    """Run config and external files share one ConfigMap, which cannot be larger than 1 MiB."""
    files = snapshot.referred.files
    run_config = snapshot.run_config if files else None
    if run_config is None:
        return
    size = text_size(run_config) + sum(map(text_size, files.values()))
    if size <= SIZE_LIMIT:
        return
    path = "spec.externalProviders"
    message = f"{path}: the run config and the external files are {size} bytes together, over {SIZE_LIMIT}"
    findings.error(ConfigReason.INVALID_RUN_CONFIG, message, path, hint="Make them smaller.")


def _check_claim(snapshot: Snapshot, findings: Findings) -> None:
    spec = snapshot.stack.spec
    if not (spec and spec.server and spec.server.storage and spec.server.storage.size):
        return
    name, uid = created_claim_name(snapshot.stack.key[1]), snapshot.stack.uid
    # One that goes with its owner is waited for where it is applied.
    claims = (child for child in snapshot.children if isinstance(child.facts, ClaimFacts) and not child.facts.owned)
    if not any(claim.key[1] == name and claim.owner_uid != uid for claim in claims):
        return
    path = "spec.server.storage"
    message = f"{path}: the claim {name!r} exists already and was made for another stack"
    hint = f"To use its data write `storage: {{claimName: {name}}}`; else delete the claim."
    findings.error(StackReason.CLAIM_EXISTS, message, path, hint=hint)
