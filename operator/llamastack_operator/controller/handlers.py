"""kopf's side of the operator: its events go into the cache and the queue, and nothing else happens here.

State handlers of kopf are not used: they would write annotations and finalizers on users' objects.
"""

from __future__ import annotations

from typing import Any

import kopf

from llamastack_operator.api.base import GROUP, VERSION
from llamastack_operator.api.stack import PLURAL
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.unreadable import Unreadable
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import metadata_of, version_of
from llamastack_operator.planning.stack.stack import Stack, stack_from


class NoProgressStorage(kopf.ProgressStorage):
    """Keeps no progress on objects: there is none without state handlers."""

    def fetch(self, *, key: Any, body: Any) -> None:
        """Find nothing."""

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        """Store nothing."""

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        """Purge nothing."""

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        """Touch nothing."""

    def clear(self, *, essence: Any) -> Any:
        """Return the essence as it is."""
        return essence


class NoDiffBaseStorage(kopf.DiffBaseStorage):
    """Keeps no last state on objects: without state handlers nobody asks for differences."""

    def build(self, *, body: Any, extra_fields: Any = None, ignored_fields: Any = None) -> Any:
        """Return an empty essence, and save the deep copy of every object at every event."""
        return {}

    def fetch(self, *, body: Any) -> None:
        """Find nothing."""

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        """Store nothing."""


def configure(settings: kopf.OperatorSettings) -> None:
    """Set kopf up as a pure watcher."""
    settings.persistence.progress_storage = NoProgressStorage()
    settings.persistence.diffbase_storage = NoDiffBaseStorage()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.queueing.idle_timeout = 1
    settings.watching.chunk_size = 100
    settings.process.ultimate_exiting_timeout = 10


def register(
    registry: kopf.OperatorRegistry,
    client: Client,
    stacks: Cache[Stack],
    queue: WorkQueue[Key],
    unreadable: Unreadable,
) -> None:
    """Register the login and the one handler there is."""

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        # Called again whenever the API server does not know us any more, for example when a token has run out.
        return kopf.AiohttpSession(server=client.configuration.host, aiohttp_session=await client.session())

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def on_stack(event: Any, **_: Any) -> None:
        observe(event, stacks, queue, unreadable)


def observe(event: Any, stacks: Cache[Stack], queue: WorkQueue[Key], unreadable: Unreadable) -> None:
    """Take one event of a LlamaStack into the cache and ask for a pass, unless it tells nothing new."""
    body, kind = event["object"], event["type"]
    metadata = unreadable.read(body, metadata_of)
    if metadata is None:
        return
    key = (metadata["namespace"], metadata["name"])
    if kind == "DELETED":
        if stacks.remove(key, metadata["uid"]) is not None:
            queue.add(key)
        return
    known = stacks.get(key)
    if known is not None and version_of(metadata) <= known.version:
        return
    stack = unreadable.read(body, stack_from)
    if stack is not None and stacks.put(stack):
        queue.add(key, listed=kind is None)
