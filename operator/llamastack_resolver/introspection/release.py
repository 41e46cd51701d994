"""Describes the installed release as a whole."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from llamastack_resolver.introspection.configs import describe_class, describe_config_class
from llamastack_resolver.introspection.layout import Layout
from llamastack_resolver.introspection.protocols import describe_protocol, router_routes
from llamastack_resolver.introspection.specs import describe_spec, name_of
from llamastack_resolver.knowledge import FORMAT

Problems = list[str]


class IntrospectionError(RuntimeError):
    """Parts of the release cannot be described; the message lists all of them."""


def describe_release(layout: Layout, problems: Problems | None = None) -> dict[str, Any]:
    """Return the `core` part for the installed release.

    Args:
        layout: where the release keeps its parts.
        problems: takes what could not be imported; None (for the catalog) makes that an error.

    Raises:
        IntrospectionError: `problems` is None, and something could not be described.
    """
    found: Problems = []
    distribution, resolver = layout.module("distribution"), layout.resolver
    providers = _providers(layout, distribution, found)
    run_config_class = layout.run_config_class
    protocols = _protocols(layout, found)
    inference = resolver.api_protocol_map_for_compliance_check(SimpleNamespace(external_apis_dir=None))
    core = {
        "format": FORMAT,
        "package": layout.release.package,
        "version": layout.release.version,
        "apis": sorted(name_of(api) for api in layout.api),
        "providable_apis": sorted(providers),
        "routed": _routed(distribution, resolver),
        "routers_module": _routers_module(resolver),
        "run_config_class": f"{run_config_class.__module__}.{run_config_class.__qualname__}",
        "providers": providers,
        "protocols": protocols,
        "compliance_protocols": {
            name_of(api): describe_protocol(protocol, _routes_of(protocols.get(name_of(api))))
            for api, protocol in inference.items()
            if resolver.api_protocol_map().get(api) is not protocol
        },
        "additional_protocols": {
            name_of(api): {"private": describe_protocol(private), "api": name_of(table)}
            for api, (private, _, table) in resolver.additional_protocols_map().items()
        },
        "distributions": sorted(describe_distributions(layout)),
    }
    _settle(found, problems)
    return core


def describe_schemas(
    layout: Layout, core: dict[str, Any], problems: Problems | None = None
) -> dict[str, dict[str, Any]]:
    """Return the `schemas` part: of the run config class and of every built-in provider's config class.

    Raises:
        IntrospectionError: `problems` is None, and a class could not be described.
    """
    found: Problems = []
    schemas = {core["run_config_class"]: describe_class(layout.run_config_class)}
    classes = {spec.get("config_class") for specs in core["providers"].values() for spec in specs.values()}
    for dotted in sorted(name for name in classes if name):
        schema = _attempt(f"config class {dotted}", partial(describe_config_class, dotted), found)
        if schema is not None:
            schemas[dotted] = schema
    _settle(found, problems)
    return schemas


def describe_distributions(layout: Layout) -> dict[str, str]:
    """Return the text of every bundled run config; variants are named `starter/run-with-postgres-store`."""
    root = Path(importlib.import_module(layout.root).__file__ or "").parent
    found: dict[str, str] = {}
    for folder in (root / "distributions", root / "templates"):
        for path in sorted(folder.glob("*/*.yaml")):
            if path.stem == "build":
                continue
            main = path.stem in ("run", "config")
            found[path.parent.name if main else f"{path.parent.name}/{path.stem}"] = path.read_text("utf-8")
    return found


def _providers(layout: Layout, distribution: Any, problems: Problems) -> dict[str, Any]:
    providers: dict[str, Any] = {}
    for api in distribution.providable_apis():
        name = name_of(api)
        module_name = f"{layout.root}.providers.registry.{api.name.lower()}"
        if importlib.util.find_spec(module_name) is None:
            # 0.2.21 and 0.2.22 call `prompts` providable without having a registry for it.
            continue
        module = _attempt(f"registry of {name}", partial(importlib.import_module, module_name), problems)
        specs = _attempt(f"providers of {name}", module.available_providers, problems) if module else None
        if specs is not None:
            described = [describe_spec(spec) for spec in specs]
            providers[name] = {spec["provider_type"]: _without_keys(spec) for spec in described}
    return providers


def _without_keys(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in ("api", "provider_type")}


def _routed(distribution: Any, resolver: Any) -> list[dict[str, Any]]:
    pairs = [
        (name_of(info.routing_table_api), name_of(info.router_api))
        for info in distribution.builtin_automatically_routed_apis()
    ]
    specs = resolver.specs_for_autorouted_apis([router for _, router in pairs])
    return [
        {
            "table": table,
            "router": router,
            "requires": [name_of(api) for api in specs[router]["__builtin__"].spec.api_dependencies],
            "optional": [name_of(api) for api in specs[router]["__builtin__"].spec.optional_api_dependencies],
        }
        for table, router in pairs
    ]


def _routers_module(resolver: Any) -> str:
    infos = resolver.builtin_automatically_routed_apis()
    specs = resolver.specs_for_autorouted_apis([name_of(infos[0].router_api)])
    return str(specs[name_of(infos[0].router_api)]["__builtin__"].spec.module)


def _protocols(layout: Layout, problems: Problems) -> dict[str, Any]:
    try:
        routers: Any = layout.module("server.fastapi_router_registry")
    except ModuleNotFoundError:
        routers = None
    described = {}
    for api, protocol in layout.resolver.api_protocol_map().items():
        routes: dict[str, dict[str, str]] = {}
        if routers is not None:
            what = f"routes of {name_of(api)}"
            router = _attempt(what, partial(routers.build_fastapi_router, api, SimpleNamespace()), problems)
            routes = router_routes(router, protocol) if router is not None else {}
        described[name_of(api)] = describe_protocol(protocol, routes)
    return described


def _routes_of(protocol: dict[str, Any] | None) -> dict[str, dict[str, str]]:
    methods = (protocol or {}).get("methods", {})
    return {name: method["route"] for name, method in methods.items() if "route" in method}


def _attempt(what: str, function: Callable[[], Any], problems: Problems) -> Any:
    try:
        return function()
    except Exception as error:  # A release's modules may raise anything while they are imported.
        problems.append(f"{what}: {type(error).__name__}: {error}")
        return None


def _settle(found: Iterable[str], problems: Problems | None) -> None:
    lines = list(found)
    if problems is not None:
        problems.extend(lines)
    elif lines:
        raise IntrospectionError("the release cannot be described:\n" + "\n".join(lines))
