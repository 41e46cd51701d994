"""Reads YAML that anybody may have written, with positions and within bounds.

PyYAML's loader builds values by recursion and expands aliases without a limit. This one is driven by the
parser's events: nesting, size and aliases are bounded, duplicate keys (which PyYAML drops silently) are seen,
and every value's line is known. Whatever the bytes are, the answer is documents and findings, never an
exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from llamastack_resolver.findings import DOCUMENT, Findings
from llamastack_resolver.reasons import ConfigReason

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000
_CORRECT = "correct the YAML"
MAX_NUMBER = 1_000
"""Most characters of a number: one of a million, in base 60 as YAML 1.1 has it, takes minutes to be made."""
_SCALAR, _SEQUENCE, _MAPPING = "scalar", "sequence", "mapping"
_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
# What PyYAML's safe loader makes a plain list or mapping of, and every server reads its config with that.
_PLAIN_TAGS = {None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Refused(Exception):  # noqa: N818
    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class Document:
    """One YAML document.

    Attributes:
        value: its content as plain Python values.
        lines: line (from 1) of each value by its field path.
        index: its place in the stream, from 0.
    """

    value: Any
    lines: dict[str, int] = field(default_factory=dict)
    index: int = 0

    def line_of(self, path: str) -> int | None:
        """Return the line of a path, or of the nearest value that holds it."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get("")


@dataclass
class _Frame:
    kind: str
    path: str
    value: Any
    weight: int = 1
    key: Any = None
    has_key: bool = False
    child: str = ""
    merges: list[Any] = field(default_factory=list)
    anchor: str | None = None


def read_yaml(text: str | bytes) -> tuple[list[Document], Findings]:
    """Read every document of a stream.

    Args:
        text: YAML, as text or as UTF-8 or UTF-16 bytes.

    Returns:
        The documents before the first syntax error, and what was wrong: a syntax error, bytes that are no
        text, or a bound (4 MiB, 64 levels, 200,000 values with aliases expanded, 1,000 characters of a number) is one
        error; duplicate keys
        are warnings.
    """
    findings = Findings()
    documents: list[Document] = []
    if len(text) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, message, DOCUMENT, hint="make it smaller, or split it")
        return documents, findings
    try:
        # extend() keeps the documents that were read before a syntax error.
        documents.extend(_Builder(findings).documents(text))
    except _Refused as error:
        findings.error(ConfigReason.INVALID_RUN_CONFIG, str(error), DOCUMENT, hint=_CORRECT, line=error.line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = error.problem or error.context or "it cannot be read"
        findings.error(
            ConfigReason.INVALID_RUN_CONFIG,
            f"not valid YAML{where}: {problem}",
            DOCUMENT,
            hint=_CORRECT,
            line=mark.line + 1 if mark else None,
        )
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        message = f"not valid YAML: {str(error).splitlines()[0]}"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, message, DOCUMENT, hint=_CORRECT)
    return documents, findings


def read_value(text: str | bytes) -> tuple[Any, Findings]:
    """Read the first document of a stream, which is the only one where a file is to hold one.

    Args:
        text: YAML, as text or as UTF-8 or UTF-16 bytes.

    Returns:
        Its value, None where there is no document before the first syntax error, and what was wrong with the stream.
    """
    documents, findings = read_yaml(text)
    return documents[0].value if documents else None, findings


