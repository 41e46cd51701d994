"""Texts on which a slow regular expression is slow, and a process that tries them and is ended if it is.

The texts come from the expression's own parse: for each way into each repeat, what repeats there, or a character that
one of its parts tells from others, very often, and then something that fits nothing. What takes long on a short text,
and three times that on one twice as long, is tried on a long one. Only that decides, by the processor's time and with a
bound far above what a linear expression takes, so that a busy machine changes nothing; the kernel ends the process, for
a running expression hears no signal.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.expressions import Expression

SHORT, LENGTH = 5_000, 100_000
"""Characters of a text that repeats one."""
SUSPECT = 0.002
"""Seconds of the processor for a short text from which on it is looked at; a quadratic expression takes 0.006."""
BOUND = 1.5
"""Seconds of the processor for one text."""
_CANDIDATES = [*map(chr, range(128)), "é", "²", "\u2028"]
_PARSER: Any = re._parser  # type: ignore[attr-defined]
_C: Any = re._constants  # type: ignore[attr-defined]
_REPEATS = (_C.MAX_REPEAT, _C.MIN_REPEAT, _C.POSSESSIVE_REPEAT)


def slow(expressions: Iterable[Expression]) -> list[str]:
    """Return the places of the expressions that do not come to an end in time, each with the text's recipe."""
    waiting, found = [_wire(expression) for expression in expressions], []
    while waiting:
        command = [sys.executable, "-m", "tests.support.pump"]
        root = Path(__file__).resolve().parents[2]
        run = subprocess.run(command, cwd=root, input=json.dumps(waiting), capture_output=True, text=True, check=False)
        if run.returncode == 0:
            break
        assert run.returncode == -signal.SIGPROF, run.stderr
        begun = run.stdout.splitlines()
        found.append(begun[-1])
        waiting = waiting[int(begun[-1].split()[0]) + 1 :]
    return [line.partition(" ")[2] for line in found]


@dataclass(frozen=True)
class Recipe:
    """How a text is made: what leads into a repeat, what is repeated, and an end that fits nothing."""

    way: str
    unit: str
    end: str

    def text(self, length: int) -> str:
        """Return the text; longer units are fewer and their texts longer, for as many quadratic steps."""
        return self.way + self.unit * int(length / len(self.unit) ** 0.5) + self.end


def recipes(pattern: str | bytes, flags: int) -> Iterator[Recipe]:
    """Yield the texts for a pattern."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    parsed = _PARSER.parse(text, flags)
    atoms = list(_atoms(parsed))
    told_apart = {tuple(_fits(atom, one) for atom in atoms): one for one in reversed(_CANDIDATES)}
    misfit = told_apart[min(told_apart, key=lambda signature: (sum(signature), signature))]
    for way, body in [("", parsed), *_repeats(parsed, "")]:
        inside = list(_atoms(body))
        characters = [one for one in told_apart.values() if any(_fits(atom, one) for atom in inside)]
        for unit in dict.fromkeys([*characters, *_alternatives(body), way]):
            if unit:
                yield from (Recipe(way, unit, end) for end in (misfit, ""))


def _wire(expression: Expression) -> dict[str, Any]:
    binary = isinstance(expression.pattern, bytes)
    text = expression.pattern.decode("latin-1") if isinstance(expression.pattern, bytes) else expression.pattern
    return {
        "place": expression.place,
        "pattern": text,
        "binary": binary,
        "flags": expression.flags,
        "ways": expression.ways,
    }


def _atoms(parsed: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield what fits one character, wherever it stands in a pattern."""
    for kind, value in parsed:
        if kind in (_C.LITERAL, _C.NOT_LITERAL, _C.IN, _C.ANY):
            yield kind, value
        for part in _parts(kind, value):
            yield from _atoms(part)


def _parts(kind: Any, value: Any) -> Sequence[Any]:
    if kind in _REPEATS:
        return [value[2]]
    if kind is _C.SUBPATTERN:
        return [value[3]]
    if kind is _C.BRANCH:
        return list(value[1])
    if kind in (_C.ASSERT, _C.ASSERT_NOT):
        return [value[1]]
    return [value] if kind is _C.ATOMIC_GROUP else []


