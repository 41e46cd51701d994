"""One pass of one stack: gather, plan, apply, and write the status once, if it changed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from llamastack_operator.api.conditions import ConditionType, is_true
from llamastack_operator.controller.reading.readings import Readings
from llamastack_operator.controller.stack.gather import Gatherer
from llamastack_operator.controller.stack.gather_image import ImageGatherer
from llamastack_operator.controller.stack.ghosts import GhostError, UnfoundError, may_be_ghost
from llamastack_operator.controller.stack.memo import Memo
from llamastack_operator.controller.stack.provider_health import ProviderHealth
from llamastack_operator.controller.stack.reasons import ApplyReason
from llamastack_operator.controller.stack.rejection import (
    REFUSALS,
    contention_findings,
    contested_status,
    rejection_findings,
)
from llamastack_operator.controller.stack.report import StatusReporter
from llamastack_operator.controller.stack.versions import Rollout, Told, Versions
from llamastack_operator.controller.worker import FollowUp
from llamastack_operator.kube.apply import Applier, ContendedError, NotOursError
from llamastack_operator.kube.build_keeper import BuildKeeper, NotThisBuildError
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.kube.contention import Contender
from llamastack_operator.kube.events import EventRecorder
from llamastack_operator.kube.preflight_keeper import PreflightKeeper
from llamastack_operator.kube.program_keeper import NotThisProgramError, ProgramKeeper
from llamastack_operator.objects.builds import BuildRecord, owner_entry
from llamastack_operator.objects.child import Child, Desired, Key
from llamastack_operator.objects.resources import CONFIGMAPS, DEPLOYMENTS, LLAMASTACKBUILDS, LLAMASTACKS
from llamastack_operator.planning.image.history import let_go, lost_image
from llamastack_operator.planning.reading.answer import Planned
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.known_image import known_image
from llamastack_operator.planning.stack.leftovers import may_wait
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import Plan, plan
from llamastack_operator.planning.stack.preflight import Preflight, needs, unproven
from llamastack_operator.planning.stack.programs import needed_programs
from llamastack_operator.planning.stack.reading import is_unread
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.stack import Stack
from llamastack_operator.planning.stack.status import status_of
from llamastack_operator.workloads.names import server_port
from llamastack_operator.workloads.settings import WorkloadSettings
from llamastack_resolver.findings import Finding, Findings, Severity

logger = logging.getLogger(__name__)
_SOON = 0.1
"""Seconds until a pass that the status asks for which was written just now: of that no event tells."""


class Reconciler:
    """Runs passes.

    Args:
        client: the API server.
        stacks: the known stacks.
        gatherer: gathers what is known of a stack.
        readings: what is said of it, and what it asks for.
        versions: what its running server says of itself.
        health: what it says of its providers.
        images: judges by that how its image stands.
        builds: the known builds.
        keeper: makes builds and keeps their owners.
        applier: applies objects.
        recorder: posts events.
        settings: defaults for all stacks.
        programs: keeps the program that checks and runs servers.
        preflights: makes the Jobs that check revisions before they are rolled out.
    """

    def __init__(
        self,
        client: Client,
        stacks: Cache[Stack],
        gatherer: Gatherer,
        readings: Readings,
        versions: Versions,
        health: ProviderHealth,
        images: ImageGatherer,
        builds: Cache[BuildRecord],
        keeper: BuildKeeper,
        applier: Applier,
        recorder: EventRecorder,
        settings: WorkloadSettings,
        programs: ProgramKeeper,
        preflights: PreflightKeeper,
    ) -> None:
        self._client = client
        self._stacks = stacks
        self._gatherer = gatherer
        self._readings = readings
        self._images = images
        self._builds = builds
        self._keeper = keeper
        self._applier = applier
        self._recorder = recorder
        self._reporter = StatusReporter(client, stacks, recorder)
        self._settings = settings
        self._programs = programs
        self._preflights = preflights
        self._memo = Memo()
        self._versions = versions
        self._health = health

    async def reconcile(self, key: Key) -> FollowUp:
        """Run one pass and return whether the stack is as it should be, and when to look again.

        Raises:
            ApiError: the API server did not take the status, or the namespace is on its way out.
            OSError, TimeoutError: it could not be reached.
        """
        facts = await self._gatherer.gather(key)
        if facts is not None and not self._readings.knows(facts):
            facts = await self._gatherer.with_texts(facts)
        if facts is None:
            self._memo.forget(key)
            self._versions.forget(key)
            self._health.forget(key)
            self._readings.forget(key)
            self._reporter.forget(key)
            await self._sweep(key[0])
            return FollowUp(True)
        answer = self._readings.of(facts)
        if answer is None:
            return FollowUp(True)  # There is another pass when it was read.
        try:
            return await self._pass(replace(facts, reading=answer.reading), answer.planned)
        except GhostError:
            logger.info("LlamaStack %s/%s is gone, and no watch has told so yet", *key)
            self._stacks.remove(key, facts.stack.uid)
            # Another one may have its name by now.
            return await self.reconcile(key)

    async def _pass(self, facts: StackFacts, planned: Planned | None) -> FollowUp:
        snapshot, again = await self._images.judge(facts, planned, self._settings.images)
        after, outcome = snapshot, self._recall(snapshot)
        if outcome is None:
            decided = plan(snapshot, self._settings)
            outcome = await self._make(snapshot, decided)
            after = self._gatherer.renewed(snapshot)
            if outcome.applied:
                self._memo.remember(after, decided)
        outcome = replace(outcome, health=self._health.told(after))
        status = status_of(after, outcome, _now())
        told = self._told_release(after, status)
        if told is not None:
            status = status_of(after, replace(outcome, asked=True, release=told.release), _now())
        self._health.follow(after, status)
        contested = replace(outcome, findings=(*outcome.findings, *contested_status()))
        try:
            stands = await self._reporter.report(snapshot.stack, status, lambda: status_of(after, contested, _now()))
        except UnfoundError:
            await self._ask(snapshot.stack)
            return FollowUp(False, again)
        await self._tidy(after, outcome)
        current = self._stacks.get(snapshot.stack.key)
        if current is not None and known_image(current) != known_image(snapshot.stack):
            again = _SOON  # It is read anew with what its pods have told of their image.
        failed = any(finding.severity is Severity.ERROR for finding in outcome.findings)
        settled = stands and not (failed or _may_recover(after) or is_unread(facts.reading) or _may_go_on(outcome))
        return FollowUp(settled, _earlier(again, outcome.preflight.again if outcome.preflight else None))

    def _told_release(self, snapshot: Snapshot, status: dict[str, Any]) -> Told | None:
        """Return what the server of a stack that is ready says of its version, which is nothing until it was asked;
        None where that is known already."""
        stack, service = snapshot.stack, snapshot.service
        if not (is_true(status, ConditionType.READY) and status["readyReplicas"]) or stack.spec is None:
            return None
        if is_true(stack.status, ConditionType.READY) and stack.status.get("release"):
            return None
        address = service.cluster_ip if service else ""
        if address in ("", "None"):
            return Told(None)
        rollout = Rollout(stack.uid, stack.generation, address, server_port(stack.spec))
        return self._versions.of(stack.key, rollout) or Told(None)

    async def _ask(self, stack: Stack) -> None:
        """Ask the API server for a stack.

        Raises:
            GhostError: it is gone, or another one has its name.
        """
        body = await self._client.get(LLAMASTACKS, *stack.key, metadata_only=True)
        if body is None or body["metadata"]["uid"] != stack.uid:
            raise GhostError

    async def _make(self, snapshot: Snapshot, decided: Plan) -> PassOutcome:
        """Carry out what was decided, unless the stack is gone."""
        if may_be_ghost(snapshot, decided, self._builds):
            await self._ask(snapshot.stack)
        try:
            return await self._carry_out(snapshot, decided)
        except ApiError as error:
            if error.code == 404:
                # Its namespace may be gone, and it with it.
                await self._ask(snapshot.stack)
            raise

    def _recall(self, snapshot: Snapshot) -> PassOutcome | None:
        """Return the outcome of a pass that finds everything as the last one left it."""
        findings = self._memo.recall(snapshot)
        return None if findings is None else PassOutcome(findings=findings)

    async def _tidy(self, snapshot: Snapshot, outcome: PassOutcome) -> None:
        """Let go of builds and preflights that are not needed any more, and have a lost image made again."""
        stack, image = snapshot.stack, snapshot.image
        if outcome.applied or outcome.preflight is not None:
            for job in snapshot.facts.preflights.jobs:
                if job.owner_uid == stack.uid and not needs(outcome.preflight, job):
                    await self._preflights.release(job)
        if outcome.applied and len(snapshot.facts.programs) > 1:
            await self._sweep(stack.key[0])
        builds = list(self._builds.of(owner_entry(stack.key[0], stack.uid)))
        if image is None or not builds or stack.spec is None:
            return
        wanted = {wish.name for wish in image.wishes}
        deployment = snapshot.deployment
        settled = image.ready and outcome.applied and deployment is not None and deployment.rolled_out
        for build in let_go(builds, stack.uid, wanted, stack.spec.build, settled):
            await self._keeper.release(build, stack.uid)
        lost = lost_image(snapshot, builds, datetime.now(UTC))
        if lost is not None:
            await self._keeper.rerun(lost, lost.status.finished_at or "")

    async def _sweep(self, namespace: str) -> None:
        """Delete the programs that no Deployment of a namespace needs, unless one is just being rolled out."""
        own = {self._programs.program.config_map} if self._stacks.has((namespace, "")) else set[str]()
        if self._programs.names(namespace) <= own:
            return
        needed = needed_programs(self._gatherer.deployments(namespace))
        if needed is not None:
            await self._programs.sweep(namespace, needed | own)

    async def _carry_out(self, snapshot: Snapshot, decided: Plan) -> PassOutcome:
        """Apply what is wanted, side by side, then delete what is not; return what came of it."""
        stack = snapshot.stack
        in_the_way = await self._prepare(stack, decided)
        if in_the_way:
            return PassOutcome(findings=(*decided.findings, *in_the_way), applied=False)
        wanted = decided.desired or ()
        results = await asyncio.gather(*(self._apply(item, stack) for item in wanted))
        problems = Findings(finding for result in results for finding in result)
        if not problems:
            for child in decided.obsolete:
                await self._applier.delete(child)
        findings = (*decided.findings, *problems)
        if decided.preflight is not None and decided.preflight.holds:
            held = await self._hold(snapshot, decided, decided.preflight, ready=not problems)
            return PassOutcome(findings=findings, applied=False, preflight=held)
        applied = decided.desired is not None and not problems
        return PassOutcome(findings=findings, applied=applied, preflight=decided.preflight)

    async def _hold(self, snapshot: Snapshot, decided: Plan, preflight: Preflight, ready: bool) -> Preflight:
        """Scale what serves, and make the preflight for which a roll-out waits.

        Args:
            snapshot: the stack.
            decided: what was decided.
            preflight: how the preflight stands.
            ready: whether all that its pod needs is there.
        """
        stack = snapshot.stack
        for child in snapshot.children:
            is_held = child.resource is DEPLOYMENTS and (child.key, child.owner_uid) == (stack.key, stack.uid)
            if is_held and decided.scale is not None:
                await self._scale(child, decided.scale)
        if preflight.job is None or not ready:
            return preflight
        refused = await self._preflights.start(preflight.job)
        return unproven(preflight, refused) if refused else preflight

    async def _scale(self, deployment: Child, replicas: int) -> None:
        """Scale a Deployment that is held back; one that cannot be as it is waits for its roll-out."""
        try:
            await self._applier.scale(deployment, replicas)
        except ApiError as error:
            if error.namespace_terminating or error.code not in REFUSALS:
                raise
            logger.warning("Deployment %s/%s cannot be scaled while it is held: %s", *deployment.key, error)

    async def _prepare(self, stack: Stack, decided: Plan) -> list[Finding]:
        """See to builds and to the program that checks and runs servers; return what is in the way of them."""
        kind, name, findings = "", "", Findings()
        try:
            for wish in decided.builds:
                kind, name = LLAMASTACKBUILDS.kind, wish.name
                await self._keeper.ensure(stack.key, stack.uid, wish.name, wish.spec)
            if decided.program is not None:
                kind, name = CONFIGMAPS.kind, decided.program.config_map
                await self._programs.ensure(stack.key[0], decided.program)
        except NotThisBuildError as error:
            _report_foreign_build(error, findings)
        except NotThisProgramError as error:
            _report_foreign_program(error, findings)
        except ApiError as error:
            if error.namespace_terminating or error.code not in REFUSALS:
                raise
            return rejection_findings(kind, name, error, stack.spec.to_wire() if stack.spec else {})
        return list(findings)

    async def _apply(self, item: Desired, stack: Stack) -> list[Finding]:
        async def corrected(by: Contender) -> None:
            told = f"{by.manager!r} changed {by.field} of {item.resource.kind} {item.key[1]!r}; it was set back"
            await self._recorder.record(stack.key, stack.uid, ApplyReason.DRIFT_CORRECTED, told, warning=False)

        try:
            await self._applier.apply(item, corrected)
        except NotOursError as error:
            findings = Findings()
            _report_not_ours(error, may_wait(stack, datetime.now(UTC)), findings)
            return list(findings)
        except ContendedError as error:
            # Else the pass after a correction would find all as it should be, and say so until the next change.
            self._memo.forget(stack.key)
            return contention_findings(error, stack.spec.to_wire() if stack.spec else {})
        except ApiError as error:
            # Too many requests: that says nothing of the object.
            if error.namespace_terminating or error.code == 429:
                raise
            spec = stack.spec.to_wire() if stack.spec else {}
            return rejection_findings(item.resource.kind, item.key[1], error, spec)
        return []


def _may_recover(snapshot: Snapshot) -> bool:
    """Tell whether a failed build might succeed with other credentials: Secrets are not watched, so one looks."""
    image, spec = snapshot.image, snapshot.stack.spec
    if image is None or not image.stalled or spec is None or spec.build is None:
        return False
    build = spec.build
    return bool(build.push_secret_ref or build.pull_secret_ref or (build.pip and build.pip.secret_ref))


def _may_go_on(outcome: PassOutcome) -> bool:
    """Tell whether a roll-out was held for a preflight that could not be made: the next pass goes on."""
    return outcome.preflight is not None and not outcome.preflight.holds and not outcome.applied


def _earlier(first: float | None, second: float | None) -> float | None:
    """Return the earlier of two looks; None where neither is due."""
    return min((due for due in (first, second) if due is not None), default=None)


def _report_foreign_build(error: NotThisBuildError, findings: Findings) -> None:
    hint = "Delete it: only the operator writes LlamaStackBuilds; and find out who may."
    findings.error(ApplyReason.NAME_CONFLICT, str(error), "spec.build", hint=hint)


def _report_foreign_program(error: NotThisProgramError, findings: Findings) -> None:
    hint = "Delete it: only the operator writes ConfigMaps of this name; and find out who may."
    findings.error(ApplyReason.NAME_CONFLICT, str(error), "metadata.namespace", hint=hint)


def _report_not_ours(error: NotOursError, may_go: bool, findings: Findings) -> None:
    kind, name = error.resource.kind, error.key[1]
    if error.leftover and may_go:
        message = f"the {kind} {name!r} of an earlier stack of this name is yet to go"
        cure = ApplyReason.WAITING_FOR_CLEANUP.declaration.cure
        findings.error(ApplyReason.WAITING_FOR_CLEANUP, message, "metadata.name", hint=cure)
        return
    if error.leftover:
        message = f"the {kind} {name!r} belongs to an earlier stack of this name"
        hint = "It is normally collected within seconds; if the earlier stack was orphaned, delete the object."
    else:
        message = f"a {kind} {name!r} exists that does not belong to this stack"
        hint = f"Rename the stack, or delete or rename that {kind}."
    findings.error(ApplyReason.NAME_CONFLICT, message, "metadata.name", hint=hint)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
