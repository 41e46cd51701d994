"""Which release a run config is for: `version: 2` is the same in all of them, so what is in it has to tell.

A release that a user names wins; an image's tag comes next; the rest is a conclusion from the config, and is
reported as one.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from llamastack_resolver.documents.signs import Outlines
from llamastack_resolver.releases import PACKAGES, Release, UnknownReleaseError, number_of, stand_in

ErrorsOf = Callable[[Release], int]
_NEAREST = 3
_NAMED = re.compile(r"\s*(?:(llama-stack|ogx)[- =@]{1,4})?v?([0-9][0-9a-z.]{0,39})\s*")
_VERSION = re.compile(r"v?([0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(?:(?:a|b|rc)[0-9]{1,9})?)(?![0-9])")
_PACKAGE = re.compile(r"(?:^|[_.-])(?:(ogx)|llama[_-]?stack|lls)(?:[_.-]|$)")
_MOST_IMAGE = 1024


class Detection(NamedTuple):
    """A release and what it was concluded from."""

    release: Release
    because: str


def parse_release(text: str, known: Iterable[Release]) -> Release:
    """Read a release as users write it: `0.7.3`, `ogx-1.5.0`, `llama-stack 0.7.3`, or `1.5.0` where one
    package has it.

    Returns:
        The release that is named. It need not be one of `known`, but one of them stands in for it.

    Raises:
        UnknownReleaseError: it is no release, or none of `known` stands in for it; the message names the nearest.
    """
    releases = sorted(known)
    match = _NAMED.fullmatch(text[:100])
    if not match:
        raise UnknownReleaseError(f"{text[:100]!r} is no release; write 0.7.3 or ogx-1.5.0")
    package, version = match.groups()
    found = _with_version(version, [package] if package else PACKAGES, releases)
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(f"{r.package}-{r.version}" for r in found)
        raise UnknownReleaseError(f"{text} is ambiguous: {names}")
    candidates = [r for r in releases if package in (None, r.package)]
    names = ", ".join(map(str, _nearest(version, candidates)))
    raise UnknownReleaseError(f"{text.strip()} is not known; the nearest are {names}")


def release_at_start(text: str) -> str | None:
    """Return the `X.Y.Z` with which a version or a tag starts, whatever follows: `0.7.1` of `v0.7.1-rhaiv.1`."""
    match = _VERSION.match(text[:_MOST_IMAGE])
    return match[1] if match else None


def release_of_image(image: str, known: Iterable[Release]) -> Release | None:
    """Return the release that an image's tag names, such as `llamastack/distribution-starter:0.7.3`.

    The image's name tells the package; a name that tells none may be of either. The release need not be one of
    `known`, but one of them stands in for it.
    """
    version, package = _tag(image)
    if version is None:
        return None
    releases = sorted(known)
    for packages in ([package or PACKAGES[0]], PACKAGES):
        found = _with_version(version, packages, releases)
        if len(found) == 1:
            return found[0]
    return None


def unknown_tag(image: str, known: Iterable[Release]) -> str | None:
    """Return the release that an image surely is of, and that nothing known stands in for; else None."""
    version, package = _tag(image)
    if version is None or package is None or release_of_image(image, known) is not None:
        return None
    return str(Release(package, version))


def _tag(image: str) -> tuple[str | None, str | None]:
    """Return the version that a tag starts with, and the package that the image's name tells."""
    repository, _, tag = image[:_MOST_IMAGE].partition("@")[0].rpartition(":")
    if "/" in tag:
        return None, None
    found = (_PACKAGE.search(part) for part in reversed(repository.lower().split("/")))
    match = next(filter(None, found), None)
    package = None if match is None else "ogx" if match[1] else "llama-stack"
    return release_at_start(tag), package


def _with_version(version: str, packages: Iterable[str], known: Sequence[Release]) -> list[Release]:
    """Return the releases of that version: known ones, else those that a known one stands in for."""
    try:
        named = [Release(package, version) for package in packages]
    except UnknownReleaseError:
        return []
    exact = [release for release in named if release in known]
    return exact or [release for release in named if stand_in(release, known) is not None]


