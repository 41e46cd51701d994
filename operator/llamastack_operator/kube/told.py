"""What kopf was told of LlamaStacks, and what it has to be told besides: deletes that fell between two lists.

A watch that was away for too long is answered 410. kopf then lists anew, and nothing tells of what is not in the list:
a stack that was deleted meanwhile would stay for ever, with objects that are made and collected without end. kopf's
requests go through a session of ours (`responses.py`), so lists and events are noted here, and the watch that follows
a list begins with a DELETED event for each stack that is not there any more. What kopf was told counts, not a cache
behind it: an event can still wait for its turn.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
from yarl import URL

from llamastack_operator.kube.backoff import Backoff
from llamastack_operator.kube.restored import check_item, check_version
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import UnreadableError, mapping, metadata_of, version_of
from llamastack_operator.objects.resources import LLAMASTACKS
from llamastack_operator.objects.slim_json import IsKnown

ERRORS = 3
"""Errors that a watch tells in a row until it begins with a list."""
_GONE = 410

logger = logging.getLogger(__name__)


class ToldCollection:
    """What was told of one collection: of one namespace, or of all.

    Args:
        is_known: tells which objects need not be told, since they are known as they are: echoes of own writes.

    Attributes:
        backoff: the delays between watches of it.
    """

    def __init__(self, is_known: IsKnown = lambda _: False) -> None:
        self.is_known = is_known
        self.backoff = Backoff()
        self._known: dict[str, tuple[Key, int]] = {}
        self._listed: set[str] = set()
        self._missed: set[str] = set()
        self._version = 0
        self._errors = 0

    def __len__(self) -> int:
        return len(self._known)

    def page(self, page: Any, first: bool) -> None:
        """Note a page of a list.

        Args:
            page: the decoded answer.
            first: whether a list begins with it.

        Raises:
            RestoredError: the API server's store was set back.
            UnreadableError: it is no page of a list.
        """
        metadata = mapping(page, "metadata")
        version = version_of(metadata)
        if first:
            self._listed = set()
            check_version(LLAMASTACKS.plural, self._version, version)
        for body in page.get("items") or ():
            self._list(body, version)
        if not metadata.get("continue"):
            self._version, self._errors = version, 0
            self._missed = self._known.keys() - self._listed
            self._listed = set()

    def missed(self) -> Iterator[bytes]:
        """Yield a line of a watch for each object whose delete was missed; it counts as told once it was taken."""
        while self._missed:
            uid = next(iter(self._missed))
            (namespace, name), _ = self._known[uid]
            # kopf goes on from the version of the last event: so it is that of the list.
            metadata = {"namespace": namespace, "name": name, "uid": uid, "resourceVersion": str(self._version)}
            body = {"apiVersion": LLAMASTACKS.api_version, "kind": LLAMASTACKS.kind, "metadata": metadata}
            logger.info("LlamaStack %s/%s was deleted while no watch told of it", namespace, name)
            yield json.dumps({"type": "DELETED", "object": body}).encode() + b"\n"
            self._missed.discard(uid)
            self._known.pop(uid, None)

    def event(self, event: Any) -> Any:
        """Note an event, and return it as kopf is to have it.

        An error is none that ends the process, as kopf would have it: the watch is opened again, and after some of
        them begins with a list.

        Raises:
            aiohttp.ClientPayloadError: the watch told an error; kopf opens another one.
        """
        kind = event.get("type") if isinstance(event, dict) else None
        if kind == "ERROR":
            return self._error(event)
        try:
            self._note(kind, event["object"])
        except (UnreadableError, AttributeError, KeyError, TypeError):
            return event  # What kopf hands on is read again, and told there.
        self._errors = 0
        return event

    def _list(self, body: Any, listed: int) -> None:
        try:
            metadata = metadata_of(body)
        except (UnreadableError, AttributeError):
            return
        uid, version = metadata["uid"], version_of(metadata)
        known = None if uid in self._listed else self._known.get(uid)
        check_item(LLAMASTACKS.plural, known[1] if known else 0, version, listed)
        self._listed.add(uid)
        self._known[uid] = (_key(metadata), version)

    def _note(self, kind: Any, body: Any) -> None:
        version = version_of(mapping(body, "metadata"))
        self._version = max(self._version, version)
        if kind == "BOOKMARK":
            return
        metadata = metadata_of(body)
        if kind == "DELETED":
            self._known.pop(metadata["uid"], None)
            self._missed.discard(metadata["uid"])
        else:
            self._known[metadata["uid"]] = (_key(metadata), version)

    def _error(self, event: Any) -> Any:
        status = event.get("object")
        if is_gone(event):
            return event
        self._errors += 1
        if self._errors >= ERRORS:
            return {"type": "ERROR", "object": {"kind": "Status", "code": _GONE, "reason": "Expired"}}
        message = status.get("message") if isinstance(status, dict) else None
        raise aiohttp.ClientPayloadError(f"the watch of {LLAMASTACKS.plural} told an error: {str(message)[:256]}")


class Told:
    """What kopf was told, whatever sessions it had.

    Args:
        is_known: tells which objects need not be told (see `ToldCollection`).
    """

    def __init__(self, is_known: IsKnown = lambda _: False) -> None:
        self._is_known = is_known
        self._collections: dict[str, ToldCollection] = {}

    def of(self, url: URL) -> ToldCollection | None:
        """Return what was told of the LlamaStacks at a URL, or None where there are others."""
        if f"/apis/{LLAMASTACKS.api_version}/" not in url.path or url.name != LLAMASTACKS.plural:
            return None
        return self._collections.setdefault(url.path, ToldCollection(self._is_known))

    def __len__(self) -> int:
        return sum(map(len, self._collections.values()))


def is_gone(event: Any) -> bool:
    """Tell whether an event says that the watch's version is too old, so that a list has to follow."""
    status = event.get("object") if isinstance(event, dict) and event.get("type") == "ERROR" else None
    return isinstance(status, dict) and status.get("code") == _GONE


def _key(metadata: Mapping[str, Any]) -> Key:
    # A thousand stacks of a namespace need its name once.
    return sys.intern(metadata["namespace"]), metadata["name"]
