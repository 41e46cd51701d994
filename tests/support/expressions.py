"""Every regular expression in the code, found by reading the code, and the strings that would make it slow.

An expression that needs polynomial time holds the interpreter's lock for all of it: one small text then stops the whole
operator. Which expressions there are is therefore not listed by hand.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

OPERATOR = Path(__file__).resolve().parents[2] / "operator"
WAYS = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
"""What can be asked of an expression."""


@dataclass(frozen=True)
class Expression:
    """A regular expression in the code.

    Attributes:
        place: file and line.
        pattern: its text, or its bytes.
        flags: the flags that it is compiled with.
        ways: what is asked of it, of `WAYS`.
    """

    place: str
    pattern: str | bytes
    flags: int
    ways: tuple[str, ...]


@dataclass(frozen=True)
class Open:
    """A call whose pattern is no constant of its module: `place` is module and function."""

    place: str
    way: str


def expressions() -> Iterator[Expression | Open]:
    """Yield the expression of each call of `re` under `operator/`."""
    for path in sorted(OPERATOR.rglob("*.py")):
        yield from _of_file(path)


def _of_file(path: Path) -> Iterator[Expression | Open]:
    tree = _tree(path)
    for function, call in _calls(tree):
        way = _of_re(call)
        if way is None:
            continue
        place = f"{path.relative_to(OPERATOR)}:{call.lineno}"
        try:
            pattern, flags = _arguments(call, way, _namespace(path))
        except NameError:
            yield Open(f"{_dotted(path)}.{function}", way)
            continue
        ways = _asked_of(_target(tree, call), path) if way == "compile" else (way,)
        yield Expression(place, pattern, flags, ways)


@cache
def _tree(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module != "re", f"{path}: import the module, so that its expressions are found"
    return tree


def _calls(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.Call]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            yield function, node
        yield from _calls(node, node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function)


def _of_re(call: ast.Call) -> str | None:
    function = call.func
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return None
    return function.attr if function.value.id == "re" and function.attr in ("compile", *WAYS) else None


def _arguments(call: ast.Call, way: str, namespace: dict[str, Any]) -> tuple[str | bytes, int]:
    """Return pattern and flags; NameError where they are no constants."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    flags = given.get("flags") or (call.args[1] if way == "compile" and len(call.args) > 1 else None)
    values = [eval(compile(ast.Expression(node), "", "eval"), namespace) for node in (call.args[0], flags) if node]  # noqa: S307
    return values[0], int(values[1]) if flags else 0


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(OPERATOR).with_suffix("").parts)


def _namespace(path: Path) -> dict[str, Any]:
    """Return the names of a module; programs that run in images cannot be imported here, and have constants only."""
    return {"re": re} if "scripts" in path.parts else vars(importlib.import_module(_dotted(path)))


def _target(tree: ast.Module, call: ast.Call) -> str:
    """Return the name that a compiled expression is bound to, empty where there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.value is call and isinstance(node.targets[0], ast.Name):
            return node.targets[0].id
    return ""


def _asked_of(name: str, path: Path) -> tuple[str, ...]:
    """Return what is asked of a compiled expression; everything, where that cannot be seen."""
    files = [path] if name.startswith("_") else sorted(OPERATOR.rglob("*.py"))
    found = {
        node.attr
        for file in files
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.Attribute) and node.attr in WAYS and _last_name(node.value) == name
    }
    return tuple(sorted(found)) if found else ("match", "fullmatch", "search")


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
