"""Makes the Jobs that check revisions before they are rolled out, tells what became of them, and deletes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from llamastack_operator.api.labels import PREFLIGHT_LABEL, REVISION_ANNOTATION
from llamastack_operator.kube.brake import Brake
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.preflights import PreflightJob, PreflightPod, preflight_job_from
from llamastack_operator.objects.resources import JOBS
from llamastack_operator.planning.stack.facts import PreflightFacts

_BUSY = (429, 503, 504)
"""Answers of an API server that is to be asked again."""


class PreflightKeeper:
    """Makes such Jobs, and deletes them.

    Args:
        client: the API server.
        jobs: the known ones; kept in step with the answers.
        pods: their known pods.
    """

    def __init__(self, client: Client, jobs: Cache[PreflightJob], pods: Cache[PreflightPod]) -> None:
        self._client = client
        self._jobs = jobs
        self._pods = pods
        self._brake = Brake()

    def facts(self, stack: Key) -> PreflightFacts:
        """Return what there is of preflights of a stack, now."""
        return PreflightFacts(tuple(self._jobs.of(stack)), tuple(self._pods.of(stack)), datetime.now(UTC))

    async def start(self, body: Mapping[str, Any]) -> str:
        """Make a Job, and return why it cannot be made; empty where it is there.

        Args:
            body: the Job.

        Raises:
            ApiError: the API server is to be asked again, or the namespace goes.
        """
        place = (JOBS.kind, (body["metadata"]["namespace"], body["metadata"]["name"]))
        if self._brake.left(place, "") < 1:
            return "somebody deletes its Job again and again"
        try:
            answer = await self._client.create(JOBS, dict(body))
        except ApiError as error:
            if error.namespace_terminating or error.code in _BUSY:
                raise
            if error.code != 409:
                return f"the API server refused its Job: {error.message}"
            return await self._is_another(body)
        self._brake.wrote(place, "")
        self._jobs.put(preflight_job_from(answer))
        return ""

    async def release(self, job: PreflightJob) -> None:
        """Delete a Job, and its pod with it.

        Raises:
            ApiError: the API server refused.
        """
        await self._client.delete(JOBS, *job.key, uid=job.uid)
        self._jobs.remove(job.key, job.uid)

    async def _is_another(self, body: Mapping[str, Any]) -> str:
        """Return why a Job that has the name is not taken; empty where it is the one that is wanted."""
        metadata = body["metadata"]
        found = await self._client.get(JOBS, metadata["namespace"], metadata["name"])
        job = preflight_job_from(found) if found is not None else None
        if job is None or not _is_as_wanted(job, metadata):
            return f"a Job {metadata['name']!r} exists that is not its own"
        self._jobs.put(job)
        return ""


def _is_as_wanted(job: PreflightJob, metadata: Mapping[str, Any]) -> bool:
    """Tell whether a Job is of the stack and the revision that another one would be of, and is found by its label."""
    (owner,) = metadata["ownerReferences"]
    wanted = owner["uid"], metadata["annotations"][REVISION_ANNOTATION], metadata["labels"][PREFLIGHT_LABEL]
    return (job.owner_uid, job.revision, job.group) == wanted
