"""Names of APIs that are written in another way than the release has them, such as `Files` or `vector-io`.

Every release reads a name without regard to case and dashes (`DynamicApiMeta.__call__`), and then goes on with the text
as it was written. So some of them serve, and others do not: routed APIs are looked for by their exact name, and a
dependency on an API does not bring a section of another spelling forward.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from llamastack_resolver.config.run_config import ProviderEntry, RunConfig
from llamastack_resolver.knowledge import ReleaseKnowledge


def member_name(name: str) -> str:
    """Return the name under which a release keeps an API: what is the same here is the same API to it."""
    return name.lower().replace("-", "_")


def meant_api(name: str, apis: Collection[str]) -> str | None:
    """Return the API that a release takes a name for; None where it is an exact name, or none at all."""
    if name in apis:
        return None
    meant = member_name(name)
    # The releases' own are written like their members; external ones are written as their file has them.
    return meant if meant in apis else next((api for api in apis if member_name(api) == meant), None)


def with_exact_names(config: RunConfig, knowledge: ReleaseKnowledge) -> RunConfig:
    """Return a config whose APIs have their own names, where the release serves it as it is; paths stay.

    Args:
        config: the run config; names that were exchanged before stay so.
        knowledge: the release, with external APIs where they are known.
    """
    renamed: dict[str, str] = dict(config.renamed)
    providers: dict[str, tuple[ProviderEntry, ...]] = {}
    malformed = set(config.malformed)
    for name, entries in config.providers.items():
        api = meant_api(name, knowledge.apis)
        enabled = any(not entry.disabled for entry in entries)
        if api is None or api not in knowledge.providable_apis or (enabled and api in knowledge.router_apis):
            providers[name] = (*providers.get(name, ()), *entries)
            continue
        renamed[api] = name
        malformed.update({api} if name in malformed else ())
        providers[api] = (*providers.get(api, ()), *(entry._replace(api=api) for entry in entries))
    apis = config.apis
    if apis is not None:
        apis = tuple(_served(name, apis, knowledge) for name in apis)
    return replace(config, providers=providers, malformed=frozenset(malformed), apis=apis, renamed=renamed)


def _served(name: str, listed: Collection[str], knowledge: ReleaseKnowledge) -> str:
    """Return the API that an item of `apis` serves; the name itself where a router would have to be made for it."""
    api = meant_api(name, knowledge.apis)
    return name if api is None or (api in knowledge.router_apis and api not in listed) else api
