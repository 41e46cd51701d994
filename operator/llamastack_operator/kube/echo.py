"""Recognises events of watches that tell what the answer to an own write has told, before they are decoded.

Whatever the operator writes comes back in a watch, whole. Kinds of Kubernetes' own are written field by field in one
order: an event begins with whose it is and of which version, and where a cache has that already the rest need not be
read. What begins otherwise is decoded as ever, so that nothing depends on the order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from llamastack_operator.objects.child import Key

_TEXT = rb'"[^"\\]{0,253}"'
_NAME = rb'"([a-z0-9.:-]{1,253})"'
_HEAD = re.compile(
    rb'\{"type":"(?:ADDED|MODIFIED)","object":\{"kind":' + _TEXT + rb',"apiVersion":' + _TEXT + rb',"metadata":\{'
    rb'"name":' + _NAME + rb',(?:"generateName":' + _TEXT + rb',)?"namespace":' + _NAME + rb',"uid":' + _NAME + rb","
    rb'"resourceVersion":"([0-9]{1,20})"[,}]'
)


@dataclass(frozen=True, slots=True)
class Head:
    """What an event of a watch begins with.

    Attributes:
        key: the namespace and name of the object.
        uid: its UID.
        version: its resourceVersion.
    """

    key: Key
    uid: str
    version: int


IsKnown = Callable[[Head], bool]
"""Tells whether a version of an object, or a later one, is known."""


def head_of(line: bytes) -> Head | None:
    """Return what a line of a watch begins with; None where it is another event, or is written otherwise.

    Args:
        line: an event as JSON.
    """
    found = _HEAD.match(line)
    if found is None:
        return None
    name, namespace, uid, version = (part.decode("ascii") for part in found.groups())
    return Head((namespace, name), uid, int(version))
