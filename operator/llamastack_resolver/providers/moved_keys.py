"""What became of a key of a provider's config: which releases know it, and what takes its place in the one at hand.

Upstream renames keys without a word, and its config classes ignore what they do not know. Which releases know a key
is data (`config_keys.json`, made from the catalog). Where one key of a section went and one came, in the same
release, the second is the first one's new name; whatever else moved is in the tables here.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from llamastack_resolver.releases import Release


class KeySpan(NamedTuple):
    """The releases that know a key of a provider type's config.

    Attributes:
        key: its path, with dots.
        since: the first release that knows it; None where the type always had it.
        until: the first release that does not know it any more; None where the newest does.
    """

    key: str
    since: Release | None
    until: Release | None

    @property
    def section(self) -> str:
        """The path of what the key is in; empty at the top level."""
        return self.key.rpartition(".")[0]

    def is_past(self, release: Release) -> bool:
        """Whether only releases before `release` know the key."""
        return self.until is not None and release.since(self.until)

    def is_to_come(self, release: Release) -> bool:
        """Whether only releases after `release` know the key."""
        return self.since is not None and not release.since(self.since)


class KeyStory(NamedTuple):
    """What is known about a key that the config class of a release does not have.

    Attributes:
        key: the key, with dots.
        until: the first release that does not know it any more, where older ones did.
        since: the first release that knows it, where newer ones do.
        place: the keys of this release that have its content, the most fitting first; empty where it has none.
        advice: what else is to be said about it.
    """

    key: str
    until: Release | None
    since: Release | None
    place: tuple[str, ...] = ()
    advice: str | None = None


# Where more than one key of a section changed at once: provider type (`*` for all), old name, new name.
RENAMED = (
    ("remote::nvidia", "url", "base_url"),
    ("*", "persistence_store", "persistence.agent_state"),
    ("*", "responses_store", "persistence.responses"),
)
_BEARER = "since 0.4.0 a bearer token takes the place of AWS credentials: set `api_key`; ogx 0.8 and newer take both"
_NO_CLIENT_SETTING = "the client of these releases has no such setting; ogx 0.8 and newer have it again"
# Keys that went and have no successor: provider type, key, what to do.
GONE = (
    *(
        ("remote::bedrock", key, _BEARER)
        for key in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "profile_name")
    ),
    *(
        ("remote::bedrock", key, _NO_CLIENT_SETTING)
        for key in ("connect_timeout", "read_timeout", "retry_mode", "session_ttl", "total_max_attempts")
    ),
    ("remote::bedrock", "auth_credential", "remove it: it never had an effect"),
    ("remote::nvidia", "append_api_version", "remove it: `base_url` ends in /v1 instead"),
    ("inline::pypdf", "max_file_size_bytes", "remove it: the limit is the file API's own since ogx 0.8"),
    ("inline::builtin", "persistence.agent_state", "remove it: since ogx 1.0 only responses are kept"),
    ("remote::vertexai", "thought_signature_store", "remove it, or use ogx 1.4 or newer"),
)
# A new name whose content is another one, too: provider type, new name, what the value ends in now.
SUFFIXES = {
    ("remote::azure", "base_url"): "/openai/v1",
    ("remote::databricks", "base_url"): "/serving-endpoints",
    ("remote::groq", "base_url"): "/openai/v1",
    ("remote::nvidia", "base_url"): "/v1",
    ("remote::ollama", "base_url"): "/v1",
    ("remote::tgi", "base_url"): "/v1",
}


def story_of(api: str, provider_type: str, key: str, known: frozenset[str], release: Release) -> KeyStory | None:
    """Return what became of a key, None where no release is known to have it.

    Args:
        api: the API of the provider.
        provider_type: its type, a built-in one.
        key: the key's path, with dots; items of lists are `[]`.
        known: the keys of the release's config class.
        release: the release at hand.
    """
    spans = key_spans(api, provider_type)
    own = [span for span in spans if span.key == key]
    past = [span for span in own if span.is_past(release)]
    to_come = [span for span in own if span.is_to_come(release)]
    if not past and not to_come:
        return None
    edges = renames(provider_type, spans)
    place = _forward(key, edges, known) if past else ()
    if not place and to_come:
        place = tuple(old for old, new in edges if (new == key or new.startswith(f"{key}.")) and old in known)
    advice = next((text for of, gone, text in GONE if (of, gone) == (provider_type, key)), None)
    return KeyStory(
        key,
        past[-1].until if past else None,
        to_come[0].since if to_come else None,
        place,
        advice if past and not place else None,
    )


def _forward(key: str, edges: list[tuple[str, str]], known: frozenset[str]) -> tuple[str, ...]:
    """Follow the renames of a key to the name that the release knows."""
    new = dict(edges)
    seen = {key}
    while key in new and new[key] not in seen:
        key = new[key]
        if key in known:
            return (key,)
        seen.add(key)
    return ()


def renames(provider_type: str, spans: tuple[KeySpan, ...]) -> list[tuple[str, str]]:
    """Return old and new name of every key of a provider type that moved."""
    by_hand = {old: new for of, old, new in RENAMED if of in ("*", provider_type)}
    found = []
    for span in spans:
        if span.until is None:
            continue
        went = [one for one in spans if one.section == span.section and one.until == span.until]
        came = [one.key for one in spans if one.section == span.section and one.since == span.until]
        backend = f"{span.section}.backend"
        if span.key in by_hand:
            found.append((span.key, by_hand[span.key]))
        elif span.section and backend in came:
            # Since 0.3.0 a section says which of the stack's storage backends it uses, not where its database is.
            found.append((span.key, backend))
        elif len(went) == 1 and len(came) == 1:
            found.append((span.key, came[0]))
    return found


def other_names(api: str, provider_type: str, key: str) -> list[str]:
    """Return the names that a key has in older and in newer releases."""
    found = renames(provider_type, key_spans(api, provider_type))
    return [other for pair in found if key in pair for other in pair if other != key]


def key_spans(api: str, provider_type: str) -> tuple[KeySpan, ...]:
    """Return the releases that know the keys of a type, for every key that not all of its releases know."""
    return _spans().get((api, provider_type), ())


@cache
def _spans() -> Mapping[tuple[str, str], tuple[KeySpan, ...]]:
    data = pkgutil.get_data(__package__, "config_keys.json")  # works in a zipapp, too
    found: dict[tuple[str, str], list[KeySpan]] = {}
    for api, key, since, until, types in json.loads(data or b"[]"):
        span = KeySpan(key, _release(since), _release(until))
        for provider_type in types:
            found.setdefault((api, provider_type), []).append(span)
    return {of: tuple(spans) for of, spans in found.items()}


def _release(text: str) -> Release | None:
    return Release.parse(text) if text else None
