"""Reads pip's installation report (`pip install --report`, format 1) into entries of a lock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from llamastack_contract.lock import Locked
from llamastack_contract.names import canonical
from llamastack_contract.shape import LimitError, ShapeError
from llamastack_installer.failure import FailureError

_PROXIED = re.compile(r"/(?:index/(?P<number>\d+)|named/(?P<name>[^/]+))/file/[^/]+/(?P<file>[^/]+)$")


def locked_of(report: Mapping[str, Any], proxy: str, earlier: Iterable[Locked] = ()) -> list[Locked]:
    """Return the files that a report says would be installed.

    Args:
        report: pip's report.
        proxy: address of the index proxy; files from there get the index that they came from.
        earlier: a lock that the files were chosen from, which knows better where they came from.

    Raises:
        FailureError: something has no digest, as a checkout of a repository has not.
    """
    known = {entry.sha256: entry for entry in earlier}
    entries = [_entry(item, proxy) for item in report.get("install") or ()]
    return [known.get(entry.sha256, entry) for entry in entries]


def located(report: Mapping[str, Any], entries: Iterable[Locked]) -> tuple[Locked, ...]:
    """Return entries that name the addresses which a report found them at, so that no page is read for them again.

    The addresses are those of the proxy of this build: such entries are no lock.
    """
    found = {str(item["metadata"]["name"]): str(item["download_info"]["url"]) for item in report.get("install") or ()}
    return tuple(replace(entry, url=found[entry.name].split("#")[0]) for entry in entries)


def merged(passes: Iterable[Iterable[Locked]]) -> tuple[Locked, ...]:
    """Return one lock for all passes, sorted by name; of two versions of a distribution the later counts."""
    found = {canonical(entry.name): entry for entries in passes for entry in entries}
    return tuple(found[key] for key in sorted(found))


def is_wheel(entry: Locked) -> bool:
    """Whether the file is a wheel, and not a source distribution."""
    return entry.file.endswith(".whl")


def _entry(item: Mapping[str, Any], proxy: str) -> Locked:
    info, metadata = item["download_info"], item["metadata"]
    url, name, version = str(info["url"]), str(metadata["name"]), str(metadata["version"])
    archive = info.get("archive_info") or {}
    digest = (archive.get("hashes") or {}).get("sha256") or str(archive.get("hash") or "").removeprefix("sha256=")
    if not digest:
        message = f"{name} {version} comes from {url}, which has no digest that could be locked"
        raise FailureError("RequirementInvalid", message, "name a wheel, or a version on an index", concerns=[name])
    path = urlsplit(url).path
    match = _PROXIED.search(path) if url.startswith(f"{proxy}/") else None
    index: int | str | None = None
    if match:
        index = int(match["number"]) if match["number"] else unquote(match["name"])
    local = url.startswith("file:")
    if local:
        index = 0
    file = unquote(path.rsplit("/", 1)[-1])
    data = {"name": name, "version": version, "file": file, "sha256": digest, "index": index}
    try:
        return Locked.from_dict({**data, "url": None if match or local else url.split("#")[0]})
    except LimitError as error:
        message = f"{name} {version} cannot be locked: {error}"
        raise FailureError("LimitExceeded", message, error.hint, concerns=[name]) from error
    except ShapeError as error:
        message = f"{name} {version} ({file}) cannot be locked: {error}"
        hint = "name a wheel, or a version on an index"
        raise FailureError("RequirementInvalid", message, hint, concerns=[name]) from error
