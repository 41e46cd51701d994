"""One pass of one build: look at its Job and pod, decide, act, and write the status once, if it changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp

from llamastack_contract.layer import Layer
from llamastack_contract.limits import LOG_BYTES
from llamastack_contract.lock import Locked, stored_lock
from llamastack_contract.message import PushMessage
from llamastack_contract.paths import PUSH
from llamastack_contract.progress import newest_progress
from llamastack_contract.shape import LimitError, ShapeError
from llamastack_operator.api.labels import REBUILD_ANNOTATION
from llamastack_operator.controller.build.turns import Turns
from llamastack_operator.controller.worker import FollowUp
from llamastack_operator.kube.build_objects import InTheWayError, create
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.kube.refusals import refusal
from llamastack_operator.kube.status import write_status
from llamastack_operator.objects.build_config_map import BuildConfigMap, build_config_map
from llamastack_operator.objects.build_status import BuildStatus
from llamastack_operator.objects.builds import BuildJob, BuildPod, BuildRecord, job_from, owner_entry
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import version_of
from llamastack_operator.objects.resources import CONFIGMAPS, JOBS, LLAMASTACKBUILDS
from llamastack_operator.planning.build.decide import BuildDecision, decide, failed, stamp, working
from llamastack_operator.planning.build.failure import Failure
from llamastack_operator.planning.build.leftovers import left_behind
from llamastack_operator.planning.build.reasons import BuildReason
from llamastack_operator.planning.build.result import LostRecordError, parse_record
from llamastack_operator.planning.build.snapshot import BuildSnapshot
from llamastack_operator.planning.build.status import collected
from llamastack_operator.planning.install.reasons import InstallReason
from llamastack_operator.planning.reasons import PodReason
from llamastack_operator.workloads.build_inputs import image_before, inputs_text
from llamastack_operator.workloads.build_job import inputs_config_map, job, lock_config_map, text_digest
from llamastack_operator.workloads.names import lock_name
from llamastack_operator.workloads.settings import WorkloadSettings

logger = logging.getLogger(__name__)
_REFUSALS = (403, 413, 422)
_PROGRESS_BYTES = 4096
_PROGRESS_LINES = 8
_IN_THE_WAY = "delete it, and find out who may write ConfigMaps and Jobs in this namespace"
_FRESH = f"ask for a fresh build: annotate the stack with {REBUILD_ANNOTATION}"


class BuildReconciler:
    """Runs passes of builds.

    Args:
        client: the API server.
        builds: the known builds.
        jobs: the known Jobs of builds, by build.
        pods: the known pods of builds, by build.
        config_maps: the known ConfigMaps of builds, by build.
        turns: knows whose turn it is.
        settings: the operator's settings.
        changed: called with each build whose status was written, since its event will tell nothing new.
    """

    def __init__(
        self,
        client: Client,
        builds: Cache[BuildRecord],
        jobs: Cache[BuildJob],
        pods: Cache[BuildPod],
        config_maps: Cache[BuildConfigMap],
        turns: Turns,
        settings: WorkloadSettings,
        changed: Callable[[BuildRecord], None],
    ) -> None:
        self._changed = changed
        self._client = client
        self._builds = builds
        self._jobs = jobs
        self._pods = pods
        self._config_maps = config_maps
        self._turns = turns
        self._settings = settings
        self._starting = asyncio.Lock()

    async def reconcile(self, key: Key) -> FollowUp:
        """Run one pass and return after how many seconds the next is due, if no event comes before.

        Raises:
            ApiError: the API server refused something.
            OSError, TimeoutError: it could not be reached.
        """
        build = self._builds.get(key)
        if build is None or build.deleting:
            self._turns.left(key)
            return FollowUp(settled=True)
        if build.phase == "Building":
            follow_up = await self._pass(build)
            await self._tidy(build)
            return follow_up
        # One at a time, or two builds could take the last free place.
        async with self._starting:
            failed = True
            try:
                follow_up = await self._pass(build)
                failed = False
            finally:
                self._turns.tried(key, failed)
        return follow_up

    async def _pass(self, build: BuildRecord) -> FollowUp:
        snapshot = await self._snapshot(build)
        decision, lock = decide(snapshot, self._settings), None
        try:
            if decision.action == "start":
                refused = await self._start_unless_refused(build, decision.status.tries)
                decision = decision if refused is None else failed(snapshot, decision.status, refused)
            if decision.action == "restore":
                lost = await self._restore_lock(build)
                decision = decision if lost is None else failed(snapshot, decision.status, lost)
            if decision.action == "stop" and decision.job is not None:
                await self._client.delete(JOBS, *decision.job.key, uid=decision.job.uid)
            if decision.action == "collect" and decision.message is not None:
                decision, lock = await self._collect(snapshot, decision, decision.message)
        except InTheWayError as error:
            failure = Failure(BuildReason.TAMPERED, str(error), retry=True, hint=_IN_THE_WAY)
            decision = failed(snapshot, decision.status, failure)
        except ShapeError as error:
            failure = Failure(BuildReason.LOCK_LOST, f"a stored lock cannot be read: {error}", hint=_FRESH)
            decision = failed(snapshot, decision.status, failure)
        await self._report(build, decision.status, lock)
        return FollowUp(settled=True, again=decision.again)

    async def _snapshot(self, build: BuildRecord) -> BuildSnapshot:
        jobs, pods = tuple(self._jobs.of(build.key)), tuple(self._pods.of(build.key))
        snapshot = BuildSnapshot(build, jobs, pods, may_start=False, now=datetime.now(UTC))
        if build.phase != "Building":
            may_start = snapshot.wants_place and self._turns.may_start(build)
            return replace(snapshot, may_start=may_start, lock_missing=self._lacks_lock(build))
        current, contended, why = snapshot.job, False, ""
        if current is not None and snapshot.is_refused:
            why = await refusal(self._client, current.key, current.uid)
        if snapshot.is_passed_over:
            contended = self._turns.is_contended(build)
        return replace(snapshot, progress=await self._progress(snapshot), contended=contended, refusal=why)

    def _lacks_lock(self, build: BuildRecord) -> bool:
        """Tell whether the ConfigMap is gone from which pods install what a build locked."""
        made = build.phase == "Succeeded" and build.spec.strategy == "Start" and build.locked
        return made and self._config_maps.get((build.key[0], lock_name(build.key[1], build.status.lock_digest))) is None

    async def _tidy(self, build: BuildRecord) -> None:
        """Delete what older tries left; the pod goes with its Job."""
        for older in left_behind(build, self._jobs.of(build.key)):
            await self._client.delete(JOBS, *older.key, uid=older.uid)
        for inputs in left_behind(build, self._config_maps.of(build.key)):
            await self._client.delete(CONFIGMAPS, *inputs.key, uid=inputs.uid)

    async def _progress(self, snapshot: BuildSnapshot) -> str:
        current = next((job for job in snapshot.jobs if job.ended is None), None)
        pod = snapshot.pod_of(current) if current is not None else None
        container = working(pod) if pod is not None else None
        if pod is None or container is None:
            return ""
        try:
            log = await self._client.log(*pod.key, container.name, _PROGRESS_BYTES, _PROGRESS_LINES)
        except (ApiError, TimeoutError, aiohttp.ClientError) as error:
            # Its node may be gone: that is for the pod's status to tell, and no reason to hold this pass up.
            logger.info("%s/%s: no progress can be read: %s", *pod.key, error or type(error).__name__)
            return ""
        return newest_progress(log)

    async def _start_unless_refused(self, build: BuildRecord, attempt: int) -> Failure | None:
        """Start a try; return a failure where the namespace refuses what it is made of, as for a quota.

        Such a build must not stay the one whose turn it is, or it would keep its place from all others.
        """
        try:
            await self._start(build, attempt)
        except ApiError as error:
            return _refused(error, "its Job, or what that reads,")
        return None

    async def _start(self, build: BuildRecord, attempt: int) -> None:
        stored = await self._stored(build.key) if build.locked else None
        lock = None if stored is None else stored_lock(stored)
        earlier = await self._earlier(build)
        before = image_before(build, self._of_the_same_stacks(build))
        text = inputs_text(build, self._settings.images, earlier, lock, before)
        await create(self._client, CONFIGMAPS, inputs_config_map(build, attempt, text))
        made = await create(self._client, JOBS, job(build, attempt, self._settings, text_digest(text)))
        known = job_from(made)
        if known is not None:
            # The next pass comes at once, and would take a Job that no watch has told of for one that was deleted.
            self._jobs.put(known)

    def _of_the_same_stacks(self, build: BuildRecord) -> list[BuildRecord]:
        return [other for uid in build.owner_uids for other in self._builds.of(owner_entry(build.key[0], uid))]

    async def _collect(
        self, snapshot: BuildSnapshot, decision: BuildDecision, message: PushMessage
    ) -> tuple[BuildDecision, tuple[Locked, ...] | None]:
        build = snapshot.build
        pod = snapshot.pod_of(decision.job) if decision.job is not None else None
        try:
            log = await self._client.log(*pod.key, PUSH, LOG_BYTES) if pod is not None else ""
            record = parse_record(log, message.record)
            status = collected(build, decision.status, message, record, stamp(snapshot.now))
            status = replace(status, operator_image=self._settings.images.operator)
        except LimitError as error:
            failure = Failure(InstallReason.LIMIT_EXCEEDED, f"too much for one layer: {error}", hint=error.hint)
            return failed(snapshot, decision.status, failure), None
        except LostRecordError as error:
            failure = Failure(BuildReason.LOCK_LOST, str(error), retry=True)
            return failed(snapshot, decision.status, failure), None
        if build.spec.strategy == "Start":
            text = await self._lock_text(replace(build, status=status), record.lock)
            status = replace(status, lock_digest=text_digest(text))
            try:
                await self._keep_lock(replace(build, status=status), text)
            except ApiError as error:
                # It would hold its place for as long as the namespace has no room.
                return failed(snapshot, decision.status, _refused(error, "the ConfigMap with its lock")), None
        return replace(decision, status=status), record.lock

    async def _lock_text(self, build: BuildRecord, lock: Sequence[Locked]) -> str:
        """Return what pods read to install what a build locked."""
        return inputs_text(build, self._settings.images, await self._earlier(build), lock)

    async def _keep_lock(self, build: BuildRecord, text: str) -> None:
        """Make the ConfigMap from which pods install what a build locked."""
        made = await create(self._client, CONFIGMAPS, lock_config_map(build, text))
        self._config_maps.put(build_config_map(made))

    async def _restore_lock(self, build: BuildRecord) -> Failure | None:
        """Make that ConfigMap again, without which no pod of the stack starts any more; return why that cannot be.

        Pods were told the digest of what was in it, and the operator's settings, which are in it, may be others by now.
        """
        stored = await self._stored(build.key)
        if stored is None:
            return None
        text = await self._lock_text(build, stored_lock(stored))
        if build.status.lock_digest not in (None, text_digest(text)):
            words = "the ConfigMap with its lock was deleted, and the operator's settings are others by now"
            return Failure(BuildReason.LOCK_LOST, words, retry=True)
        logger.warning("%s/%s: the ConfigMap with its lock is gone, and is made again", *build.key)
        await self._keep_lock(build, text)
        return None

    async def _earlier(self, build: BuildRecord) -> list[Layer]:
        """Return the layers, with their locks, that are installed before a build's own."""
        layers: list[Layer] = []
        for name in build.spec.inputs.earlier_builds:
            body = await self._client.get(LLAMASTACKBUILDS, build.key[0], name)
            if body is None:
                raise ApiError(404, {"message": f"the build {name} is gone"})
            lock = stored_lock(body.get("status", {}).get("lock") or [])
            layers.append(replace(Layer.from_dict(body["spec"]["inputs"]["layer"]), lock=lock))
        return layers

    async def _stored(self, key: Key) -> list[str] | None:
        """Return the lock of a build, word for word."""
        body = await self._client.get(LLAMASTACKBUILDS, *key)
        return ((body or {}).get("status") or {}).get("lock")

    async def _report(self, build: BuildRecord, status: BuildStatus, lock: Sequence[Locked] | None) -> None:
        if status == build.status and lock is None:
            return
        texts = None if lock is None else [entry.to_text() for entry in lock]
        if texts is None and build.locked:
            # A field that is not applied any more would be removed.
            texts = await self._stored(build.key)
        full = status.to_wire()
        if texts is not None:
            full["lock"] = texts
        metadata = await write_status(self._client, LLAMASTACKBUILDS, build.key, build.uid, full)
        if metadata is None:
            return
        current = self._builds.get(build.key)
        if current is not None and current.uid == build.uid:
            written = replace(current, version=version_of(metadata), status=status, locked=texts is not None)
            if self._builds.put(written):
                self._changed(written)


def _refused(error: ApiError, what: str) -> Failure:
    """Return the failure of a try of which the namespace refuses a part, as by a quota.

    Raises:
        ApiError: it is no refusal; the API server is to be asked again.
    """
    if error.code not in _REFUSALS or error.namespace_terminating:
        raise error
    return Failure(PodReason.PODS_REFUSED, f"{what} cannot be created: {error}", retry=True)
