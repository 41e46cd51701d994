"""Objects that stacks refer to, read by name.

ConfigMaps are followed by a metadata-only watch that keeps nothing but the names that some stack refers to; they are
read when the watch says that they are new, and of what they hold only digests are kept, of the parts that stacks use.
Of Secrets and claims only existence, keys and access modes are looked at, once for each generation of a stack; the
values of a Secret are dropped before anything else sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import Client
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.config_map import ConfigMapContent, ConfigMapDigests
from llamastack_operator.objects.fields import metadata_of, version_of
from llamastack_operator.objects.resources import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, SECRETS

Uses = Mapping[Key, Set[str | None]]
"""What is used of ConfigMaps: keys, or `WHOLE`."""


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
        self._digests: dict[Key, ConfigMapDigests | None] = {}
        self._users: dict[Key, set[Key]] = {}
        self._used: dict[Key, Uses] = {}

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

    def follow(self, stack: Key, uses: Uses) -> None:
        """Say what a stack uses of which ConfigMaps now; nothing forgets the stack.

        Args:
            stack: the stack.
            uses: by ConfigMap the keys that are used, or `WHOLE`.
        """
        for key in self._used.get(stack, {}).keys() - uses.keys():
            self._users[key].discard(stack)
            if not self._users[key]:
                del self._users[key]
                self._digests.pop(key, None)
                self.watched.remove(key)
        for key in uses:
            self._users.setdefault(key, set()).add(stack)
        if uses:
            self._used[stack] = uses
        else:
            self._used.pop(stack, None)

    async def digests(self, key: Key, parts: Set[str | None]) -> ConfigMapDigests | None:
        """Return what is kept of a followed ConfigMap, read anew only where the watch saw a change, or more is used.

        Args:
            key: the ConfigMap.
            parts: the keys of it that are looked at, or `WHOLE`.
        """
        if self._is_absent(key):
            return None
        known, seen = self._digests.get(key), self.watched.get(key)
        if known is None or seen is None or seen.version > known.version or not parts <= known.parts.keys():
            await self.content(key)
        return self._digests[key]

    async def content(self, key: Key) -> ConfigMapContent | None:
        """Return the content of a followed ConfigMap, read anew: it is not kept, and is not to be kept."""
        if self._is_absent(key):
            return None
        body = await self._client.get(CONFIGMAPS, *key)
        content = None if body is None else _content(body)
        self._digests[key] = None if content is None else content.digests(self._uses(key))
        if body is not None and content is not None and self.watched.get(key) is None:
            self.watched.put(Referent(key, body["metadata"]["uid"], content.version))
        # Else the watch is left to tell of it: there may be others who are to hear.
        return content

    async def peek(self, key: Key) -> ConfigMapContent | None:
        """Return the content of a ConfigMap, whether anybody follows it or not; nothing is remembered of it."""
        body = None if self._is_absent(key) else await self._client.get(CONFIGMAPS, *key)
        return None if body is None else _content(body)

    def _is_absent(self, key: Key) -> bool:
        """Tell whether a ConfigMap was looked for in vain, and the watch has not told of it since."""
        return key in self._digests and self._digests[key] is None and self.watched.get(key) is None

    def _uses(self, key: Key) -> Set[str | None]:
        """Return what all stacks use of a ConfigMap."""
        return {part for stack in self._users.get(key, ()) for part in self._used[stack][key]}

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


def _content(body: Mapping[str, Any]) -> ConfigMapContent:
    version = int(body["metadata"]["resourceVersion"])
    return ConfigMapContent(version, body.get("data") or {}, body.get("binaryData") or {})
