"""What a Llama Stack release is, which of two is the newer one, and how each one is started.

Upstream moved its server twice (module path, then command) and was renamed once (llama-stack -> ogx), while
`version: 2` in the run config never changed. What else a release does in its own way is in `behaviour`. Both use
the standard library only: they also run inside stack images.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, total_ordering
from typing import NamedTuple

PACKAGES = ("llama-stack", "ogx")
VERSION_PATTERN = r"^[0-9]+\.[0-9]+(\.[0-9]+)?((a|b|rc)[0-9]+)?$"


class UnknownReleaseError(ValueError):
    """The text does not name a Llama Stack or OGX release."""


@total_ordering
@dataclass(frozen=True)
class Release:
    """A distribution package and its version, for example `llama-stack` `0.7.3`.

    Attributes:
        package: the name on the package index, `llama-stack` or `ogx`.
        version: its version as written, without a leading `v`.
    """

    package: str
    version: str

    def __post_init__(self) -> None:
        if self.package not in PACKAGES:
            raise UnknownReleaseError(f"unknown package {self.package!r}: one of {', '.join(PACKAGES)}")
        if not re.fullmatch(VERSION_PATTERN, self.version):
            raise UnknownReleaseError(f"{self.version!r} is no version such as 0.7.3")

    @classmethod
    def parse(cls, text: str) -> Release:
        """Return the release that `str()` writes so: `0.7.3` is of llama-stack, `ogx-1.5.0` of ogx.

        Raises:
            UnknownReleaseError: the text is no release.
        """
        package, _, version = text.rpartition("-")
        return cls(package or PACKAGES[0], version)

    def since(self, *firsts: str | Release) -> bool:
        """Whether what began with a release holds for this one.

        llama-stack and ogx are one line: every ogx is newer than every llama-stack, whatever the numbers say. So
        `since("0.3.1")` holds from llama-stack 0.3.1 on and for all of ogx, and `since("ogx-1.2.0")` for no
        llama-stack. Only the numbers count: a pre-release has what its release has, and `0.3` is `0.3.0`.

        Args:
            firsts: the first release that has it. Where it began anew with the other package, the first one of
                each: `since("0.4.0", "ogx-0.8.0")` does not hold for an ogx before 0.8.
        """
        first = [one if isinstance(one, Release) else Release.parse(one) for one in firsts]
        own = [one for one in first if one.package == self.package]
        return any((self._line, self.number) >= (one._line, one.number) for one in own or first)

    @cached_property
    def number(self) -> tuple[int, int, int]:
        """Major, minor and patch; a pre-release counts as the release that it leads to."""
        return number_of(self.version)

    @property
    def _line(self) -> int:
        return PACKAGES.index(self.package)

    @cached_property
    def _key(self) -> tuple[int, tuple[int, int, int], str]:
        return self._line, self.number, self.version

    def __lt__(self, other: Release) -> bool:
        return self._key < other._key

    def __le__(self, other: Release) -> bool:
        return self._key <= other._key

    def __str__(self) -> str:
        return self.version if self.package == "llama-stack" else f"{self.package}-{self.version}"


def number_of(version: str) -> tuple[int, int, int]:
    """Return major, minor and patch of a version; what it does not say is 0, and what follows does not count."""
    major, minor, patch = [*re.findall(r"\d+", re.split(r"[a-z]", version)[0]), "0", "0", "0"][:3]
    return int(major), int(minor), int(patch)


def stand_in(release: Release, known: Iterable[Release]) -> Release | None:
    """Return which of the known releases says what `release` does: itself, or the patch of its minor that is closest
    below it, else above it; None where no patch of its minor is known."""
    same = sorted(r for r in known if (r.package, r.number[:2]) == (release.package, release.number[:2]))
    if release in same:
        return release
    below = [r for r in same if r.number <= release.number]
    if below:
        return below[-1]
    return same[0] if same else None


class StartRule(NamedTuple):
    """How the server of one range of releases is started.

    Attributes:
        since: first release of the range.
        argv: the command; `{config}` and `{port}` stand for the run config's path and the TCP port.
    """

    since: Release
    argv: tuple[str, ...]


# Newest first within a package, so that the first rule that fits is the right one. Up to llama-stack 0.7.3
# and ogx 1.1 a port in the run config is ignored; the command line is obeyed by all of them.
START_RULES = (
    StartRule(Release.parse("ogx-1.2.0"), ("ogx", "run", "{config}", "--port", "{port}", "--insecure")),
    StartRule(Release.parse("ogx-1.0.0"), ("ogx", "run", "{config}", "--port", "{port}")),
    StartRule(Release.parse("ogx-0.8.0"), ("ogx", "stack", "run", "{config}", "--port", "{port}")),
    StartRule(Release.parse("0.3.0"), ("llama", "stack", "run", "{config}", "--port", "{port}")),
    StartRule(
        Release.parse("0.2.17"),
        ("python3", "-m", "llama_stack.core.server.server", "{config}", "--port", "{port}"),
    ),
    StartRule(
        Release.parse("0.2.12"),
        (
            "python3",
            "-m",
            "llama_stack.distribution.server.server",
            "--config",
            "{config}",
            "--port",
            "{port}",
        ),
    ),
)


def start_command(release: Release, config: str, port: int) -> list[str]:
    """Return the argv that serves `config` on `port` with this release.

    Raises:
        UnknownReleaseError: the release is older than the oldest that can be started.
    """
    rules = [rule for rule in START_RULES if rule.since.package == release.package]
    for rule in rules:
        if release.since(rule.since):
            return [part.format(config=config, port=port) for part in rule.argv]
    oldest = min(rule.since for rule in rules).version
    raise UnknownReleaseError(f"{release} is older than the oldest {release.package} that can be started, {oldest}")