def _nearest(version: str, releases: Sequence[Release]) -> list[Release]:
    """Return the neighbours of a version, by number: two below and one above where there are."""
    ordered = sorted(releases, key=lambda release: release.number)
    place = bisect.bisect(ordered, number_of(version), key=lambda release: release.number)
    start = max(0, min(place - (_NEAREST - 1), len(ordered) - _NEAREST))
    return ordered[start : start + _NEAREST]


def detect_release(config: Mapping[str, Any], outlines: Outlines, errors_of: ErrorsOf) -> Detection:
    """Conclude the release of a run config.

    Args:
        config: the run config as it is written.
        outlines: the releases to choose from; at least one.
        errors_of: returns how many errors the config has with a release. It is asked for few of those that fit, and
            for none where all of them are bound to give the same verdict.

    Returns:
        Of the releases that know most of what is written, the newest among those with the fewest errors.
    """
    releases = outlines.releases
    signs = outlines.unknown(config)
    misfits = outlines.misfits(signs)
    best = min(misfits)
    places = [place for place, misfit in enumerate(misfits) if misfit == best]
    fitting = [releases[place] for place in places]
    groups: dict[object, list[Release]] = {}
    for release, key in reversed(list(zip(fitting, outlines.verdict_keys(config, places), strict=True))):
        groups.setdefault(key, []).append(release)
    taking, errors = _with_fewest_errors(list(groups.values()), errors_of)
    run = _run_below(max(taking), taking, releases)
    unknown = dict(zip(releases, signs, strict=True))
    return Detection(run[-1], "; ".join(_reasons(run, fitting, unknown, errors)))


def _with_fewest_errors(groups: list[list[Release]], errors_of: ErrorsOf) -> tuple[set[Release], int | None]:
    """Return the releases with the fewest errors, and how many those are; None where errors made no difference.

    Args:
        groups: releases of the same verdict, newest group first.
        errors_of: returns the errors of a release.
    """
    counts: list[int] = []
    for group in groups if len(groups) > 1 else ():
        counts.append(errors_of(group[0]))
        if not counts[-1]:
            break
    if len(set(counts)) < 2:
        return {release for group in groups for release in group}, None
    fewest = min(counts)
    taking = [group for group, count in zip(groups, counts, strict=False) if count == fewest]
    # What made the newer ones refuse it came once: where the oldest takes it too, all between do.
    rest = groups[len(counts) :]
    taking += rest[: bisect.bisect(rest, 0, key=lambda group: errors_of(group[0]))]
    return {release for group in taking for release in group}, fewest


def _run_below(newest: Release, taking: set[Release], ordered: Sequence[Release]) -> list[Release]:
    """Return the unbroken run of releases that ends in the newest one, oldest first."""
    end = ordered.index(newest)
    start = end
    while start and ordered[start - 1] in taking:
        start -= 1
    return list(ordered[start : end + 1])


def _reasons(
    run: Sequence[Release], fitting: Sequence[Release], unknown: Mapping[Release, Set[str]], errors: int | None
) -> Iterator[str]:
    """Say what speaks against the releases on either side, and which ones do as well.

    Args:
        run: the releases to choose from in the end.
        fitting: the releases that know most of what is written.
        unknown: what each release does not know.
        errors: how many errors the chosen ones give, where others give more.
    """
    ordered, chosen = list(unknown), run[-1]
    below = next((one for one in reversed(ordered) if one < fitting[0]), None)
    above = next((one for one in ordered if one > chosen and one not in fitting), None)
    signs = [_shortest(unknown[one] - unknown[chosen]) for one in (below, above) if one]
    told = " and ".join(dict.fromkeys(f"`{sign}`" for sign in signs if sign))
    if told:
        yield f"concluded from {told}"
    if errors is not None:
        yield "the others that fit give more errors" if errors else "the others that fit refuse it"
    if not told and errors is None:
        yield "the newest known: nothing in it tells"
    elif len(run) > 1:
        yield f"{run[0]} to {chosen} {'take it' if errors == 0 else 'fit alike'}"


def _shortest(signs: Set[str]) -> str | None:
    return min(signs, key=lambda sign: (len(sign), sign), default=None)
