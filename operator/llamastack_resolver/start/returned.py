"""The class of what a factory returns, told by the factory's source: nothing is connected, loaded or stored for it.

It is what the returned expression constructs. Whoever has no class in view is asked for an instance instead.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from typing import Any


def returned_class(factory: Any) -> type:
    """Return the class whose construction a factory returns.

    Args:
        factory: a function; the class is imported as the function does it.

    Raises:
        ImportError: the class's module cannot be imported, or has no such class.
        LookupError: the factory returns something else, several classes, or has no source.
    """
    function = _function(factory)
    imports: dict[str, ast.ImportFrom] = {}
    calls: dict[str, ast.expr] = {}
    returned: list[ast.expr] = []
    for node in ast.walk(function):
        if isinstance(node, ast.ImportFrom):
            imports |= {alias.asname or alias.name: node for alias in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            calls.setdefault(node.targets[0].id, node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            calls.setdefault(node.target.id, node.value)
        elif isinstance(node, ast.Return) and node.value:
            returned.append(node.value)
    found = {_class_of(value, calls, imports, factory) for value in returned}
    if len(found) != 1:
        raise LookupError(f"{factory.__module__} returns {len(found)} classes")
    return found.pop()


def _function(factory: Any) -> ast.AST:
    try:
        (function,) = ast.parse(textwrap.dedent(inspect.getsource(factory))).body
    except (OSError, TypeError, ValueError, SyntaxError) as error:
        raise LookupError(f"{factory!r} has no source that can be read") from error
    return function


def _class_of(value: ast.expr, calls: dict[str, ast.expr], imports: dict[str, ast.ImportFrom], factory: Any) -> type:
    if isinstance(value, ast.Name):
        value = calls.get(value.id, value)
    if isinstance(value, ast.Await):
        value = value.value
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
        raise LookupError(f"{factory.__module__} returns {ast.unparse(value)}")
    name = value.func.id
    found = _imported(name, imports[name], factory) if name in imports else factory.__globals__[name]
    if not isinstance(found, type):
        raise LookupError(f"{name} is no class")
    return found


def _imported(name: str, node: ast.ImportFrom, factory: Any) -> Any:
    package = importlib.import_module(factory.__module__).__package__
    module = importlib.import_module("." * node.level + (node.module or ""), package)
    original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
    try:
        return getattr(module, original)
    except AttributeError:
        raise ImportError(f"cannot import name {original!r} from {module.__name__!r}", name=module.__name__) from None
