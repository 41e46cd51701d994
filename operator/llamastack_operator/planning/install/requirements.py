"""Requirements as people wrote them, with their places: parsed, sorted into pip calls, and checked for conflicts.

What pip would only say after minutes of downloading is said here in milliseconds, as far as it can be known without
an index: text that is no requirement, a module that asks for another Llama Stack, two pins that exclude each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from llamastack_resolver.findings import Findings
from llamastack_resolver.providers.reasons import ModuleReason
from llamastack_resolver.providers.requirements import MODULE_CURE, RequirementError, check_length
from llamastack_resolver.releases import Release

OPTIONS = {"--no-deps": 0, "--index-url": 1, "--extra-index-url": 1, "--pre": 0}
"""Options that upstream's provider specs put beside packages, and how many values each takes."""
FAMILY = {"llama-stack": "llama-stack", "llama-stack-api": "llama-stack", "ogx": "ogx", "ogx-api": "ogx"}
"""Packages that are the release itself, and the release package that each belongs to."""
# Spaces that are part of one requirement, as in `torch >= 2`, where a text holds several.
_JOINED = re.compile(r"(?:(?<!\s)\s++)?(===|==|~=|!=|<=|>=|<|>|,|\[|\()\s*")


@dataclass(frozen=True)
class Wanted:
    """A requirement and where it stands.

    Attributes:
        text: as written; for packages of provider specs perhaps several, with options.
        path: field path for findings, such as `spec.build.pip.requirements[0]`.
    """

    text: str
    path: str = ""


