"""Describes protocols by their public methods, whatever their decorators.

Upstream's own check looks at methods with a `@webmethod` only; since 0.7 there are none, and it checks
nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional_only",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional_or_keyword",
    inspect.Parameter.VAR_POSITIONAL: "var_positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword_only",
    inspect.Parameter.VAR_KEYWORD: "var_keyword",
}


def describe_protocol(protocol: type[Any], routes: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, Any]:
    """Return the JSON shape of a protocol class.

    Args:
        protocol: the class.
        routes: routes by method name, for releases whose methods carry none.
    """
    methods = {}
    for name, function in public_methods(protocol):
        route = _webmethod_route(function) or (routes or {}).get(name)
        data: dict[str, Any] = {"parameters": _parameters(function)}
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            data["async"] = True
        if route:
            data["route"] = dict(route)
        methods[name] = {key: value for key, value in data.items() if value}
    return {"class": f"{protocol.__module__}.{protocol.__qualname__}", "methods": methods}


def public_methods(protocol: type[Any]) -> Iterator[tuple[str, Any]]:
    """Yield name and function of each public method, inherited ones included, by name."""
    for name, value in sorted(inspect.getmembers(protocol, inspect.isfunction)):
        owner = next(cls for cls in protocol.__mro__ if name in cls.__dict__)
        # Upstream maps `vector_stores` to a pydantic model, whose own methods are no part of any API.
        if not name.startswith("_") and owner.__module__.split(".")[0] not in ("typing", "pydantic"):
            yield name, value


def _parameters(function: Any) -> list[dict[str, Any]]:
    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        data: dict[str, Any] = {"name": parameter.name}
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            data["kind"] = _KINDS[parameter.kind]
        variadic = parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        if parameter.default is inspect.Parameter.empty and not variadic:
            data["required"] = True
        parameters.append(data)
    return parameters


def _webmethod_route(function: Any) -> dict[str, str] | None:
    """Return the route of a `@webmethod`; a method with several keeps the one that is not deprecated."""
    found = list(getattr(function, "__webmethods__", None) or ())
    if not found and getattr(function, "__webmethod__", None):
        found = [function.__webmethod__]
    found.sort(key=lambda webmethod: bool(getattr(webmethod, "deprecated", False)))
    for webmethod in found:
        if webmethod.route and webmethod.method:
            level = getattr(webmethod, "level", None) or "v1"
            return {
                "method": str(webmethod.method).upper(),
                "path": f"/{level}/{webmethod.route.lstrip('/')}",
            }
    return None


def router_routes(router: Any, protocol: type[Any]) -> dict[str, dict[str, str]]:
    """Return the routes of a FastAPI router by the protocol's method that each endpoint calls.

    Most endpoints have the method's name; the others are looked into. Current FastAPI nests included routers
    lazily, so they are flattened here.
    """
    names = {name for name, _ in public_methods(protocol)}
    routes: dict[str, dict[str, str]] = {}
    for route in _flatten(router):
        methods = sorted(set(route.methods or ()) - {"HEAD", "OPTIONS"})
        name = route.name if route.name in names else _called(route.endpoint, names)
        if methods and name and not (name in routes and getattr(route, "deprecated", False)):
            routes.setdefault(name, {"method": methods[0], "path": route.path.replace(":path}", "}")})
    return routes


def _called(endpoint: Any, names: set[str]) -> str | None:
    """Return the one protocol method that an endpoint calls, None where there is none or a choice."""
    called = {name for code in _codes(getattr(endpoint, "__code__", None)) for name in code.co_names} & names
    return called.pop() if len(called) == 1 else None


def _codes(code: CodeType | None) -> Iterator[CodeType]:
    if code is None:
        return
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _flatten(router: Any) -> Iterator[Any]:
    for route in router.routes:
        if hasattr(route, "endpoint") and hasattr(route, "methods"):
            yield route
        elif hasattr(route, "routes"):
            yield from _flatten(route)
