"""Which providers and APIs were renamed or removed between releases, and what to use instead.

Upstream removes providers without a deprecation, so an upgrade ends in "not available". Each entry is a diff
of the registries of two releases, with the successor that upstream's own distributions use.
"""

from __future__ import annotations

from typing import NamedTuple

from llamastack_resolver.releases import Release


class Migration(NamedTuple):
    """A provider type that stopped to exist under its name.

    Attributes:
        api: the API it was a provider of.
        old: its provider type.
        since: the first release without it.
        new: the provider type that takes its place; None where there is none of that kind.
        new_api: the API that `new` belongs to, if another.
        advice: what to do where the new name alone does not say it.
    """

    api: str
    old: str
    since: Release
    new: str | None = None
    new_api: str | None = None
    advice: str | None = None


class ApiMigration(NamedTuple):
    """An API that stopped to exist under its name; `new` is its successor, if it has one."""

    old: str
    since: Release
    new: str | None = None
    advice: str | None = None


_0_3, _0_7, _OGX_0_8 = Release.parse("0.3.0"), Release.parse("0.7.0"), Release.parse("ogx-0.8.0")
_OPENAI = "any OpenAI-compatible server is reached with remote::vllm or remote::openai"

MIGRATIONS = (
    Migration("post_training", "inline::huggingface", Release.parse("0.2.19"), "inline::huggingface-gpu"),
    Migration("post_training", "inline::torchtune", Release.parse("0.2.19"), "inline::torchtune-gpu"),
    Migration("inference", "inline::meta-reference", Release.parse("0.5.0"), None, None, _OPENAI),
    Migration("inference", "remote::tgi", _0_7, "remote::openai", None, _OPENAI),
    Migration("inference", "remote::hf::serverless", _0_7, "remote::openai", None, _OPENAI),
    Migration("inference", "remote::hf::endpoint", _0_7, "remote::openai", None, _OPENAI),
    Migration("agents", "inline::meta-reference", _0_7, "inline::builtin", "responses"),
    Migration("eval", "inline::meta-reference", _0_7, "inline::builtin"),
    Migration("vector_io", "inline::meta-reference", _0_7, "inline::faiss"),
    Migration("tool_runtime", "inline::rag-runtime", _0_7, "inline::file-search"),
    Migration("vector_io", "inline::builtin", _OGX_0_8, "inline::faiss"),
    Migration("vector_io", "inline::sqlite_vec", _OGX_0_8, "inline::sqlite-vec"),
    Migration("inference", "inline::transformers", Release.parse("ogx-1.2.0"), "inline::sentence-transformers"),
    Migration("inference", "remote::passthrough", Release.parse("ogx-1.3.0"), None, None, "ogx 1.3.1 has it again"),
)

API_MIGRATIONS = (
    ApiMigration("vector_dbs", _0_3, "vector_stores"),
    ApiMigration("telemetry", _0_3, None, "remove the section: telemetry is set by OTEL_* environment variables"),
    ApiMigration("agents", _0_7, "responses"),
    ApiMigration("post_training", _0_7),
    ApiMigration("datasetio", _OGX_0_8),
    ApiMigration("datasets", _OGX_0_8),
    ApiMigration("scoring", _OGX_0_8),
    ApiMigration("scoring_functions", _OGX_0_8),
    ApiMigration("eval", _OGX_0_8),
    ApiMigration("benchmarks", _OGX_0_8),
    ApiMigration("safety", Release.parse("ogx-1.0.0")),
    ApiMigration("shields", Release.parse("ogx-1.0.0")),
)


def migration_of(api: str, provider_type: str, release: Release) -> Migration | None:
    """Return what became of a provider type that `release` no longer has."""
    found = [m for m in MIGRATIONS if (m.api, m.old) == (api, provider_type) and release.since(m.since)]
    return max(found, key=lambda m: m.since) if found else None


def former_name(api: str, provider_type: str, release: Release) -> Migration | None:
    """Return the migration that gives `provider_type` its name after `release`: the config is for a newer
    one."""
    return next(
        (
            m
            for m in MIGRATIONS
            if m.new == provider_type
            and (m.new_api or m.api) == api
            and not release.since(m.since)
            and m.advice is None
        ),
        None,
    )


def api_migration_of(api: str, release: Release) -> ApiMigration | None:
    """Return what became of an API that `release` no longer has."""
    return next((m for m in API_MIGRATIONS if m.old == api and release.since(m.since)), None)


def former_api_name(api: str, release: Release) -> ApiMigration | None:
    """Return the migration that will give an API its name after `release`."""
    return next((m for m in API_MIGRATIONS if m.new == api and not release.since(m.since)), None)
