"""What a release does in its own way, as named questions: `Behaviour.of(release)`.

Upstream changes how it loads a config, finds providers and starts them without saying so in the config, whose
`version: 2` has never changed. Every such rule is here and nowhere else, so a new release is reviewed in this file
and in the tables whose lines name a release (`docs/resolver.md` lists them). What a release ships, as its providers,
its APIs and the schema of its config, is no rule: `ReleaseKnowledge` has it, and it is asked first.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from llamastack_resolver.releases import Release

NEWEST = Release.parse("ogx-1.5.0")
"""The newest release that was reviewed here. What newer ones do is not known yet: they are taken to do the same."""

_FIRST_IDS = ("vector_store_id", "model_id")
_ALL_IDS = (*_FIRST_IDS, "shield_id", "dataset_id", "scoring_fn_id", "benchmark_id")
_RESOURCE_IDS = (
    ("ogx-1.0.0", _FIRST_IDS),
    ("ogx-0.8.0", (*_FIRST_IDS, "shield_id")),
    ("0.7.0", _ALL_IDS),
    ("0.4.1", (*_ALL_IDS, "toolgroup_id")),
)
"""Newest first, so that the first line that fits is the right one."""


class Behaviour(NamedTuple):
    """The rules of one release. Each says since when, or until when, it holds."""

    # Substitution of variables (`replace_env_vars` in core/stack.py).
    converts_every_string: bool
    """Before 0.2.20 strings without a reference become numbers and booleans too, even quoted ones."""
    resource_ids: tuple[str, ...]
    """Since 0.4.1 list items are dropped where one of these ids comes out empty; the ids change with the APIs."""
    optional_auth: bool
    """Since 0.6.0 `server.auth.provider_config` is dropped where its type comes out empty."""

    # The run config.
    ignores_version: bool
    """Since 0.3.1 `llama stack run` takes every config for today's, whatever its `version` is."""
    started_by_command: bool
    """Since 0.3.0 `llama stack run` is the only way to start; before, the server's module was started as well."""
    upgrades_first_format: bool
    """Since ogx 1.0 the server converts `routing_table` when it loads a config (`upgrade_from_routing_table`)."""
    moves_stores_to_sql: bool
    """Since ogx 1.0 references of prompts and connectors to a key-value store are rewritten on load."""
    nests_resources: bool
    """Since 0.3.0 models, shields and so on are read from `registered_resources`, no more from the top level."""
    registers_datasets: bool
    """Before 0.2.20 `register_resources` asks datasets for a provider_id, which they lack: the server stops."""
    registers_vector_stores: bool
    """Since 0.4.0 vector stores are among `RESOURCES`; 0.3.x reads them and never registers them."""
    registers_tool_groups: bool
    """Before 0.7.0; since then the specs of the providers name their tool groups (`toolgroup_id`)."""
    models_of_every_provider: bool
    """Since ogx 0.8 a model with the provider `all` stands for every provider of inference."""

    # Where providers come from.
    knows_modules: bool
    """Since 0.2.16 an entry may have a `module:` (upstream's PR #2637)."""
    takes_spec_lists: bool
    """Since 0.3.0 `get_provider_spec` may return a list (#3341)."""
    flat_external_specs: bool
    """Since 0.2.23 the files of remote providers have no `adapter:` any more (#3378)."""

    fills_vector_stores_config: bool
    """Since 0.4.0 a provider's `vector_stores_config` is the run config's `vector_stores`, where that is given."""
    fills_metadata_store: bool
    """Since ogx 1.1 a provider without a `metadata_store` gets the run config's `storage.stores.vector_stores`."""
    fills_remote_configs: bool
    """Since ogx 1.1 that holds for remote providers too; before, for inline ones alone."""

    # What starts.
    internal_apis_first: bool
    """Since 0.3.0 the stack's own APIs, such as `inspect`, are there for providers; before, they come after them."""
    remote_policy: bool
    """Since 0.3.4 factories of remote providers are given the policy that they ask for too (#4277)."""
    route_policy: bool
    """In ogx 1.0.3 and later patches of 1.0, and since 1.4, factories of inline providers are given the `route_policy`
    that they ask for: a patch of an old minor may have what newer minors lack."""
    telemetry_flag: bool
    """In 0.3 factories of inline providers are given the `telemetry_enabled` that they ask for."""
    tells_siblings: bool
    """Since ogx 1.2 providers of an API without a router are told of each other, and no more lost but for the last."""
    has_workers: bool
    """Since ogx 1.3 a provider whose spec says `execution_mode: worker` runs in processes of its own."""
    cycles_fail: bool
    """Since ogx 1.2 a circle of dependencies is refused (#6157); before, the sort passed over it in silence."""
    serves_unbacked_apis: bool
    """Since ogx 1.5 the server starts with an API in `apis` that nothing provides."""

    # Installation.
    has_stack_build: bool
    """Before 0.3.0 `llama stack build` reads a build.yaml; `list-deps`, which takes a run config, replaced it."""
    lists_disabled_providers: bool
    """Before ogx 1.2 `list-deps` does not substitute, and lists what entries need that come out disabled."""
    api_package: str | None
    """Since 0.4.0 and ogx 0.8 the protocols are a distribution of their own, which has to be of the same version."""

    @classmethod
    def of(cls, release: Release) -> Behaviour:
        """Return the rules of a release."""
        return _behaviour(release)


@cache
def _behaviour(release: Release) -> Behaviour:
    since = release.since
    return Behaviour(
        converts_every_string=not since("0.2.20"),
        resource_ids=next((ids for first, ids in _RESOURCE_IDS if since(first)), ()),
        optional_auth=since("0.6.0"),
        ignores_version=since("0.3.1"),
        started_by_command=since("0.3.0"),
        upgrades_first_format=since("ogx-1.0.0"),
        moves_stores_to_sql=since("ogx-1.0.0"),
        nests_resources=since("0.3.0"),
        registers_datasets=since("0.2.20"),
        registers_vector_stores=since("0.4.0"),
        registers_tool_groups=not since("0.7.0"),
        models_of_every_provider=since("ogx-0.8.0"),
        knows_modules=since("0.2.16"),
        takes_spec_lists=since("0.3.0"),
        flat_external_specs=since("0.2.23"),
        fills_vector_stores_config=since("0.4.0"),
        fills_metadata_store=since("ogx-1.1.0"),
        fills_remote_configs=since("ogx-1.1.0"),
        internal_apis_first=since("0.3.0"),
        remote_policy=since("0.3.4"),
        route_policy=since("ogx-1.4.0") or (since("ogx-1.0.3") and not since("ogx-1.1.0")),
        telemetry_flag=since("0.3.0") and not since("0.4.0"),
        tells_siblings=since("ogx-1.2.0"),
        has_workers=since("ogx-1.3.0"),
        cycles_fail=since("ogx-1.2.0"),
        serves_unbacked_apis=since("ogx-1.5.0"),
        has_stack_build=not since("0.3.0"),
        lists_disabled_providers=not since("ogx-1.2.0"),
        api_package=f"{release.package}-api" if since("0.4.0", "ogx-0.8.0") else None,
    )
