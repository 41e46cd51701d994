"""LlamaStacks of the API as bytes, made small before anything decodes them.

A run config is open-ended: one of 1.4 MB in small values takes 40 MB once it is decoded, and a page of a list has many.
So what is large and is not looked at goes, and the run config becomes one text that whoever needs it unpacks, one at a
time. Where a value ends only a decoder knows: it is decoded for that and dropped, in a form that costs little.

Ends are looked for in Latin-1, where each byte is a character and JSON's own marks are the same: else one emoji would
make each character of the whole text take four bytes.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llamastack_operator.api.labels import REBUILD_ANNOTATION
from llamastack_operator.objects.bounded_json import shallow
from llamastack_operator.objects.config_map import TEXT_LIMIT

PACKED = "packedRunConfig"
"""The field of a slim object, beside `spec`, that stands for `spec.runConfig`."""
_METADATA = ("namespace", "name", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
# What is decoded is dropped: objects need not even be kept until then.
_end_of = json.JSONDecoder(object_hook=bool).raw_decode
_BLANKS = re.compile(r"[ \t\r\n]*")
_LONGEST_ESCAPE = 5
"""Bytes that a character can take less than its escape: `<` is written as six."""


IsKnown = Callable[[Mapping[str, Any]], bool]
"""Tells by its metadata whether an object is known as it is."""


class _KnownError(Exception):
    """What is read is known, and need not be read to its end.

    Attributes:
        metadata: its metadata.
    """

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self.metadata = metadata
        super().__init__()


def slim_event(line: bytes, is_known: IsKnown = lambda _: False) -> Any:
    """Return a decoded event of a watch with a slim object.

    Args:
        line: the event.
        is_known: tells what need not be read: of such an object a bookmark of its version is returned.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return _whole(line, lambda source: _event(source, is_known))
    except _KnownError as known:
        return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": known.metadata["resourceVersion"]}}}


def slim_page(page: bytes) -> Any:
    """Return a decoded page of a list with slim objects; another answer of the API as it is.

    Raises:
        ValueError: it is no JSON.
    """
    return _whole(page, _page)


def unpacked(packed: Mapping[str, Any]) -> Any:
    """Return the run config of a slim object; what is nested too deeply is cut out.

    Args:
        packed: the field `PACKED` of the object; `is_too_large` has to be asked before.
    """
    return json.loads(shallow(zlib.decompress(base64.b64decode(packed["zlib"]))))


def is_too_large(packed: Mapping[str, Any]) -> bool:
    """Tell whether a run config was left out, since no ConfigMap could hold it."""
    return "zlib" not in packed


def size_of(body: Any) -> int:
    """Return the bytes of the run config of a slim object; 0 where it has none, or is no slim object."""
    packed = body.get(PACKED) if isinstance(body, dict) else None
    return int(packed["size"]) if isinstance(packed, dict) and not is_too_large(packed) else 0


class _Json:
    """A text of JSON, gone through from its begin to its end without decoding it as a whole."""

    def __init__(self, text: bytes) -> None:
        self._text = text.decode("latin-1")
        self._at = 0
        self._blanks()

    def members(self) -> Iterator[str]:
        """Yield the key of each member of the object that begins here; its value has to be read before the next."""
        self._after("{")
        more = not self._is("}")
        while more:
            if not self._is('"'):
                raise json.JSONDecodeError("expected a key", "", self._at)
            key, self._at = _end_of(self._text, self._at)
            self._blanks()
            self._after(":")
            yield key
            more = self._another()
        self._after("}")

    def items(self) -> Iterator[None]:
        """Go from item to item of the list that begins here; each has to be read before the next."""
        self._after("[")
        more = not self._is("]")
        while more:
            yield
            more = self._another()
        self._after("]")

    def is_a(self, kind: type[dict[Any, Any]] | type[list[Any]]) -> bool:
        """Tell whether an object or a list begins here."""
        return self._is("{" if kind is dict else "[")

    def raw(self) -> bytes:
        """Read a value without keeping it decoded; return it as it came."""
        begin = self._at
        _, end = _end_of(self._text, begin)
        self._at = end
        self._blanks()
        return self._text[begin:end].encode("latin-1")

    def value(self) -> Any:
        """Read a value and return it decoded."""
        return json.loads(self.raw())

    def end(self) -> None:
        """Check that nothing follows."""
        if self._at != len(self._text):
            raise json.JSONDecodeError("more than one value", "", self._at)

    def _another(self) -> bool:
        """Tell whether another member or item follows, and go there."""
        if not self._is(","):
            return False
        self._after(",")
        return True

    def _is(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def _after(self, mark: str) -> None:
        if not self._is(mark):
            raise json.JSONDecodeError(f"expected {mark}", "", self._at)
        self._at += 1
        self._blanks()

    def _blanks(self) -> None:
        found = _BLANKS.match(self._text, self._at)
        self._at = found.end() if found else self._at


def _whole(text: bytes, read: Callable[[_Json], Any]) -> Any:
    try:
        return _all_of(text, read)
    except RecursionError:
        return _all_of(shallow(text), read)


def _all_of(text: bytes, read: Callable[[_Json], Any]) -> Any:
    source = _Json(text)
    value = read(source)
    source.end()
    return value


def _event(source: _Json, is_known: IsKnown) -> Any:
    if not source.is_a(dict):
        return source.value()
    event: dict[str, Any] = {}
    for key in source.members():
        if key != "object":
            event[key] = source.value()
        elif event.get("type") in ("ADDED", "MODIFIED"):
            event[key] = _object(source, is_known)
        else:
            event[key] = _object(source)
    return event


def _page(source: _Json) -> Any:
    if not source.is_a(dict):
        return source.value()
    return {
        key: [_object(source) for _ in source.items()] if key == "items" and source.is_a(list) else source.value()
        for key in source.members()
    }


def _object(source: _Json, is_known: IsKnown = lambda _: False) -> Any:
    if not source.is_a(dict):
        return source.value()
    found: dict[str, Any] = {}
    for key in source.members():
        if key == "spec" and source.is_a(dict):
            found |= _spec(source)
        elif key == "metadata" and source.is_a(dict):
            found[key] = _metadata(source)
            if is_known(found[key]):
                raise _KnownError(found[key])
        elif key != PACKED:
            found[key] = source.value()
        else:
            source.raw()
    return found


def _spec(source: _Json) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    found: dict[str, Any] = {"spec": spec}
    for key in source.members():
        if key == "runConfig" and source.is_a(dict):
            found[PACKED] = _packed(source.raw())
        else:
            spec[key] = source.value()
    return found


def _packed(raw: bytes) -> dict[str, Any]:
    size = len(raw) - _LONGEST_ESCAPE * raw.count(rb"\u")
    if size > TEXT_LIMIT:
        return {"size": len(raw)}
    return {"size": len(raw), "zlib": base64.b64encode(zlib.compress(raw, level=1)).decode()}


def _metadata(source: _Json) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in source.members():
        if key == "annotations" and source.is_a(dict):
            found[key] = _annotations(source)
        elif key in _METADATA:
            found[key] = source.value()
        else:
            source.raw()
    return found


def _annotations(source: _Json) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in source.members():
        if key == REBUILD_ANNOTATION:
            found[key] = source.value()
        else:
            source.raw()
    return found
