"""A small API server in this process, for what a real one cannot be made to do on demand: to keep an event to itself.

It lists, watches, creates, applies, merges and deletes, has a garbage collector, and notes requests. It has no schema
and no managedFields: it shows what the operator does, not what an API server does. Faults of a real one are in
tests/faults.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from contextlib import suppress
from typing import Any, NamedTuple

from aiohttp import web

Body = dict[str, Any]
Place = tuple[str, str, str]
"""Plural, namespace and name."""
_KINDS = ("get", "list", "watch", "patch", "create")


class Write(NamedTuple):
    """A request that was to change something."""

    method: str
    plural: str
    name: str


class SmallApi:
    """What there is, and who watches it.

    Attributes:
        objects: all objects.
        writes: what clients changed, or wanted to.
        lists: how often each kind was listed from the beginning.
        watches: how often each kind was watched.
        blind: kinds of which no event is told.
    """

    def __init__(self) -> None:
        self.objects: dict[Place, Body] = {}
        self.writes: list[Write] = []
        self.lists: defaultdict[str, int] = defaultdict(int)
        self.watches: defaultdict[str, int] = defaultdict(int)
        self.blind: set[str] = set()
        self._version = 100
        self._watchers: defaultdict[str, list[asyncio.Queue[Body]]] = defaultdict(list)

    def put(self, plural: str, body: Body) -> Body:
        """Store an object and tell of it."""
        metadata = body["metadata"]
        place = (plural, metadata["namespace"], metadata["name"])
        known = self.objects.get(place)
        self._version += 1
        fixed = {"uid": known["metadata"]["uid"] if known else str(uuid.uuid4()), "resourceVersion": str(self._version)}
        body = {**body, "metadata": {"generation": 1, **metadata, **fixed}}
        self.objects[place] = body
        self._tell(plural, "MODIFIED" if known else "ADDED", body)
        return body

    def remove(self, place: Place) -> Body:
        """Remove an object and tell of it."""
        self._version += 1
        found = self.objects.pop(place)
        body = {**found, "metadata": {**found["metadata"], "resourceVersion": str(self._version)}}
        self._tell(place[0], "DELETED", body)
        return body

    def tell_all(self, plural: str, event: Body) -> None:
        """Send an event to all who watch a kind."""
        for queue in self._watchers[plural]:
            queue.put_nowait(event)

    def expire(self, plural: str) -> None:
        """Tell all who watch a kind that their version is too old."""
        self.tell_all(plural, {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}})

    def _tell(self, plural: str, kind: str, body: Body) -> None:
        if plural not in self.blind:
            self.tell_all(plural, {"type": kind, "object": body})

    async def collect_garbage(self) -> None:
        """Remove what has lost all its owners, for ever."""
        while True:
            await asyncio.sleep(0.05)
            uids = {body["metadata"]["uid"] for body in self.objects.values()}
            for place, body in list(self.objects.items()):
                owners = body["metadata"].get("ownerReferences")
                if owners and not uids & {owner["uid"] for owner in owners}:
                    self.remove(place)

    def application(self) -> web.Application:
        """Return the server."""
        application = web.Application(client_max_size=1 << 26)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        depth = 2 if parts[0] == "api" else 3
        if len(parts) <= depth:
            return web.json_response(_discovered(request.path))
        parts, namespace = parts[depth:], ""
        if parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        plural, name, subresource = (*parts, "", "")[:3]
        if request.method == "GET" and not name:
            return await self._watch(request, plural) if "watch" in request.query else self._list(request, plural)
        place = (plural, namespace, name)
        if request.method == "GET":
            return _found(self.objects.get(place))
        body = json.loads(await request.read())
        name = name or str(body["metadata"].get("name", ""))
        self.writes.append(Write(request.method, plural, name))
        return self._write(request, (plural, namespace, name), body, subresource)

    def _list(self, request: web.Request, plural: str) -> web.Response:
        if request.query.get("limit") != "1":
            self.lists[plural] += 1
        wanted = request.query.get("labelSelector", "")
        items = [body for place, body in self.objects.items() if place[0] == plural and _selected(body, wanted)]
        metadata = {"resourceVersion": str(self._version)}
        return web.json_response({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items})

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        self.watches[plural] += 1
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[Body] = asyncio.Queue()
        self._watchers[plural].append(queue)
        try:
            with suppress(ConnectionError):
                while event := await queue.get():
                    if event["type"] == "ERROR" or _selected(event["object"], request.query.get("labelSelector", "")):
                        await response.write(json.dumps(event).encode() + b"\n")
        finally:
            self._watchers[plural].remove(queue)
        return response

    def _write(self, request: web.Request, place: Place, body: Body, subresource: str) -> web.Response:
        known, metadata = self.objects.get(place), body.get("metadata", {})
        plural, namespace, name = place
        if request.method == "DELETE":
            return _found(known and self.remove(place))
        if request.method == "POST":
            name = name or metadata["generateName"] + uuid.uuid4().hex[:6]
            if (plural, namespace, name) in self.objects:
                return _refused(409, "AlreadyExists")
            return web.json_response(self.put(plural, {**body, "metadata": {**metadata, "name": name}}), status=201)
        applied = "apply" in request.headers["Content-Type"]
        if known is None and (subresource or not applied):
            return _refused(404, "NotFound")
        uid = known["metadata"]["uid"] if known else None
        if metadata.get("uid") not in (None, uid) or (applied and metadata.get("resourceVersion") == "1" and known):
            return _refused(409, "Conflict")
        if subresource and known is not None:
            return web.json_response(self.put(plural, {**known, "status": body["status"]}))
        kept = {key: value for key, value in metadata.items() if key not in ("uid", "resourceVersion")}
        merged = {**(known or {}), **body, "metadata": {**(known or {}).get("metadata", {}), **kept}}
        return web.json_response(self.put(plural, merged))


def _selected(body: Body, selector: str) -> bool:
    """Tell whether an object has the labels that a selector wants: `a=b`, `a` and `!a`."""
    labels = body["metadata"].get("labels") or {}
    for part in filter(None, selector.split(",")):
        key, _, value = part.removeprefix("!").partition("=")
        if (key not in labels) != part.startswith("!") or (value and labels[key] != value):
            return False
    return True


def _discovered(path: str) -> Body:
    """Return what the server says of its groups and kinds, as far as kopf asks."""
    if path == "/apis":
        version = {"groupVersion": "llamastack.dev/v1alpha1", "version": "v1alpha1"}
        group = {"name": "llamastack.dev", "versions": [version], "preferredVersion": version}
        return {"kind": "APIGroupList", "groups": [group]}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    kinds = {"llamastacks": "LlamaStack"} if "llamastack.dev" in path else {"namespaces": "Namespace"}
    resources = [
        {"name": name, "singularName": name[:-1], "namespaced": True, "kind": kind, "verbs": _KINDS}
        for name, kind in kinds.items()
    ]
    return {"kind": "APIResourceList", "resources": resources}


def _found(body: Body | None) -> web.Response:
    return web.json_response(body) if body is not None else _refused(404, "NotFound")


def _refused(code: int, reason: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "reason": reason, "message": reason}, status=code)
