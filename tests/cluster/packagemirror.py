"""A cache of another package index, so that tests of image builds neither wait for it again and again nor burden it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests.cluster.packageindex import File

_FRESH_SECONDS = 24 * 3600
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.2"
_HEADERS = {"User-Agent": "llamastack-operator-tests"}


class _Links(HTMLParser):
    """The links of a page of PEP 503, in the form that PEP 691 has them in."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        url, _, fragment = (values.get("href") or "").partition("#")
        if tag != "a" or not fragment.startswith("sha256="):
            return
        metadata = (values.get("data-core-metadata") or values.get("data-dist-info-metadata") or "").partition(
            "sha256="
        )
        self.files.append(
            {
                "filename": urllib.parse.unquote(url.rsplit("/", 1)[-1]),
                "url": url,
                "hashes": {"sha256": fragment.removeprefix("sha256=")},
                "requires-python": values.get("data-requires-python"),
                "core-metadata": {"sha256": metadata[7:]} if metadata.startswith("sha256=") else False,
                "yanked": "data-yanked" in values,
            }
        )


class Mirror:
    """Projects and files of an upstream index, kept in a folder once they were asked for.

    Args:
        upstream: its URL, with credentials where it wants them.
        folder: the cache; several programs may use it at once.
    """

    def __init__(self, upstream: str, folder: Path) -> None:
        parts = urllib.parse.urlsplit(upstream)
        self._credentials = parts.username and f"{parts.username}:{urllib.parse.unquote(parts.password or '')}"
        self._host = parts.hostname
        place = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
        self._base = f"{parts.scheme}://{place}{parts.path.rstrip('/')}"
        # Two indexes may have different files under one name.
        self._folder = folder / hashlib.sha256(self._base.encode()).hexdigest()[:12]
        self._folder.mkdir(parents=True, exist_ok=True)

    def projects(self) -> Iterable[str]:
        """Return the projects that were asked for before; nobody lists all of a public index."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def files(self, project: str) -> list[File] | None:
        """Return the files of a project."""
        found = self._project(project)
        return found and [_file(entry) for entry in found]

    def path(self, project: str, name: str) -> Path | None:
        """Return a file, fetched when it is not there yet."""
        plain = name.removesuffix(".metadata")
        entry = next((entry for entry in self._project(project) or () if entry["filename"] == plain), None)
        if entry is None:
            return None
        file = _file(entry)
        digest, url = (file.sha256, entry["url"]) if plain == name else (file.metadata, f"{entry['url']}.metadata")
        path = self._folder / "files" / f"{digest}-{name}"
        return path if path.exists() else self._fetch(url, path, digest)

    def _project(self, project: str) -> list[dict[str, Any]] | None:
        """Return the entries of a project, not older than a day where the upstream can be reached."""
        cached = self._folder / f"{project}.json"
        if not cached.exists() or time.time() - cached.stat().st_mtime > _FRESH_SECONDS:
            try:
                entries = self._ask(project)
            except urllib.error.HTTPError as error:
                if error.code in (403, 404):
                    return None
                raise
            except OSError:
                if not cached.exists():
                    raise
            else:
                _write(cached, json.dumps(entries).encode())
        listed: list[dict[str, Any]] = json.loads(cached.read_text())
        return listed

    def _ask(self, project: str) -> list[dict[str, Any]]:
        with self._open(f"{self._base}/{project}/", {"Accept": _ACCEPT}) as answer:
            address, kind, page = answer.url, answer.headers.get_content_type(), answer.read()
        if kind.endswith("json"):
            files = json.loads(page)["files"]
        else:
            links = _Links()
            links.feed(page.decode())
            files = links.files
        keys = ("filename", "hashes", "requires-python", "core-metadata", "yanked")
        kept = [entry for entry in files if "sha256" in entry["hashes"]]
        return [
            {"url": urllib.parse.urljoin(address, entry["url"]), **{key: entry.get(key) for key in keys}}
            for entry in kept
        ]

    def _open(self, url: str, headers: dict[str, str]) -> Any:
        if self._credentials and urllib.parse.urlsplit(url).hostname == self._host:
            headers["Authorization"] = "Basic " + base64.b64encode(self._credentials.encode()).decode()
        request = urllib.request.Request(url, headers={**_HEADERS, **headers})  # noqa: S310 - as this machine's pip
        return urllib.request.urlopen(request, timeout=120)  # noqa: S310

    def _fetch(self, url: str, path: Path, digest: str) -> Path:
        path.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft, self._open(url, {}) as answer:
            shutil.copyfileobj(answer, draft)
        content = Path(draft.name)
        with content.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            content.unlink()
            raise OSError(f"{url} has the digest {found}, not {digest}")
        return content.rename(path)


def _file(entry: dict[str, Any]) -> File:
    metadata = entry["core-metadata"]
    digest = metadata.get("sha256", "") if isinstance(metadata, dict) else ""
    yanked = entry["yanked"] not in (None, False)
    return File(entry["filename"], entry["hashes"]["sha256"], entry["requires-python"] or "", digest, yanked)


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")
    draft.write_bytes(content)
    draft.rename(path)
