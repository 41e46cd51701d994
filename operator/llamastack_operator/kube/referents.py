"""Objects that stacks refer to, read by name.

ConfigMaps are followed by a metadata-only watch that keeps nothing but the names that some stack refers to; their
content is read when the watch says that it is new. Of Secrets and claims only existence, keys and access modes are
looked at, once for each generation of a stack; the values of a Secret are dropped before anything else sees them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.config_map import ConfigMapContent
from llamastack_operator.objects.fields import metadata_of, version_of
from llamastack_operator.objects.resources import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, SECRETS


@dataclass(frozen=True, slots=True)
class Referent:
    """What the metadata watch knows of a ConfigMap that a stack refers to."""

    key: Key
    uid: str
    version: int
    group: str = ""


class Referents:
    """Reads what stacks refer to.

    Args:
        client: the API server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.watched: Cache[Referent] = Cache()
        # None: was looked for and is not there; the watch tells when it comes.
        self._contents: dict[Key, ConfigMapContent | None] = {}
        self._users: dict[Key, set[Key]] = {}
        self._used: dict[Key, set[Key]] = {}

    def convert(self, body: dict[str, Any]) -> Referent | None:
        """Return what the watch keeps: nothing, unless a stack refers to it."""
        metadata = metadata_of(body)
        key = (metadata["namespace"], metadata["name"])
        if key not in self._users:
            return None
        return Referent(key, metadata["uid"], version_of(metadata))

    def users(self, key: Key) -> Iterable[Key]:
        """Return the stacks that refer to a ConfigMap."""
        return tuple(self._users.get(key, ()))

    def follow(self, stack: Key, config_maps: set[Key]) -> None:
        """Say which ConfigMaps a stack refers to now; an empty set forgets the stack."""
        for key in self._used.get(stack, set()) - config_maps:
            self._users[key].discard(stack)
            if not self._users[key]:
                del self._users[key]
                self._contents.pop(key, None)
                self.watched.remove(key)
        for key in config_maps:
            self._users.setdefault(key, set()).add(stack)
        if config_maps:
            self._used[stack] = config_maps
        else:
            self._used.pop(stack, None)

    async def config_map(self, key: Key) -> ConfigMapContent | None:
        """Return the content of a followed ConfigMap, read anew only where the watch saw a change."""
        known, seen = self._contents.get(key), self.watched.get(key)
        if known is not None and seen is not None and seen.version <= known.version:
            return known
        if known is None and seen is None and key in self._contents:
            return None
        body = await self._client.get(CONFIGMAPS, *key)
        if body is None:
            self._contents[key] = None
            self.watched.remove(key)
            return None
        metadata = body["metadata"]
        version = int(metadata["resourceVersion"])
        content = ConfigMapContent(version, body.get("data") or {}, body.get("binaryData") or {})
        self._contents[key] = content
        self.watched.put(Referent(key, metadata["uid"], version))
        return content

    async def secret_keys(self, key: Key) -> frozenset[str] | None:
        """Return the keys of a Secret, or None where there is no such Secret."""
        body = await self._client.get(SECRETS, *key)
        return None if body is None else frozenset(body.get("data") or {})

    async def secret_version(self, key: Key) -> str:
        """Return the resourceVersion of a Secret, empty where there is no such Secret."""
        body = await self._client.get(SECRETS, *key, metadata_only=True)
        return "" if body is None else str(body["metadata"]["resourceVersion"])

    async def claim_modes(self, key: Key) -> tuple[str, ...] | None:
        """Return the access modes of a claim, or None where there is no such claim."""
        body = await self._client.get(PERSISTENTVOLUMECLAIMS, *key)
        return None if body is None else tuple(body["spec"].get("accessModes") or ())
