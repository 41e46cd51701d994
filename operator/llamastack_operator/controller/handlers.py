"""kopf's side of the operator: its events go into the cache and the queue, and nothing else happens here.

State handlers of kopf are not used: they would write annotations and finalizers on users' objects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import kopf

from llamastack_operator.api.base import GROUP, VERSION
from llamastack_operator.api.stack import PLURAL
from llamastack_operator.controller.queue import WorkQueue
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.kube.told import Told
from llamastack_operator.kube.unreadable import Unreadable
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import digits, metadata_of, version_of
from llamastack_operator.objects.slim_json import size_of
from llamastack_operator.planning.stack.stack import Stack, stack_from

_PAGE = 10
"""Stacks per page of a list: one can be 1.5 MB, and a page is read whole."""
_IDENTITY = ("namespace", "name", "uid", "resourceVersion")
_AT_ONCE = 1 << 15
"""Bytes of a run config that is read in a few milliseconds whatever it is."""


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
    settings.watching.chunk_size = _PAGE
    settings.process.ultimate_exiting_timeout = 10


def register(
    registry: kopf.OperatorRegistry,
    client: Client,
    stacks: Cache[Stack],
    queue: WorkQueue[Key],
    unreadable: Unreadable,
) -> None:
    """Register the login and the one handler there is."""
    watched = Watched(stacks, queue, unreadable)
    told = Told(watched.is_known)

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        # Called again whenever the API server does not know us any more, for example when a token has run out.
        return kopf.AiohttpSession(server=client.configuration.host, aiohttp_session=await client.session(told))

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def on_stack(event: Any, **_: Any) -> None:
        await watched.observe(event)


class Watched:
    """Takes events of LlamaStacks into the cache.

    Args:
        stacks: the cache.
        queue: where a pass is asked for.
        unreadable: what cannot be read.
    """

    def __init__(self, stacks: Cache[Stack], queue: WorkQueue[Key], unreadable: Unreadable) -> None:
        self._stacks = stacks
        self._queue = queue
        self._unreadable = unreadable
        self._large = asyncio.Lock()

    async def observe(self, event: Any) -> None:
        """Take one event into the cache and ask for a pass, unless it tells nothing new.

        Events of one object have to be waited for one after the other, as kopf does. A large run config takes long, and
        much memory: the event loop goes on meanwhile, and there is one at a time.
        """
        body, kind = event["object"], event["type"]
        if not self._is_news(body, kind):
            return
        if size_of(body) < _AT_ONCE:
            stack = self._unreadable.read(body, stack_from)
        else:
            async with self._large:
                stack = await asyncio.to_thread(self._unreadable.read, body, stack_from)
        if stack is not None and self._stacks.put(stack):
            self._queue.add(stack.key, listed=kind is None)

    def is_known(self, metadata: Mapping[str, Any]) -> bool:
        """Tell whether a version of a stack, or a later one, is in the cache: mostly the echo of a status."""
        namespace, name, uid, text = (str(metadata.get(field)) for field in _IDENTITY)
        version = digits(text)
        return version is not None and self._stacks.knows((namespace, name), uid, version)

    def _is_news(self, body: Any, kind: str | None) -> bool:
        """Tell whether a stack has to be read anew; one that was deleted is forgotten."""
        metadata = self._unreadable.read(body, metadata_of)
        if metadata is None:
            return False
        key = (metadata["namespace"], metadata["name"])
        if kind == "DELETED":
            if self._stacks.remove(key, metadata["uid"]) is not None:
                self._queue.add(key)
            return False
        known = self._stacks.get(key)
        return known is None or version_of(metadata) > known.version
