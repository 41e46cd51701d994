"""Compares a running server with what it should be: its release, its APIs, its providers and their health."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Findings, Whose
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.reasons import ConfigReason, ProtocolReason
from llamastack_resolver.resolution import Resolution
from llamastack_resolver.server.reasons import ServerReason
from llamastack_resolver.server.remote import Connection, RemoteError, resolve_remote_stack_impls
from llamastack_resolver.start_plan.reasons import StartPlanReason
from llamastack_resolver.suggest import did_you_mean

_OTHER_CONFIG = "the server runs another config: start it with this one, or compare it with its own"
_HEALTHY = ("OK", "Not Implemented")


@dataclass
class ServerView:
    """What a server says about itself.

    Attributes:
        url: its address.
        version: its release's version.
        providers: its providers: api, provider_id, provider_type, health.
        apis: the APIs that were asked for, with `served`, `missing` or `unknown`.
        findings: where it differs from what it should be.
    """

    url: str
    version: str = ""
    providers: list[dict[str, Any]] = field(default_factory=list)
    apis: dict[str, str] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `llamastack verify`."""
        return {
            "url": self.url,
            "version": self.version,
            "apis": self.apis,
            "providers": self.providers,
            "findings": [finding.to_dict() for finding in self.findings.sorted()],
        }


def server_version(connection: Connection) -> str:
    """Return the version that the server reports.

    Raises:
        RemoteError: it cannot be reached, or has no `/v1/version`.
    """
    answer = connection.request("GET", "/v1/version")
    version = answer.get("version") if isinstance(answer, dict) else None
    if not isinstance(version, str):
        raise RemoteError(f"{connection.url} answers, but is no Llama Stack server: it has no version")
    return version


def verify(
    connection: Connection,
    knowledge: ReleaseKnowledge,
    apis: Sequence[str],
    expected: Resolution | None = None,
    version: str = "",
) -> ServerView:
    """Look at a running server.

    Args:
        connection: the server.
        knowledge: the release that it should be, or that it reports.
        apis: APIs that it has to serve; empty: those of the expected config, or of its own providers.
        expected: the resolved run config that it should run.
        version: the version it reported, if it was asked before.
    """
    view = ServerView(connection.url, version)
    route = "/v1/version"
    try:
        view.version = version or server_version(connection)
        route = "/v1/providers"
        view.providers = _providers(connection)
    except RemoteError as error:
        view.findings.error(
            ServerReason.UNREACHABLE, str(error), route, hint="look at the address, and at the server's log"
        )
        return view
    if view.version.split("+")[0] != knowledge.release.version:
        message = f"the server is {view.version}, {knowledge.release.version} was expected"
        hint = "name the server's release, or run the image of the one that was named"
        view.findings.error(ConfigReason.UNSUPPORTED_VERSION, message, "/v1/version", hint=hint)
    if expected is not None:
        _compare(view, expected)
    _report_health(view)
    asyncio.run(_check_apis(view, connection, knowledge, apis or _apis_of(view, expected)))
    return view


def _providers(connection: Connection) -> list[dict[str, Any]]:
    answer = connection.request("GET", "/v1/providers")
    items = answer.get("data") if isinstance(answer, dict) else answer
    return [
        {
            "api": item.get("api"),
            "id": item.get("provider_id"),
            "type": item.get("provider_type"),
            "health": _health(item.get("health")),
        }
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
    ]


