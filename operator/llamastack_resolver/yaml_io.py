"""Reads YAML that anybody may have written, with positions and within bounds.

PyYAML's loader builds values by recursion and expands aliases without a limit. This one is driven by the
parser's events: nesting, size and aliases are bounded, duplicate keys (which PyYAML drops silently) are seen,
and every value's line is known. Whatever the bytes are, the answer is documents and findings, never an
exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from llamastack_resolver.findings import DOCUMENT, Findings
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.yaml_problems import YamlProblem, decoded, syntax_problem, tag_problem, template_problem

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_NUMBER = 1_000
"""Most characters of a number: one of a million, in base 60 as YAML 1.1 has it, takes minutes to be made."""
MAX_PLACES = 64 * 1024 * 1024
"""Most characters of all paths together: long keys above many values would fill the memory."""
_SEPARATORS = re.compile(r"[.\[]")
_SCALAR, _SEQUENCE, _MAPPING = "scalar", "sequence", "mapping"
_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
# What PyYAML's safe loader makes a plain list or mapping of, and every server reads its config with that.
_PLAIN_TAGS = {None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Refused(Exception):  # noqa: N818
    def __init__(self, problem: YamlProblem | str, line: int | None = None) -> None:
        super().__init__()
        self.problem = YamlProblem(problem, line=line) if isinstance(problem, str) else problem


@dataclass
class Document:
    """One YAML document.

    Attributes:
        value: its content as plain Python values.
        lines: line (from 1) of each value by its field path.
        blocks: line of the first line of each text that is written as a block (`|`), by its field path: the lines of
            such a text are those of the file.
        findings: keys that stand twice; `read_yaml` returns them as well.
    """

    value: Any
    lines: dict[str, int] = field(default_factory=dict)
    blocks: dict[str, int] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)

    def line_of(self, path: str) -> int | None:
        """Return the line of a path, or of the nearest value that holds it."""
        lengths = self._lengths
        if not lengths:
            return None
        # A key can be all separators: only what can be a path is cut out and looked up.
        ends = [len(path), *(match.start() for match in reversed(list(_SEPARATORS.finditer(path)))), 0]
        holders = (path[:end] for end in ends if end in lengths)
        return next((self.lines[holder] for holder in holders if holder in self.lines), None)

    @cached_property
    def _lengths(self) -> frozenset[int]:
        return frozenset(map(len, self.lines))


@dataclass
class _Frame:
    kind: str
    path: str
    value: Any
    line: int
    weight: int = 1
    key: Any = None
    has_key: bool = False
    child: str = ""
    merges: list[Any] = field(default_factory=list)
    anchor: str | None = None
    tag: str | None = None


def read_yaml(text: str | bytes) -> tuple[list[Document], Findings]:
    """Read every document of a stream.

    Args:
        text: YAML, as text or as UTF-8 or UTF-16 bytes.

    Returns:
        The documents before the first syntax error, and what was wrong: a syntax error, bytes that are no
        text, or a bound (4 MiB, 64 levels, 200,000 values with aliases expanded, 1,000 characters of a number) is one
        error; so is each key that stands twice.
    """
    findings = Findings()
    documents: list[Document] = []
    if len(text) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, message, DOCUMENT, hint="make it smaller, or split it")
        return documents, findings
    source = decoded(text) if isinstance(text, bytes) else text
    problem = source if isinstance(source, YamlProblem) else _read(source, documents, findings)
    if problem is not None:
        findings.error(ConfigReason.INVALID_RUN_CONFIG, problem.message, DOCUMENT, hint=problem.hint, line=problem.line)
    return documents, findings


def _read(text: str, documents: list[Document], findings: Findings) -> YamlProblem | None:
    """Add the documents of a text up to what cannot be read, and return that."""
    try:
        # extend() keeps the documents that were read before a syntax error.
        documents.extend(_Builder(findings).documents(text))
    except _Refused as error:
        lines = [error.problem.line] if error.problem.line else []
        return template_problem(text, lines) or error.problem
    except yaml.YAMLError as error:
        return syntax_problem(error, text)
    except (UnicodeError, ValueError) as error:
        return YamlProblem(f"not valid YAML: {str(error).splitlines()[0]}")
    return None


def read_value(text: str | bytes) -> tuple[Any, Findings]:
    """Read the value of a text that is to hold one document, see `read_document`."""
    document, findings = read_document(text)
    return document.value if document else None, findings


def read_document(text: str | bytes) -> tuple[Document | None, Findings]:
    """Read a text that is to hold one document, as the releases do: `yaml.safe_load` refuses a second one.

    Args:
        text: YAML, as text or as UTF-8 or UTF-16 bytes.

    Returns:
        The first document, None where there is none before the first syntax error, and what was wrong with the text.
    """
    documents, findings = read_yaml(text)
    if len(documents) > 1 and not findings.has_errors:
        report_second(documents[1], findings)
    return documents[0] if documents else None, findings


def report_second(document: Document, findings: Findings) -> None:
    """Add the error of a text with more than one document, at the line of the one that is too many."""
    message = "there is more than one YAML document, and the release reads a file with a single one"
    hint = "give each document a file of its own, and remove a `---` that nothing follows"
    line = document.line_of(DOCUMENT)
    findings.error(ConfigReason.INVALID_RUN_CONFIG, message, DOCUMENT, hint=hint, line=line)


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
        self._blocks: dict[str, int] = {}
        self._twice = Findings()
        self._nodes = 0
        self._places = 0
        self._root: Any = None

    def documents(self, text: str) -> Iterator[Document]:
        for event in _events(text):
            kind = type(event)
            if kind in _NODES:
                self._node(event)
            elif kind in _ENDS:
                self._close()
            elif kind is yaml.DocumentStartEvent:
                self._reset()
            elif kind is yaml.DocumentEndEvent:
                yield Document(self._root, self._lines, self._blocks, self._twice)

    def _node(self, event: Any) -> None:
        line, kind = _line(event), type(event)
        if kind is yaml.ScalarEvent:
            self._count(1, line)
            value = self._scalar(event, line)
            if event.anchor:
                self._anchors[event.anchor] = (value, 1)
            if event.style == "|" and self._frames and self._frames[-1].has_key:
                self._blocks[self._next_path()] = line + 1
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
        path = self._next_path()
        if not self._frames or self._frames[-1].kind == _SEQUENCE:
            self._place(path, line)
        mapping = type(event) is yaml.MappingStartEvent
        frame = _Frame(_MAPPING if mapping else _SEQUENCE, path, {} if mapping else [], line, anchor=event.anchor)
        frame.tag = None if event.tag in _PLAIN_TAGS else event.tag
        self._frames.append(frame)

    def _close(self) -> None:
        frame = self._frames.pop()
        if frame.tag is not None:
            raise _Refused(tag_problem(frame.tag, self._pending_key(), frame.value, frame.line))
        for merged in frame.merges:
            for key, value in merged.items():
                frame.value.setdefault(key, value)
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, frame.weight)
        self._add(frame.value, frame.line, frame.weight)

    def _pending_key(self) -> Any:
        return self._frames[-1].key if self._frames and self._frames[-1].has_key else None

    def _place(self, path: str, line: int) -> None:
        self._places += len(path)
        if self._places > MAX_PLACES:
            raise _Refused("its keys are too long and nested too deep to tell places apart", line)
        self._lines[path] = line

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
            self._place(self._next_path(), line)
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
            self._report_twice(key, path, line)
        self._place(path, line)

    def _report_twice(self, key: Any, path: str, line: int) -> None:
        message = f"{str(key)[:80]!r} stands twice, here and in line {self._lines.get(path)}: only the last one counts"
        hint = "remove one of them, or merge what is in them"
        for findings in (self._findings, self._twice):
            findings.error(ConfigReason.INVALID_RUN_CONFIG, message, path, hint=hint, line=line)

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
        if event.tag is not None and tag not in yaml.SafeLoader.yaml_constructors:
            raise _Refused(tag_problem(tag, self._pending_key(), event.value, line))
        try:
            return self._scalars.construct_object(node, deep=True)
        except yaml.MarkedYAMLError as error:
            raise _Refused(f"not valid YAML in line {line}: {error.problem}", line) from None
        except (ValueError, OverflowError, IndexError, KeyError, AttributeError) as error:
            raise _Refused(f"not valid YAML in line {line}: {event.value[:40]!r} is no value: {error}", line) from None


_NODES = {yaml.ScalarEvent, yaml.AliasEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent}
_ENDS = {yaml.MappingEndEvent, yaml.SequenceEndEvent}


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield the parser's events, as `yaml.parse` does at twice the price."""
    parser = _Loader(text)
    try:
        while type(event := parser.get_event()) is not yaml.StreamEndEvent:
            yield event
    finally:
        parser.dispose()


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