@dataclass
class Calls:
    """Requirements sorted into pip calls.

    Attributes:
        normal: what one call installs.
        special: what needs a call of its own, options included.
    """

    normal: dict[str, Wanted] = field(default_factory=dict)
    special: dict[tuple[str, ...], Wanted] = field(default_factory=dict)

    def add(self, wanted: Wanted, findings: Findings) -> None:
        """Sort one text in, as `llama stack build` and `list-deps` do: options make it special."""
        if not _is_short(wanted, findings):
            return
        words = split(wanted.text)
        options = any(word.startswith("-") for word in words)
        if not words or not _all_valid(words, wanted, findings):
            return
        if options:
            self.special.setdefault(tuple(words), wanted)
            return
        for word in words:
            self.normal.setdefault(word, Wanted(word, wanted.path))

    def requirements(self) -> list[Wanted]:
        """Return every single requirement of all calls."""
        packages = [Wanted(w, wanted.path) for words, wanted in self.special.items() for w in packages_of(words)]
        return [*self.normal.values(), *packages]

    def ordered(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """Return the normal requirements and the special calls, in an order that does not depend on the config's.

        Calls without dependencies come last, so that what they lean on is chosen by an ordinary call.
        """
        special = sorted(self.special, key=lambda words: ("--no-deps" in words, words))
        return tuple(sorted(self.normal, key=_sort_key)), tuple(special)


def split(text: str) -> list[str]:
    """Return the requirements, options and values of a text; upstream's specs put several into one."""
    text = text.strip()
    if not text.isprintable():
        return [text]
    try:
        Requirement(text)
    except InvalidRequirement:
        return _JOINED.sub(r"\1", text).split()
    return [text]


def packages_of(words: Sequence[str]) -> list[str]:
    """Return the words that are requirements, without options and their values."""
    found, skip = [], 0
    for word in words:
        if skip:
            skip -= 1
        elif word.startswith("-"):
            skip = 0 if "=" in word else OPTIONS.get(word, 0)
        else:
            found.append(word)
    return found


def parse(wanted: Wanted, findings: Findings) -> Requirement | None:
    """Parse one PEP 508 requirement; None after a finding that says what is wrong with it."""
    if not _is_short(wanted, findings):
        return None
    try:
        if not wanted.text.isprintable():
            # A quoted marker or a URL may hold a line break for the parser; files of lines may not.
            raise InvalidRequirement("it has a line break or another control character")
        return Requirement(wanted.text)
    except InvalidRequirement as error:
        why = str(error).splitlines()[0].rstrip(".")
        findings.error(
            ModuleReason.REQUIREMENT_INVALID,
            f"{wanted.text!r} is no requirement that pip takes: {why}",
            wanted.path,
            hint="write name, extras and versions, such as my-provider[extra]>=1.0,<2",
        )
        return None


def _is_short(wanted: Wanted, findings: Findings) -> bool:
    try:
        check_length(wanted.text)
    except RequirementError as error:
        findings.error(ModuleReason.REQUIREMENT_INVALID, str(error), wanted.path, hint=error.hint or MODULE_CURE)
        return False
    return True


def _all_valid(words: Sequence[str], wanted: Wanted, findings: Findings) -> bool:
    for word in words:
        name = word.split("=")[0]
        if word.startswith("-") and name not in OPTIONS:
            message = f"{wanted.text!r}: the option {name} is not passed to pip"
            hint = f"options that are: {', '.join(OPTIONS)}"
            findings.error(ModuleReason.REQUIREMENT_INVALID, message, wanted.path, hint=hint)
            return False
    packages = packages_of(words)
    if not packages:
        message = f"{wanted.text!r} names no package"
        findings.error(ModuleReason.REQUIREMENT_INVALID, message, wanted.path, hint="name one, or remove it")
        return False
    parsed = [parse(Wanted(word, wanted.path), findings) for word in packages]
    return None not in parsed


def check_constraint(wanted: Wanted, findings: Findings) -> bool:
    """Whether pip takes the text as a constraint; a finding says why not."""
    requirement = parse(wanted, findings)
    if requirement is None:
        return False
    if requirement.extras:
        message = f"{wanted.text!r}: a constraint has no extras"
        findings.error(ModuleReason.REQUIREMENT_INVALID, message, wanted.path, hint=f"write {requirement.name}")
        return False
    return True


def check_release(wanted: Iterable[Wanted], release: Release, findings: Findings) -> None:
    """Report what asks for another Llama Stack than the release: nothing of the base is ever replaced."""
    for one in wanted:
        requirement = parse(one, Findings())
        family = FAMILY.get(canonicalize_name(requirement.name)) if requirement else None
        if requirement is None or family is None:
            continue
        if family == release.package and not requirement.url and _admits(requirement.specifier, release.version):
            continue
        findings.error(
            ModuleReason.REQUIREMENT_CONFLICT,
            f"{one.text} cannot be met: the stack is {release.package} {release.version}",
            one.path,
            hint="remove it, or choose the release that it asks for",
        )


def check_pins(wanted: Sequence[Wanted], findings: Findings) -> None:
    """Report pairs of requirements of which one pins a version that the other excludes."""
    by_name: dict[str, list[tuple[Wanted, Requirement]]] = {}
    for one in wanted:
        requirement = parse(one, Findings())
        if requirement is not None and requirement.marker is None and not requirement.url:
            by_name.setdefault(canonicalize_name(requirement.name), []).append((one, requirement))
    for group in by_name.values():
        for index, (later, second) in enumerate(group):
            clash = next((w for w, first in group[:index] if _exclude(first.specifier, second.specifier)), None)
            if clash is not None:
                place = f" ({clash.path})" if clash.path else ""
                message = f"{later.text} and {clash.text}{place} exclude each other"
                findings.error(ModuleReason.REQUIREMENT_CONFLICT, message, later.path, hint="pin one version")


def _exclude(first: SpecifierSet, second: SpecifierSet) -> bool:
    return any(not _admits(second, v) for v in _exact(first)) or any(not _admits(first, v) for v in _exact(second))


def _exact(specifiers: SpecifierSet) -> list[str]:
    return [s.version for s in specifiers if s.operator in ("==", "===") and not s.version.endswith(".*")]


def _admits(specifiers: SpecifierSet, version: str) -> bool:
    return specifiers.contains(version, prereleases=True)


def canonical_name(text: str) -> str:
    """Return the canonical name of a requirement's distribution; the text itself where it is none."""
    requirement = parse(Wanted(text), Findings())
    return canonicalize_name(requirement.name) if requirement else text


def _sort_key(text: str) -> tuple[str, str]:
    return canonical_name(text), text
