"""Keeps a cache in step with the API server: list page by page, then watch, then again from where it stopped.

The operator's own, because kopf's handlers for children cost a third more CPU and keep twice the memory
(docs/decisions/0003). The list goes through `convert` page by page, so that a start with thousands of objects
never holds them whole. An object that cannot be read is passed over. Else an informer never ends by itself: what it
cannot handle ends the process, for an operator with a dead watch would report old news for ever. So does an API server
whose store was set back (`restored.py`): before a watch goes on from a version, that version is looked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from llamastack_operator.kube.backoff import Backoff
from llamastack_operator.kube.cache import Cache, Cached
from llamastack_operator.kube.client import ApiError, Client, LongPageError
from llamastack_operator.kube.echo import Head
from llamastack_operator.kube.restored import check_item, check_version
from llamastack_operator.kube.unreadable import Unreadable
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import mapping, metadata_of, text, version_of
from llamastack_operator.objects.resources import Resource

PAGE = 250
"""Objects per page of a list, unless they are so large that fewer are asked for."""
INACTIVITY = 90.0
"""Seconds without an event or bookmark after which a watch is taken for dead; bookmarks come each minute."""
ERRORS = 3
"""Errors that a watch tells in a row until it begins with a list."""

logger = logging.getLogger(__name__)


class WatchError(ApiError):
    """A watch told an error as an event."""


class Informer[T: Cached]:
    """One list-and-watch.

    Args:
        client: the API server.
        resource: the kind.
        namespace: the namespace to watch, or None for all.
        convert: makes of an object what the cache keeps, or None for what does not matter.
        cache: where it goes.
        changed: called with the new (or last known) object and whether it came with a list.
        selector: a label selector for the server's side.
        metadata_only: ask for metadata alone.

    Attributes:
        plural: the kind, as in the API's paths.
        synced: set once the first list is in the cache.
        lists: how often all objects were listed.
        unreadable: the objects that were passed over, because they could not be read.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str | None,
        convert: Callable[[dict[str, Any]], T | None],
        cache: Cache[T],
        changed: Callable[[T, bool], None],
        selector: str = "",
        metadata_only: bool = False,
    ) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._convert = convert
        self._cache = cache
        self._changed = changed
        self._query = {"labelSelector": selector} if selector else {}
        self._metadata_only = metadata_only
        self._version: str | None = None
        self.plural = resource.plural
        self._newest = 0
        self._errors = 0
        self.synced = asyncio.Event()
        self.lists = 0
        self.unreadable = Unreadable(resource.plural)

    @property
    def is_synced(self) -> bool:
        """Whether the first list is in the cache."""
        return self.synced.is_set()

    async def run(self) -> None:
        """List and watch for ever; ends only by cancellation or by an error in the operator itself.

        Raises:
            RestoredError: the API server's store was set back.
        """
        backoff = Backoff()
        while True:
            failed, gone, asked = True, False, None
            try:
                if self._version is None:
                    await self._list()
                else:
                    await self._look(self._version)
                backoff.begin()
                await self._watch()
                failed = False
            except ApiError as error:
                gone, asked = error.code == 410, error.retry_after
                self._errors += isinstance(error, WatchError)
                if gone or self._errors >= ERRORS:
                    self._version, self._errors = None, 0
                if not gone:
                    logger.warning("cannot watch %s: %s", self._resource.plural, error)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                logger.info("watch of %s interrupted: %s", self._resource.plural, error or type(error).__name__)
            await asyncio.sleep(backoff.delay(failed=failed, asked=asked, patient=not gone))

    async def _look(self, version: str) -> None:
        """See that the API server has got as far as the version that a watch is to go on from.

        One that was set back would say nothing until it gets there. No selector: the first object at hand will do.
        """
        page = await self._client.list_page(self._resource, self._namespace, {"limit": "1"}, metadata_only=True)
        check_version(self._resource.plural, int(version), version_of(page["metadata"]))

    async def _list(self) -> None:
        self.lists += 1
        query = dict(self._query)
        limit = PAGE
        seen: set[Key] = set()
        # An answer to a write of ours may have told of more than the last watch.
        newest = max([self._newest, *(item.version for item in self._known())])
        while True:
            query["limit"] = str(limit)
            try:
                page = await self._client.list_page(self._resource, self._namespace, query, self._metadata_only)
            except LongPageError:
                limit = max(1, limit // 8)
                continue
            limit = min(PAGE, 2 * limit)
            version = text(page["metadata"], "resourceVersion")
            check_version(self._resource.plural, newest, int(version))
            for body in page.get("items") or []:
                key = self.unreadable.read(body, _key_of)
                if key is not None:
                    if key not in seen:
                        self._check(body, key, int(version))
                    seen.add(key)
                    self._put(body, listed=True)
            token = page["metadata"].get("continue")
            if not token:
                break
            query["continue"] = token
        for key in self._gone(seen, int(version)):
            if (item := self._cache.remove(key)) is not None:
                self._changed(item, True)
        self._version, self._newest = version, int(version)
        self.synced.set()

    def _known(self) -> list[T]:
        return [item for item in self._cache.all() if self._namespace in (None, item.key[0])]

    def _check(self, body: dict[str, Any], key: Key, listed: int) -> None:
        known = self._cache.get(key)
        check_item(self._resource.plural, known.version if known else 0, version_of(body["metadata"]), listed)

    def _gone(self, seen: set[Key], listed: int) -> set[Key]:
        """Return what a list of this version does not have any more; what was written since cannot be in it."""
        return {item.key for item in self._known() if item.key not in seen and item.version <= listed}

    async def _watch(self) -> None:
        query = {**self._query, "resourceVersion": self._version or "", "allowWatchBookmarks": "true"}
        stream = self._client.watch(self._resource, self._namespace, query, self._metadata_only, self._is_known)
        async with contextlib.aclosing(stream) as events:
            while True:
                async with asyncio.timeout(INACTIVITY):
                    event = await anext(events, None)
                if event is None:
                    return
                self._handle(event)

    def _is_known(self, head: Head) -> bool:
        return self._cache.knows(head.key, head.uid, head.version)

    def _handle(self, event: Mapping[str, Any]) -> None:
        body = event["object"]
        if event["type"] == "ERROR":
            raise WatchError(int(body.get("code") or 500), body)
        version = self.unreadable.read(body, _version_of)
        if version is None:
            return
        self._version, self._newest, self._errors = version, int(version), 0
        if event["type"] in ("ADDED", "MODIFIED"):
            self._put(body, listed=False)
        elif event["type"] == "DELETED":
            metadata = self.unreadable.read(body, metadata_of)
            if metadata is None:
                return
            if (item := self._cache.remove((metadata["namespace"], metadata["name"]), metadata["uid"])) is not None:
                self._changed(item, False)

    def _put(self, body: dict[str, Any], listed: bool) -> None:
        item = self.unreadable.read(body, self._convert)
        if item is not None and self._cache.put(item):
            self._changed(item, listed)


def _key_of(body: Any) -> Key:
    metadata = metadata_of(body)
    return metadata["namespace"], metadata["name"]


def _version_of(body: Any) -> str:
    """Return the resourceVersion as it is written, to go on from; a bookmark has no more than that."""
    metadata = mapping(body, "metadata")
    version_of(metadata)
    return text(metadata, "resourceVersion")
