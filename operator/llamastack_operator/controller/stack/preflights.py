"""The informers of preflights: the Jobs that check revisions before they are rolled out, and their pods."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from llamastack_operator.api.labels import PREFLIGHT_LABEL
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.informer import Informer
from llamastack_operator.kube.preflight_keeper import PreflightKeeper
from llamastack_operator.objects.preflights import (
    PreflightJob,
    PreflightPod,
    preflight_job_from,
    preflight_pod_from,
)
from llamastack_operator.objects.resources import JOBS, PODS


class Preflights:
    """What is known of preflights.

    Args:
        client: the API server.
        changed: called with a Job or pod that changed, and whether it came with a list.

    Attributes:
        keeper: makes their Jobs, and deletes them.
    """

    def __init__(self, client: Client, changed: Callable[[PreflightJob | PreflightPod, bool], None]) -> None:
        self._client = client
        self._changed = changed
        self._jobs: Cache[PreflightJob] = Cache()
        self._pods: Cache[PreflightPod] = Cache()
        self.keeper = PreflightKeeper(client, self._jobs, self._pods)

    def informers(self, namespace: str | None) -> Iterator[Informer[PreflightJob] | Informer[PreflightPod]]:
        """Yield the informers of a namespace, or of all."""
        client, changed = self._client, self._changed
        yield Informer(client, JOBS, namespace, preflight_job_from, self._jobs, changed, PREFLIGHT_LABEL)
        yield Informer(client, PODS, namespace, preflight_pod_from, self._pods, changed, PREFLIGHT_LABEL)
