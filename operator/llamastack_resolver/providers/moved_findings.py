"""Says of each key that a built-in provider's config class does not know what became of it.

A key whose content has another place in this release is an error: the release ignores it, and serves something else
than is written. A key that only went, or that only comes later, is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from llamastack_resolver.config.check import is_empty, value_at
from llamastack_resolver.config.condition import any_of
from llamastack_resolver.config.env import Conditional
from llamastack_resolver.config.schema_check import Issue, Schema
from llamastack_resolver.config.schema_keys import schema_keys
from llamastack_resolver.findings import Findings, Whose
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.moved_keys import SUFFIXES, KeyStory, other_names, story_of
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.reasons import ConfigReason


def report_moved_keys(
    issues: list[Issue],
    provider: ProviderWithSpec,
    schema: Schema,
    knowledge: ReleaseKnowledge,
    findings: Findings,
) -> list[Issue]:
    """Report the keys that other releases know, and return the issues that are left to report.

    Args:
        issues: what is wrong with the provider's config.
        provider: the provider, a built-in one.
        schema: of its config class.
        knowledge: the release.
        findings: where the findings go.
    """
    if not any(issue.unknown_key or issue.refused_key or issue.missing for issue in issues):
        return issues
    teller = _Teller(provider, schema_keys(schema), knowledge)
    left, moved = [], dict[str, list[KeyStory]]()
    for issue in issues:
        story = teller.story(issue.path) if issue.unknown_key or issue.refused_key else None
        if story is None:
            left.append(issue)
        elif issue.refused_key:
            left.append(replace(issue, hint=teller.hint(story)))
        else:
            moved.setdefault(_where(story), []).append(story)
    followers = [place for stories in moved.values() for place in teller.report(stories, findings)]
    return [teller.explained(issue) for issue in left if not _follows(issue, followers)]


def _where(story: KeyStory) -> str:
    """Return the path of the finding: keys that say together where a database was are one mistake."""
    section, _, name = story.place[0].rpartition(".") if story.place else ("", "", "")
    return section if name == "backend" else story.key


def _follows(issue: Issue, places: Iterable[str]) -> bool:
    """Whether a required key is missing only because its content stands at an old place."""
    if not issue.missing:
        return False
    section = issue.path.rpartition(".")[0]
    return any(
        place == issue.path or place.startswith(f"{issue.path}.") or place == f"{section}.backend" for place in places
    )


class _Teller:
    """Tells what became of the keys of one provider's config."""

    def __init__(self, provider: ProviderWithSpec, known: frozenset[str], knowledge: ReleaseKnowledge) -> None:
        self._provider = provider
        self._type = (provider.spec.api, provider.provider_type)
        self._known = known
        self._release = knowledge.release
        self._config: Mapping[str, Any] = provider.entry.config if provider.entry else {}
        self._path = f"{provider.entry.path}.config" if provider.entry else ""

    def story(self, path: str) -> KeyStory | None:
        key = re.sub(r"\[\d+\]", "[]", path)
        return story_of(*self._type, key, self._known, self._release)

    def report(self, stories: list[KeyStory], findings: Findings) -> tuple[str, ...]:
        """Report keys whose content belongs together; return the places that their content should have."""
        first = stories[0]
        where = _where(first)
        path = f"{self._path}.{where}"
        keys = " and ".join(f"`{story.key.removeprefix(f'{where}.').rpartition('.')[2]}`" for story in stories)
        whose: Whose = {"api": self._provider.spec.api, "provider": self._provider.provider_id}
        message = f"{self._provider.provider_type} of {self._release} ignores {keys}"
        given = next((place for place in first.place if value_at(self._config, place) is not None), None)
        if given is not None:
            message, hint = f"{message}: it takes `{given}`", "remove it"
            findings.warning(ConfigReason.UNKNOWN_FIELD, message, path, hint=hint, **whose)
            return ()
        message = f"{message}, which {_when(first)}"
        values = [value_at(self._config, story.key) for story in stories]
        filled = [value for value in values if not is_empty(value)]
        if conditions := [value.condition for value in filled if isinstance(value, Conditional)]:
            message = f"where {any_of(conditions)}, {message}" if len(conditions) == len(filled) else message
        report = findings.error if first.place and filled else findings.warning
        report(ConfigReason.UNKNOWN_FIELD, message, path, hint=self.hint(first), **whose)
        return first.place

    def hint(self, story: KeyStory) -> str:
        if not story.place:
            return story.advice or ("remove it" if story.until else f"remove it, or use {story.since} or newer")
        names = " and ".join(f"`{place}`" for place in story.place)
        past = story.until is not None
        suffix = SUFFIXES.get((self._provider.provider_type, story.place[0] if past else story.key))
        since = f"since {story.until}" if past else f"before {story.since}"
        if story.place[0].endswith(".backend"):
            shape = self._shape(story.place[0].rpartition(".")[0])
            return f"{since} it says which storage backend it uses: write {shape}"
        shape = self._shape(story.place[0])
        text = f"it is called {names} {since}{f', of the form {shape}' if shape else ''}"
        if suffix:
            text += f", and its value ends in {suffix}" if past else f", and its value has no {suffix} at its end"
        return text

    def explained(self, issue: Issue) -> Issue:
        """Give a missing key the hint that its content stands under the name, or in the form, of another release."""
        if not issue.missing:
            return issue
        section, _, name = issue.path.rpartition(".")
        others = [f"{section}.backend"] if name == "type" else other_names(*self._type, issue.path)
        for other in others:
            story = self.story(other) if value_at(self._config, other) is not None else None
            if story is not None and name == "type":
                return replace(issue, hint=f"`backend` is known since {story.since}: write {self._shape(section)}")
            if story is not None and issue.path in story.place:
                return replace(issue, hint=f"`{other}`: {self.hint(story)}")
        return issue

    def _shape(self, section: str) -> str:
        """Return how a storage section is written in this release; empty for what is none."""
        if f"{section}.backend" in self._known:
            if f"{section}.namespace" in self._known:
                return "{backend: <a kv_* backend of storage.backends>, namespace: ...}"
            return "{backend: <a sql_* backend of storage.backends>, table_name: ...}"
        return "{type: sqlite, db_path: ...}" if f"{section}.db_path" in self._known else ""


def _when(story: KeyStory) -> str:
    if story.until is None:
        return f"{story.since} and newer understand"
    newer = f" understood, and {story.since} and newer do" if story.since else " understood"
    return f"releases before {story.until}{newer}"
