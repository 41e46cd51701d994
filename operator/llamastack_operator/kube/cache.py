"""The operator's view of the cluster: what informers and its own writes told it, indexed by what objects belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from llamastack_operator.objects.child import Key


class Cached(Protocol):
    """What a cache holds: something of a stack or a build, with an identity and a version."""

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        ...

    @property
    def group(self) -> str:
        """The name of what it belongs to and is found under: a stack, or a build."""
        ...

    @property
    def uid(self) -> str:
        """Its UID."""
        ...

    @property
    def version(self) -> int:
        """Its resourceVersion, comparable by KEP-5504."""
        ...


def by_group(item: Cached) -> tuple[Key, ...]:
    """Index an object under what it belongs to: the usual index."""
    return ((item.key[0], item.group),)


def by_namespace_too(item: Cached) -> tuple[Key, ...]:
    """Index an object under what it belongs to, and under its namespace with an empty name."""
    return (*by_group(item), (item.key[0], ""))


class Cache[T: Cached]:
    """Objects of one kind, by key and by an index: what they belong to, unless said otherwise.

    Args:
        index: what an object is found under, each a namespace and a name of whatever kind.
    """

    def __init__(self, index: Callable[[T], Iterable[Key]] = by_group) -> None:
        self._objects: dict[Key, T] = {}
        self._index = index
        self._by_index: dict[Key, set[Key]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: Key) -> T | None:
        """Return the object of that namespace and name."""
        return self._objects.get(key)

    def of(self, entry: Key) -> Iterator[T]:
        """Yield the objects under an entry of the index, by name."""
        return (self._objects[key] for key in sorted(self._by_index.get(entry, ())))

    def has(self, entry: Key) -> bool:
        """Tell whether there is an object under an entry of the index."""
        return bool(self._by_index.get(entry))

    def knows(self, key: Key, uid: str, version: int) -> bool:
        """Tell whether this version of an object is known, or a later one."""
        known = self._objects.get(key)
        return known is not None and known.uid == uid and version <= known.version

    def all(self) -> Iterator[T]:
        """Yield all objects; the cache must not change meanwhile."""
        return iter(self._objects.values())

    def keys(self) -> set[Key]:
        """Return all keys."""
        return set(self._objects)

    def put(self, item: T) -> bool:
        """Remember an object; return False for what is known already: an echo of an own write, or older."""
        known = self._objects.get(item.key)
        if known is not None and item.version <= known.version:
            return False
        entries = set(self._index(item))
        if known is not None and set(self._index(known)) != entries:
            self._forget(known)
        self._objects[item.key] = item
        for entry in entries:
            self._by_index.setdefault(entry, set()).add(item.key)
        return True

    def remove(self, key: Key, uid: str | None = None) -> T | None:
        """Forget an object and return it; one of another UID came after the one that was deleted, and stays."""
        known = self._objects.get(key)
        if known is None or (uid is not None and known.uid != uid):
            return None
        self._forget(known)
        return known

    def _forget(self, known: T) -> None:
        del self._objects[known.key]
        for entry in set(self._index(known)):
            siblings = self._by_index[entry]
            siblings.discard(known.key)
            if not siblings:
                del self._by_index[entry]