def _health(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {"status": "Not Implemented"}
    return {key: str(value[key]) for key in ("status", "message") if value.get(key)}


def _compare(view: ServerView, expected: Resolution) -> None:
    running = {(p["api"], p["id"]): p["type"] for p in view.providers}
    wanted: dict[tuple[str, str], list[ProviderEntry]] = {}
    open_apis = set()
    for step in expected.plan:
        for entry in (provider.entry for provider in step.providers if provider.entry is not None):
            if entry.id_known:
                wanted.setdefault((step.api, entry.provider_id or ""), []).append(entry)
            else:
                open_apis.add(step.api)
    for (api, provider_id), entries in wanted.items():
        whose: Whose = {"api": api, "provider": provider_id}
        found = running.get((api, provider_id))
        provider_type, path = entries[0].provider_type, entries[0].path
        if found is None and all(entry.condition for entry in entries):
            continue  # its variable is not set there
        if found is None:
            ids = [name for other, name in running if other == api]
            hint = did_you_mean(provider_id, ids) or _OTHER_CONFIG
            message = f"the server has no provider {provider_id} of `{api}`"
            view.findings.error(ConfigReason.MISSING_REFERENCE, message, path, hint=hint, **whose)
        elif found not in [entry.provider_type for entry in entries]:
            message = f"{provider_id} of `{api}` is {found}, not {provider_type}"
            view.findings.error(ModuleReason.SPEC_MISMATCH, message, path, hint=_OTHER_CONFIG, **whose)
    for api, provider_id in running:
        if (api, provider_id) not in wanted and api not in open_apis:
            message = f"the server has a provider {provider_id} of `{api}`, which the config does not have"
            whose = {"api": api, "provider": provider_id}
            path = f"providers.{api}"
            view.findings.warning(ConfigReason.MISSING_REFERENCE, message, path, hint=_OTHER_CONFIG, **whose)


def _report_health(view: ServerView) -> None:
    for provider in view.providers:
        health = provider["health"]
        if health.get("status") not in _HEALTHY:
            detail = f": {health['message']}" if health.get("message") else ""
            message = f"{provider['id']} of `{provider['api']}` reports {health.get('status')}{detail}"
            whose: Whose = {"api": provider["api"], "provider": provider["id"]}
            path, hint = f"/v1/providers/{provider['id']}", "look at what the provider connects to"
            view.findings.error(ServerReason.UNHEALTHY, message, path, hint=hint, **whose)


def _apis_of(view: ServerView, expected: Resolution | None) -> list[str]:
    if expected is not None and expected.config is not None and expected.config.apis:
        return list(expected.config.apis)
    return sorted({str(provider["api"]) for provider in view.providers})


async def _check_apis(
    view: ServerView, connection: Connection, knowledge: ReleaseKnowledge, apis: Iterable[str]
) -> None:
    served = await asyncio.to_thread(_served_routes, connection)
    for api in apis:
        try:
            impls = resolve_remote_stack_impls(connection, [api], knowledge)
        except KeyError:
            view.apis[api] = "unknown"
            hint = did_you_mean(api, knowledge.protocols) or "do not ask for it"
            message = f"{knowledge.release} has no API `{api}`"
            view.findings.error(ProviderReason.UNKNOWN_API, message, "apis", api=api, hint=hint)
            continue
        _check_routes(view, api, impls.keys(), knowledge, served)


def _check_routes(
    view: ServerView, api: str, names: Iterable[str], knowledge: ReleaseKnowledge, served: set[str] | None
) -> None:
    """Compare the protocol's stable routes with those that the server lists."""
    wanted = {
        _shape(method.route.path): f"{method.route.method} {method.route.path}"
        for name in names
        for method in knowledge.protocols[name].methods.values()
        if method.route and method.route.path.startswith("/v1/")
    }
    if served is None:
        view.apis[api] = "served"
        return
    missing = sorted(text for shape, text in wanted.items() if shape not in served)
    if wanted and len(missing) == len(wanted):
        view.apis[api] = "missing"
        message = f"the server does not serve `{api}`"
        hint = f"add `{api}` to `apis` of its config, with a provider if it takes one"
        view.findings.error(StartPlanReason.MISSING_DEPENDENCY, message, "apis", api=api, hint=hint)
        return
    view.apis[api] = "served"
    for text in missing:
        hint = f"run an image whose server is {knowledge.release} as it was released"
        view.findings.warning(ProtocolReason.MISSING_METHOD, f"`{api}` lacks {text}", text, api=api, hint=hint)


def _served_routes(connection: Connection) -> set[str] | None:
    """Return the paths that the server lists, placeholders without names; None where it does not list
    them."""
    paths: set[str] = set()
    for address in ("/v1/inspect/routes", "/v1/inspect/routes?api_filter=v1alpha"):
        path, _, query = address.partition("?")
        try:
            answer = connection.request("GET", path, dict([query.split("=")]) if query else None)
        except RemoteError:
            continue
        items = answer.get("data") if isinstance(answer, dict) else None
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and isinstance(item.get("route"), str):
                paths.add(_shape(item["route"]))
    return paths or None


def _shape(path: str) -> str:

    return re.sub(r"{[^{}]*}", "{}", path)
