"""What `llama stack build` (0.2.x) and `list-deps` (0.3 and newer) would install for a run config.

The differences between the releases stand in tables here; tests compare them with what the releases themselves say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.config.api_names import meant_api
from llamastack_resolver.config.env import Environment, substitute
from llamastack_resolver.config.run_config import ProviderEntry, RunConfig, read_run_config
from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.releases import Release

SERVER_DEPENDENCIES = (
    "aiosqlite",
    "fastapi",
    "fire",
    "httpx",
    "uvicorn",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
)
INDEX_NAMES = ("pytorch-cpu",)
"""The names that the catalog has in place of addresses of indexes. The platform says which address one stands for;
where it says nothing, the packages come from the ordinary indexes."""
# What a release adds to them, and since when (`SERVER_DEPENDENCIES` in its core/build.py).
_ADDED = (
    (Release.parse("ogx-1.1.0"), "opentelemetry-exporter-otlp-proto-grpc"),
    (Release.parse("ogx-1.5.0"), "httpx2"),
)
# What a release imports, and neither depends on nor lists: first release, first without, the provider whose module does
# (None: every server's start), and what is missing.
_FORGOTTEN: tuple[tuple[Release, Release, tuple[str, str] | None, str], ...] = (
    (Release.parse("0.2.22"), Release.parse("0.3.0"), None, "sqlalchemy[asyncio]"),
    (Release.parse("0.2.23"), Release.parse("0.3.0"), ("inference", "remote::vllm"), "litellm"),
)


@dataclass(frozen=True)
class Entries:
    """The provider entries of a run config, as written and after substitution.

    Attributes:
        written: API, provider type and path of every entry, disabled ones included.
        config: the substituted run config, without the entries whose id is `__disabled__`.
        findings: what is too long to be looked through.
    """

    written: tuple[tuple[str, str, str], ...]
    config: RunConfig
    findings: Findings

    @property
    def kept(self) -> list[ProviderEntry]:
        """The entries that the server reads; those without an id are skipped, but their module is imported."""
        return [entry for entry in self.config.entries() if not (entry.disabled and entry.provider_id)]


def read_entries(run_config: Mapping[str, Any], release: Release, environment: Environment) -> Entries:
    """Read the provider entries of a run config.

    Args:
        run_config: as YAML gives it.
        release: whose rules of substitution hold.
        environment: the variables that the server will see.
    """
    substitution = substitute({"providers": run_config.get("providers")}, environment, Behaviour.of(release))
    config = read_run_config(substitution.value, substitution)
    types = {entry.path: entry.provider_type for entry in config.entries()}
    findings = Findings()
    substitution.report_lengths(findings)
    return Entries(tuple(_written(run_config, types)), config, findings)


def _written(run_config: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    section = run_config.get("providers")
    for api, items in (section if isinstance(section, dict) else {}).items():
        for index, item in enumerate(items if isinstance(items, list) else ()):
            path = f"providers.{api}[{index}]"
            written = item.get("provider_type") if isinstance(item, dict) else None
            provider_type = types.get(path, written)
            if isinstance(provider_type, str) and not item.get("module"):
                yield str(api), provider_type, path


def release_packages(release: Release) -> tuple[str, ...]:
    """Return the pinned packages of the release itself.

    Releases ask for their API package without a version, and take the newest, which does not fit: it is pinned to
    the same version.
    """
    names = [release.package, Behaviour.of(release).api_package]
    return tuple(f"{name}=={release.version}" for name in names if name)


def server_dependencies(release: Release) -> tuple[str, ...]:
    """Return what the server of a release needs besides the release's own dependencies."""
    added = (name for since, name in _ADDED if release.since(since))
    return (*SERVER_DEPENDENCIES, *added, *forgotten_packages(release))


def forgotten_packages(release: Release, provider: tuple[str, str] | None = None) -> tuple[str, ...]:
    """Return what the release's own command does not list, although its server does not start without it.

    Args:
        release: the release.
        provider: API and type of a built-in provider, or None for what every server needs.
    """
    return tuple(
        name
        for since, until, needs, name in _FORGOTTEN
        if needs == provider and release.since(since) and not release.since(until)
    )


def builtin_packages(entries: Entries, knowledge: ReleaseKnowledge) -> list[str]:
    """Return the pip_packages of the built-in providers of a run config, as the release's own command lists them.

    What it forgets is added.
    Entries with a `module:` bring their own packages, and those of unknown types have none: the resolver reports
    them.
    """
    kept = {entry.path for entry in entries.config.entries()}
    # Packages of disabled entries are installed where the release lists them: the same image then serves whichever
    # of them the variables enable.
    all_listed = knowledge.behaviour.lists_disabled_providers
    packages: dict[str, None] = {}
    for api, provider_type, path in entries.written:
        api = meant_api(api, knowledge.apis) or api
        spec = knowledge.providers.get(api, {}).get(provider_type)
        if spec is not None and (path in kept or all_listed):
            forgotten = forgotten_packages(knowledge.release, (api, provider_type))
            packages.update(dict.fromkeys((*spec.pip_packages, *forgotten)))
    return list(packages)