@cache
def _category(category: Any) -> re.Pattern[str]:
    names = {_C.CATEGORY_DIGIT: "d", _C.CATEGORY_SPACE: "s", _C.CATEGORY_WORD: "w"}
    negated = {_C.CATEGORY_NOT_DIGIT: "D", _C.CATEGORY_NOT_SPACE: "S", _C.CATEGORY_NOT_WORD: "W"}
    return re.compile(rf"\{ {**names, **negated}[category] }")


def _fits(atom: tuple[Any, Any], character: str) -> bool:
    kind, value = atom
    if kind is _C.ANY:
        return character != "\n"
    if kind in (_C.LITERAL, _C.NOT_LITERAL):
        return (chr(value) == character) == (kind is _C.LITERAL)
    negated = bool(value) and value[0][0] is _C.NEGATE
    return any(_in(item, character) for item in value) != negated


def _in(item: tuple[Any, Any], character: str) -> bool:
    kind, value = item
    if kind is _C.LITERAL:
        return chr(value) == character
    if kind is _C.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    return kind is _C.CATEGORY and _category(value).match(character) is not None


def _repeats(parsed: Iterable[Any], before: str) -> Iterator[tuple[str, Any]]:
    """Yield each repeat's body and a text that leads to it, with what stands before it as short as it can be."""
    for kind, value in parsed:
        if kind in _REPEATS:
            yield before, value[2]
        for part in _parts(kind, value):
            yield from _repeats(part, before)
        before += _shortest([(kind, value)])


def _alternatives(parsed: Iterable[Any]) -> list[str]:
    """Return what a body is at its shortest, and where it begins with a choice each of these."""
    first, *rest = list(parsed) or [(_C.AT, None)]
    while first[0] is _C.SUBPATTERN and len(first[1][3]) == 1:
        first = first[1][3][0]
    starts = [_shortest(part) for part in first[1][1]] if first[0] is _C.BRANCH else [_shortest([first])]
    return [start + _shortest(rest) for start in starts]


def _shortest(parsed: Iterable[Any]) -> str:
    return "".join(_of_one(kind, value) for kind, value in parsed)


def _of_one(kind: Any, value: Any) -> str:
    if kind in (_C.LITERAL, _C.NOT_LITERAL, _C.IN, _C.ANY):
        likely = [*map(chr, range(ord("a"), ord("z"))), *_CANDIDATES]
        return next((one for one in likely if _fits((kind, value), one)), "")
    if kind in _REPEATS:
        return _shortest(value[2]) * value[0]
    if kind is _C.BRANCH:
        return min((_shortest(part) for part in value[1]), key=len)
    if kind in (_C.ASSERT, _C.ASSERT_NOT, _C.AT):
        return ""
    return "".join(_shortest(part) for part in _parts(kind, value))


def _main() -> None:
    for number, wire in enumerate(json.load(sys.stdin)):
        where = f"{number} {wire['place']} {wire['pattern'][:60].encode('unicode_escape').decode()}"
        print(where, flush=True)
        pattern: Any = wire["pattern"].encode("latin-1") if wire["binary"] else wire["pattern"]
        expression: Any = re.compile(pattern, wire["flags"])
        for recipe in dict.fromkeys(recipes(pattern, wire["flags"])):
            for way in wire["ways"]:
                if _is_suspect(expression, way, recipe):
                    print(f"{where} {way}, {recipe}", flush=True)
                    _seconds(expression, way, recipe.text(LENGTH))


def _is_suspect(expression: Any, way: str, recipe: Recipe) -> bool:
    once = _seconds(expression, way, recipe.text(SHORT))
    return once > SUSPECT and _seconds(expression, way, recipe.text(2 * SHORT)) > 3 * once


def _seconds(expression: Any, way: str, text: str) -> float:
    given: Any = text if isinstance(expression.pattern, str) else text.encode()
    signal.setitimer(signal.ITIMER_PROF, BOUND)
    before = time.process_time()
    _ask(expression, way, given)
    return time.process_time() - before


def _ask(expression: Any, way: str, text: Any) -> None:
    if way in ("sub", "subn"):
        getattr(expression, way)(text[:0], text)
    elif way == "finditer":
        for _ in expression.finditer(text):
            pass
    else:
        getattr(expression, way)(text)


if __name__ == "__main__":
    _main()
