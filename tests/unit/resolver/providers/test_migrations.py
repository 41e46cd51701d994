"""The migration table says what happened: each line is checked against the catalog of the releases around
it."""

from itertools import pairwise

import pytest

from llamastack_operator import catalog
from llamastack_resolver.config.check import MOVED_KEYS, MovedKey
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.migrations import (
    API_MIGRATIONS,
    MIGRATIONS,
    ApiMigration,
    Migration,
    api_migration_of,
    former_api_name,
    former_name,
    migration_of,
)
from llamastack_resolver.releases import Release


def around(since: Release) -> tuple[Release, Release]:
    """Return the release before a change, and the first that has it."""
    releases = catalog.releases()
    return releases[[*releases].index(since) - 1], since


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda m: f"{m.api}/{m.old}")
def test_a_provider_type_was_there_before_and_its_successor_is_there_since(migration: Migration):
    before, since = map(catalog.load_release, around(migration.since))

    assert migration.old in before.providers[migration.api]
    assert migration.old not in since.providers.get(migration.api, {})
    if migration.new:
        assert migration.new in since.providers[migration.new_api or migration.api]


@pytest.mark.parametrize("migration", API_MIGRATIONS, ids=lambda m: m.old)
def test_an_api_took_providers_or_a_table_before_and_does_not_since(migration: ApiMigration):
    before, since = map(catalog.load_release, around(migration.since))

    assert migration.old in before.providable_apis | before.routing_table_apis
    assert migration.old not in since.providable_apis | since.routing_table_apis
    assert migration.new is None or migration.new in since.apis


@pytest.mark.parametrize("moved", MOVED_KEYS, ids=lambda m: m.key)
def test_a_key_of_the_run_config_was_understood_before_and_is_not_since(moved: MovedKey):
    before, since = map(catalog.load_release, around(moved.since))

    assert _knows(before, moved.key)
    assert not _knows(since, moved.key)


def pairs() -> list[tuple[ReleaseKnowledge, ReleaseKnowledge]]:
    """Return each release of the catalog with the one after it."""
    releases = [catalog.load_release(release) for release in catalog.releases()]
    return list(pairwise(releases))


def test_no_provider_type_stopped_to_exist_without_a_migration():
    gone = [
        (str(after.release), api, provider_type)
        for before, after in pairs()
        for api, types in before.providers.items()
        for provider_type in types
        if provider_type not in after.providers.get(api, {})
        and not migration_of(api, provider_type, after.release)
        and not api_migration_of(api, after.release)
    ]

    assert gone == []


def test_no_api_stopped_to_exist_without_a_migration():
    gone = [
        (str(after.release), api)
        for before, after in pairs()
        for api in (before.providable_apis | before.routing_table_apis)
        - (after.providable_apis | after.routing_table_apis)
        if not api_migration_of(api, after.release)
    ]

    assert gone == []


def test_no_key_of_the_run_config_stopped_to_be_understood_without_a_new_place():
    moved = {(str(moved.since), moved.key) for moved in MOVED_KEYS}

    gone = [
        (str(after.release), key)
        for before, after in pairs()
        for key in _keys(before) - _keys(after)
        if (str(after.release), key) not in moved
    ]

    assert gone == []


def _keys(release: ReleaseKnowledge) -> set[str]:
    """Return the keys of the top level, and of the sections that all releases have in common."""
    schema = release.schemas[release.run_config_class]
    keys = set(schema["properties"])
    for section in ("server", "registered_resources", "storage.stores"):
        node = schema
        for part in section.split("."):
            node = node.get("properties", {}).get(part, {})
            node = schema["$defs"].get(str(node.get("$ref") or "").rsplit("/", 1)[-1], node)
        keys |= {f"{section}.{key}" for key in node.get("properties", {})}
    return keys


def _knows(release: object, key: str) -> bool:
    schema = release.schemas[release.run_config_class]
    definitions, node = schema["$defs"], schema
    for part in key.split("."):
        node = node.get("properties", {}).get(part)
        if node is None:
            return False
        reference = str(node.get("$ref") or "").rsplit("/", 1)[-1]
        node = definitions.get(reference, node)
    return True


def test_questions_are_answered_for_the_release_at_hand():
    old, new = Release("llama-stack", "0.6.0"), Release("ogx", "1.5.0")

    assert migration_of("agents", "inline::meta-reference", old) is None
    assert migration_of("agents", "inline::meta-reference", new).new_api == "responses"
    assert former_name("responses", "inline::builtin", old).old == "inline::meta-reference"
    assert api_migration_of("agents", new).new == "responses"
    assert former_api_name("responses", old).old == "agents"