class _Builder:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._scalars: Any = yaml.SafeLoader("")
        # Plain scalars and what they mean: the same few words make up most of a file.
        self._plain: dict[str, Any] = {}
        self._reset()

    def _reset(self) -> None:
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._lines: dict[str, int] = {}
        self._nodes = 0
        self._root: Any = None

    def documents(self, text: str | bytes) -> Iterator[Document]:
        index = 0
        for event in _events(text):
            kind = type(event)
            if kind in _NODES:
                self._node(event)
            elif kind in _ENDS:
                self._close(_line(event))
            elif kind is yaml.DocumentStartEvent:
                self._reset()
            elif kind is yaml.DocumentEndEvent:
                yield Document(self._root, self._lines, index)
                index += 1

    def _node(self, event: Any) -> None:
        line, kind = _line(event), type(event)
        if kind is yaml.ScalarEvent:
            self._count(1, line)
            value = self._scalar(event, line)
            if event.anchor:
                self._anchors[event.anchor] = (value, 1)
            merge = event.value == "<<" and not event.style and event.tag is None
            self._add(value, line, 1, is_merge=merge)
        elif kind is yaml.AliasEvent:
            if event.anchor not in self._anchors:
                raise _Refused(f"alias *{event.anchor} refers to nothing above it", line)
            value, weight = self._anchors[event.anchor]
            self._count(weight, line)
            self._add(value, line, weight)
        else:
            self._open(event, line)

    def _open(self, event: Any, line: int) -> None:
        self._count(1, line)
        if len(self._frames) >= MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH} levels", line)
        tag = getattr(event, "tag", None)
        if tag not in _PLAIN_TAGS:
            raise _Refused(f"the tag {tag} is none that a safe reader knows", line)
        path = self._next_path()
        self._lines.setdefault(path, line)
        mapping = type(event) is yaml.MappingStartEvent
        self._frames.append(
            _Frame(_MAPPING if mapping else _SEQUENCE, path, {} if mapping else [], anchor=event.anchor)
        )

    def _close(self, line: int) -> None:
        frame = self._frames.pop()
        for merged in frame.merges:
            for key, value in merged.items():
                frame.value.setdefault(key, value)
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, frame.weight)
        self._add(frame.value, line, frame.weight)

    def _count(self, weight: int, line: int) -> None:
        self._nodes += weight
        if self._nodes > MAX_NODES:
            raise _Refused(f"more than {MAX_NODES} values once aliases are expanded", line)

    def _next_path(self) -> str:
        if not self._frames:
            return ""
        frame = self._frames[-1]
        if frame.kind == _SEQUENCE:
            return f"{frame.path}[{len(frame.value)}]"
        return frame.child if frame.has_key else frame.path

    def _add(self, value: Any, line: int, weight: int, is_merge: bool = False) -> None:
        if not self._frames:
            self._root = value
            self._lines.setdefault("", line)
            return
        frame = self._frames[-1]
        frame.weight += weight
        if frame.kind == _SEQUENCE:
            self._lines.setdefault(self._next_path(), line)
            frame.value.append(value)
        elif frame.has_key:
            self._set(frame, value, line)
        else:
            self._key(frame, value, line, is_merge)

    def _key(self, frame: _Frame, key: Any, line: int, is_merge: bool) -> None:
        try:
            hash(key)
        except TypeError:
            raise _Refused("a list or mapping is used as a key", line) from None
        frame.key, frame.has_key = (_MERGE if is_merge else key), True
        path = frame.child = f"{frame.path}.{frame.key}" if frame.path else str(frame.key)
        if not is_merge and key in frame.value:
            self._findings.warning(
                ConfigReason.INVALID_RUN_CONFIG,
                f"key {key!r} occurs twice: the last one counts, the ones before it are lost",
                path,
                hint="remove one of them, or merge them",
                line=line,
            )
        self._lines[path] = line

    def _set(self, frame: _Frame, value: Any, line: int) -> None:
        frame.has_key = False
        if frame.key == _MERGE:
            parts = value if isinstance(value, list) else [value]
            if not all(isinstance(part, dict) for part in parts):
                raise _Refused("<< merges something that is no mapping", line)
            frame.merges.extend(parts)
            return
        frame.value[frame.key] = value

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Any:
        if event.tag is not None:
            return self._constructed(event, line)
        if not event.implicit[0]:
            return event.value  # in quotes, or a block
        if event.value not in self._plain:
            self._plain[event.value] = self._constructed(event, line)
        return self._plain[event.value]

    def _constructed(self, event: yaml.ScalarEvent, line: int) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._scalars.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == _MERGE:
            return event.value
        if tag in _NUMBERS and len(event.value) > MAX_NUMBER:
            raise _Refused(f"{event.value[:40]}... is a number of more than {MAX_NUMBER} characters", line)
        node: Any = yaml.ScalarNode(tag, event.value)
        try:
            return self._scalars.construct_object(node, deep=True)
        except yaml.MarkedYAMLError as error:
            raise _Refused(f"not valid YAML in line {line}: {error.problem}", line) from None
        except (ValueError, OverflowError, IndexError, KeyError, AttributeError) as error:
            raise _Refused(f"not valid YAML in line {line}: {event.value[:40]!r} is no value: {error}", line) from None


_NODES = {yaml.ScalarEvent, yaml.AliasEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent}
_ENDS = {yaml.MappingEndEvent, yaml.SequenceEndEvent}


def _events(text: str | bytes) -> Iterator[yaml.Event]:
    """Yield the parser's events, as `yaml.parse` does at twice the price."""
    parser = _Loader(text)
    try:
        while type(event := parser.get_event()) is not yaml.StreamEndEvent:
            yield event
    finally:
        parser.dispose()


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
