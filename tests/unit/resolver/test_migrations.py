"""The migration table says what happened: each line is checked against the catalog of the releases around
it."""

import pytest

from llamastack_operator import catalog
from llamastack_resolver.config_check import MOVED_KEYS, MovedKey
from llamastack_resolver.migrations import (
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
    before, since = map(catalog.load, around(migration.since))

    assert migration.old in before.providers[migration.api]
    assert migration.old not in since.providers.get(migration.api, {})
    if migration.new:
        assert migration.new in since.providers[migration.new_api or migration.api]


@pytest.mark.parametrize("migration", API_MIGRATIONS, ids=lambda m: m.old)
def test_an_api_took_providers_or_a_table_before_and_does_not_since(migration: ApiMigration):
    before, since = map(catalog.load, around(migration.since))

    assert migration.old in before.providable_apis | before.routing_table_apis
    assert migration.old not in since.providable_apis | since.routing_table_apis
    assert migration.new is None or migration.new in since.apis


@pytest.mark.parametrize("moved", MOVED_KEYS, ids=lambda m: m.key)
def test_a_key_of_the_run_config_was_understood_before_and_is_not_since(moved: MovedKey):
    before, since = map(catalog.load, around(moved.since))

    assert _knows(before, moved.key)
    assert not _knows(since, moved.key)


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
