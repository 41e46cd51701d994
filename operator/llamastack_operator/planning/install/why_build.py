"""Whether a build is needed, and why: each way in which inputs can differ from the last ones has a name and a text.

kpack's build_required.go is the model: a chain of typed changes, of which each says in one line what is new. A change
of the recipe alone is no reason: an upgrade of the operator rebuilds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from packaging.requirements import InvalidRequirement, Requirement

from llamastack_contract.layer import Layer
from llamastack_operator.planning.install.key import BuildInputs, public
from llamastack_operator.planning.install.requirements import FAMILY, canonical_name

MAX_NAMED = 5
"""How many requirements of each sort the text names; the others are counted."""


class ChangeKind(StrEnum):
    """What differs."""

    FIRST = "First"
    RELEASE = "Release"
    BASE = "Base"
    REQUIREMENTS = "Requirements"
    CONSTRAINTS = "Constraints"
    PIP_SETTINGS = "PipSettings"
    PLATFORM = "Platform"
    REFRESH = "Refresh"
    RECIPE = "Recipe"


@dataclass(frozen=True)
class Change:
    """One reason to build.

    Attributes:
        kind: what differs.
        text: one line for people.
        added: requirements (or constraints) that are new.
        removed: those that are gone.
        changed: name, old text and new text of those that changed.
    """

    kind: ChangeKind
    text: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[tuple[str, str, str], ...] = ()


def build_required(last: BuildInputs | None, wanted: BuildInputs) -> list[Change]:
    """Return the reasons for a build, the weightiest first; none where the last one will do.

    Args:
        last: inputs of the newest build that is in use; None where there is none.
        wanted: what the spec asks for now.
    """
    if last is None:
        return [Change(ChangeKind.FIRST, "nothing was built for this stack before")]
    found = [change for look in _CHAIN for change in [look(last, wanted)] if change is not None]
    return [] if all(change.kind is ChangeKind.RECIPE for change in found) else found


def _release(last: BuildInputs, wanted: BuildInputs) -> Change | None:
    old, new = _release_of(last), _release_of(wanted)
    return Change(ChangeKind.RELEASE, f"release: {old} -> {new}") if old and new and old != new else None


def _base(last: BuildInputs, wanted: BuildInputs) -> Change | None:
    if last.base != wanted.base:
        return Change(ChangeKind.BASE, f"base image: {last.base} -> {wanted.base}")
    if wanted.base_digest is None or last.base_digest == wanted.base_digest:
        return None
    old = last.base_digest or "not pinned"
    return Change(ChangeKind.BASE, f"digest of {wanted.base}: {_short(old)} -> {_short(wanted.base_digest)}")


def _requirements(last: BuildInputs, wanted: BuildInputs) -> Change | None:
    old, new = _modules(last), _modules(wanted)
    packages = _difference(ChangeKind.REQUIREMENTS, "packages", _packages(last), _packages(wanted))
    return packages or _difference(ChangeKind.REQUIREMENTS, "provider modules", old, new)


def _constraints(last: BuildInputs, wanted: BuildInputs) -> Change | None:
    old = [line for layer in _layers(last) for line in layer.constraints]
    new = [line for layer in _layers(wanted) for line in layer.constraints]
    return _difference(ChangeKind.CONSTRAINTS, "constraints", old, new)


def _pip(last: BuildInputs, wanted: BuildInputs) -> Change | None:
    old, new = public(last.pip).to_dict(), public(wanted.pip).to_dict()
    differing = [name for name in new if old[name] != new[name]]
    return Change(ChangeKind.PIP_SETTINGS, f"pip settings: {', '.join(differing)} changed") if differing else None


def _platform(last: BuildInputs, wanted: BuildInputs) -> Change | None:
    if last.platform == wanted.platform:
        return None
    old, new = last.platform or "the node's", wanted.platform or "the node's"
    return Change(ChangeKind.PLATFORM, f"platform: {old} -> {new}")


def _refresh(last: BuildInputs, wanted: BuildInputs) -> Change | None:
    if not wanted.refresh or wanted.refresh == last.refresh:
        return None
    return Change(ChangeKind.REFRESH, f"a fresh look at tags and versions was asked for ({wanted.refresh})")


def _recipe(last: BuildInputs, wanted: BuildInputs) -> Change | None:
    if last.recipe == wanted.recipe:
        return None
    return Change(ChangeKind.RECIPE, f"recipe: version {last.recipe} -> {wanted.recipe}")


_Look = Callable[[BuildInputs, BuildInputs], Change | None]
_CHAIN: tuple[_Look, ...] = (
    _release,
    _base,
    _requirements,
    _constraints,
    _pip,
    _platform,
    _refresh,
    _recipe,
)


def _layers(inputs: BuildInputs) -> tuple[Layer, ...]:
    return (*inputs.earlier, inputs.layer)


def _packages(inputs: BuildInputs) -> list[str]:
    """Return everything that is asked for but the release itself, which is a change of its own."""
    found: list[str] = []
    for layer in _layers(inputs):
        found += [text for text in layer.requirements if layer.kind != "stack" or canonical_name(text) not in FAMILY]
        found += [" ".join(arguments) for arguments in layer.special]
    return found


def _modules(inputs: BuildInputs) -> list[str]:
    return [module for layer in _layers(inputs) for module in layer.modules]


def _release_of(inputs: BuildInputs) -> str | None:
    pins = (text for layer in _layers(inputs) if layer.kind == "stack" for text in layer.requirements)
    return next((pin.replace("==", " ") for pin in pins if canonical_name(pin) in ("llama-stack", "ogx")), None)


def _difference(kind: ChangeKind, what: str, old: list[str], new: list[str]) -> Change | None:
    gone, fresh = [t for t in old if t not in new], [t for t in new if t not in old]
    before = {canonical_name(text): text for text in gone}
    after = {canonical_name(text): text for text in fresh}
    same = sorted(before.keys() & after.keys())
    paired = {text for name in same for text in (before[name], after[name])}
    added, removed = (tuple(sorted(set(texts) - paired)) for texts in (fresh, gone))
    changed = tuple((name, before[name], after[name]) for name in same)
    if not (added or removed or changed):
        return None
    parts = [f"{name} {_version(old_text)} -> {_version(new_text)}" for name, old_text, new_text in changed]
    lists = [_some(parts, ""), _some(added, "added "), _some(removed, "removed ")]
    return Change(kind, f"{what}: {'; '.join(part for part in lists if part)}", added, removed, changed)


def _some(texts: Iterable[str], lead: str) -> str:
    texts = list(texts)
    more = f" and {len(texts) - MAX_NAMED} more" if len(texts) > MAX_NAMED else ""
    return f"{lead}{', '.join(texts[:MAX_NAMED])}{more}" if texts else ""


def _version(text: str) -> str:
    """Return what a requirement says besides its name."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return text
    specifiers = str(requirement.specifier)
    version = specifiers.removeprefix("==") if specifiers.count("=") == 2 and "," not in specifiers else specifiers
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{extras}{requirement.url or version or 'any version'}"


def _short(digest: str) -> str:
    return digest[:19]
