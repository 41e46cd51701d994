"""Which release a run config is for: `version: 2` is the same in all of them, so its keys and providers tell.

A release that a user names wins; an image's tag comes next; the rest is a conclusion from the config, and is
reported as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_resolver.releases import Release, UnknownReleaseError
from llamastack_resolver.suggest import nearest

Knows = Callable[[Release, str, str], bool]
_TAG = re.compile(r"^v?(\d+\.\d+(?:\.\d+)?(?:(?:a|b|rc)\d+)?)$")


@dataclass(frozen=True)
class Detection:
    """A release and what it was concluded from."""

    release: Release
    because: str


def parse_release(text: str, known: Iterable[Release]) -> Release:
    """Read a release as users write it: `0.7.3`, `ogx-1.5.0`, `llama-stack 0.7.3`, or `1.5.0` where one
    package has it.

    Raises:
        UnknownReleaseError: it is no release, or not one of `known`; the message names the nearest.
    """
    releases = list(known)
    match = re.match(r"^\s*(?:(llama-stack|ogx)[- =@]+)?v?([0-9][0-9a-z.]*)\s*$", text)
    if not match:
        raise UnknownReleaseError(f"{text!r} is no release; write 0.7.3 or ogx-1.5.0")
    package, version = match.groups()
    found = [r for r in releases if r.version == version and package in (None, r.package)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(f"{r.package}-{r.version}" for r in found)
        raise UnknownReleaseError(f"{text} is ambiguous: {names}")
    candidates = [r for r in releases if package in (None, r.package)]
    near = nearest(version, (r.version for r in candidates))
    names = ", ".join(str(r) for r in candidates if r.version in near) or ", ".join(map(str, releases[-3:]))
    raise UnknownReleaseError(f"{text} is not known; the nearest are {names}")


def release_of_image(image: str, known: Iterable[Release]) -> Release | None:
    """Return the release that an image's tag names, such as `llamastack/distribution-starter:0.7.3`."""
    repository, _, tag = image.partition("@")[0].rpartition(":")
    match = _TAG.match(tag)
    if not match or "/" in tag:
        return None
    package = "ogx" if re.search(r"(^|[/_-])ogx([/_-]|$)", repository) else "llama-stack"
    wanted = [r for r in known if r.version == match[1]]
    for release in wanted:
        if release.package == package:
            return release
    return wanted[0] if len(wanted) == 1 else None


# Each sign bounds the release from below (since) or above (before).
_SINCE = (
    (Release.parse("0.3.0"), "storage"),
    (Release.parse("0.3.0"), "registered_resources"),
    (Release.parse("0.3.0"), "vector_stores"),
    (Release.parse("0.5.0"), "distro_name"),
    (Release.parse("0.5.0"), "connectors"),
    (Release.parse("0.7.0"), "providers.responses"),
    (Release.parse("ogx-0.8.0"), "providers.messages"),
    (Release.parse("ogx-0.8.0"), "providers.interactions"),
    (Release.parse("ogx-1.0.0"), "storage.stores.prompts.table_name"),
    (Release.parse("ogx-1.2.0"), "providers.skills"),
    (Release.parse("ogx-1.2.0"), "server.tenancy"),
    (Release.parse("ogx-1.2.0"), "server.insecure"),
    (Release.parse("ogx-1.2.0"), "server.tls_config"),
)
_BEFORE = (
    (Release.parse("0.3.0"), "metadata_store"),
    (Release.parse("0.3.0"), "inference_store"),
    (Release.parse("0.3.0"), "models"),
    (Release.parse("0.3.0"), "vector_dbs"),
    (Release.parse("0.3.0"), "providers.telemetry"),
    (Release.parse("0.7.0"), "providers.agents"),
    (Release.parse("0.7.0"), "providers.post_training"),
    (Release.parse("ogx-0.8.0"), "providers.datasetio"),
    (Release.parse("ogx-0.8.0"), "providers.scoring"),
    (Release.parse("ogx-0.8.0"), "providers.eval"),
    (Release.parse("ogx-1.0.0"), "providers.safety"),
)


def detect_release(config: Mapping[str, Any], known: Iterable[Release], knows: Knows | None = None) -> Detection:
    """Conclude the release of a run config.

    Args:
        config: the run config, before or after substitution.
        known: releases to choose from; at least one.
        knows: whether a release has a provider type of an API; it decides between the releases that the keys
            allow.

    Returns:
        The newest release that fits best.
    """
    releases = sorted(known)
    since = [(release, key) for release, key in _SINCE if _has(config, key)]
    lower = max(since, default=None)
    before = [(release, key) for release, key in _BEFORE if _has(config, key)]
    upper = min(before, default=None)
    fitting = [r for r in releases if (not lower or r.since(lower[0])) and (not upper or not r.since(upper[0]))]
    reasons = [f"`{key}`" for _, key in filter(None, (lower, upper))]
    if not fitting:
        fitting = [r for r in releases if not lower or r.since(lower[0])] or releases
        reasons = reasons[:1]
    if knows is None:
        best = fitting
    else:
        misses = {release: _misses(config, release, knows) for release in fitting}
        fewest = min(misses.values())
        if fewest < max(misses.values()):
            reasons.append("its provider types")
        best = [release for release in fitting if misses[release] == fewest]
    because = f"concluded from {' and '.join(reasons)}" if reasons else "the newest known: nothing in it tells"
    return Detection(best[-1], because)


def _has(config: Mapping[str, Any], key: str) -> bool:
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return value not in (None, [], {})


def _misses(config: Mapping[str, Any], release: Release, knows: Knows) -> int:
    providers = config.get("providers")
    return sum(
        not knows(release, str(api), entry["provider_type"])
        for api, entries in (providers.items() if isinstance(providers, dict) else ())
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("provider_type"), str) and not entry.get("module")
    )
