"""Pages of package indexes, in both of their forms: HTML (PEP 503) and JSON (PEP 691).

An index answers in the form that it has; pip gets one in which every link goes through the proxy.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"
ACCEPT = f"{JSON_TYPE}, {HTML_TYPE};q=0.2, text/html;q=0.1"
# What may stand in a path as the name of a file.
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!~-]*")
_HASH = re.compile(r"(sha256|sha384|sha512|md5|sha1|sha224)=([0-9a-f]+)")


class PageError(ValueError):
    """The index's answer is no page of an index."""


@dataclass(frozen=True)
class IndexFile:
    """One file of a project.

    Attributes:
        filename: its name.
        url: its address, without a fragment.
        hashes: digests by algorithm.
        requires_python: the Python versions that it is for.
        yanked: whether it is withdrawn; a text is the reason.
        metadata: whether `<url>.metadata` exists (PEP 658); digests of it where they are known.
    """

    filename: str
    url: str
    hashes: Mapping[str, str] = field(default_factory=dict)
    requires_python: str | None = None
    yanked: bool | str = False
    metadata: bool | Mapping[str, str] = False


def every_file(_: str) -> bool:
    """Say that a file of any name is of use."""
    return True


def parse_page(body: str, content_type: str, url: str, wanted: Callable[[str], bool] = every_file) -> list[IndexFile]:
    """Read a project's page.

    Args:
        body: the page.
        content_type: as the index gave it.
        url: where it was found, after redirects; links are relative to it.
        wanted: tells by its name whether a file is of use; a page may have thousands.

    Raises:
        PageError: it is neither JSON nor HTML of an index.
    """
    media = content_type.split(";")[0].strip().lower()
    if media == JSON_TYPE or media == "application/json":
        found = _parse_json(body, url, wanted)
    elif media in (HTML_TYPE, "text/html", "application/xhtml+xml"):
        parser = _Anchors(url, wanted)
        parser.feed(body)
        parser.close()
        found = parser.files
    else:
        raise PageError(f"the answer is {media or 'of no type'}, and no page of a package index")
    return [file for file in found if _FILENAME.fullmatch(file.filename) and urlsplit(file.url).scheme in _SCHEMES]


_SCHEMES = ("http", "https")


def render_json(project: str, files: Iterable[IndexFile], link: Callable[[IndexFile], str]) -> str:
    """Return the page in JSON; `link` gives the address to write for a file."""
    rendered = []
    for file in files:
        data: dict[str, Any] = {"filename": file.filename, "url": link(file), "hashes": dict(file.hashes)}
        if file.requires_python:
            data["requires-python"] = file.requires_python
        if file.yanked is not False:
            data["yanked"] = file.yanked
        if file.metadata is not False:
            data["core-metadata"] = file.metadata if file.metadata is True else dict(file.metadata)
        rendered.append(data)
    return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": rendered})


def render_html(project: str, files: Iterable[IndexFile], link: Callable[[IndexFile], str]) -> str:
    """Return the page in HTML; `link` gives the address to write for a file."""
    lines = ["<!DOCTYPE html>", f"<html><body><h1>{html.escape(project)}</h1>"]
    for file in files:
        digest = next((f"#{name}={file.hashes[name]}" for name in ("sha256", *file.hashes) if name in file.hashes), "")
        attributes = {"href": link(file) + digest}
        if file.requires_python:
            attributes["data-requires-python"] = file.requires_python
        if file.yanked is not False:
            attributes["data-yanked"] = "" if file.yanked is True else file.yanked
        if file.metadata is not False:
            known = {} if file.metadata is True else file.metadata
            attributes["data-core-metadata"] = f"sha256={known['sha256']}" if "sha256" in known else "true"
        text = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
        lines.append(f"<a {text}>{html.escape(file.filename)}</a><br>")
    return "\n".join([*lines, "</body></html>\n"])


def file_path(prefix: str, token: str, filename: str) -> str:
    """Return the proxy's path of a file."""
    return f"/{prefix}/file/{token}/{quote(filename)}"


def _parse_json(body: str, url: str, wanted: Callable[[str], bool]) -> list[IndexFile]:
    try:
        data = json.loads(body)
        return [_from_json(file, url) for file in data["files"] if wanted(str(file["filename"]))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PageError(f"the page cannot be read: {type(error).__name__}") from error


def _from_json(data: Mapping[str, Any], url: str) -> IndexFile:
    metadata = data.get("core-metadata", data.get("dist-info-metadata", False))
    yanked = data.get("yanked", False)
    python = data.get("requires-python")
    return IndexFile(
        filename=str(data["filename"]),
        url=urldefrag(urljoin(url, str(data["url"])))[0],
        hashes=_hashes(data.get("hashes")),
        requires_python=str(python) if python else None,
        yanked=yanked if isinstance(yanked, bool | str) else bool(yanked),
        metadata=_hashes(metadata) if isinstance(metadata, Mapping) else bool(metadata),
    )


def _hashes(data: Any) -> dict[str, str]:
    items = data.items() if isinstance(data, Mapping) else ()
    return {str(name): str(value) for name, value in items if _HASH.fullmatch(f"{name}={value}")}


class _Anchors(HTMLParser):
    """Collects the links of an HTML page."""

    def __init__(self, url: str, wanted: Callable[[str], bool]) -> None:
        super().__init__()
        self._base = url
        self._wanted = wanted
        self.files: list[IndexFile] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        href = found.get("href")
        if not href:
            return
        if tag == "base":
            self._base = urljoin(self._base, href)
        if tag != "a":
            return
        try:
            url, fragment = urldefrag(urljoin(self._base, href))
            filename = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
        except ValueError:
            return
        if not self._wanted(filename):
            return
        digest = _HASH.fullmatch(fragment)
        metadata = found.get("data-core-metadata", found.get("data-dist-info-metadata"))
        known = _HASH.fullmatch(metadata) if metadata else None
        yanked = found.get("data-yanked") or True if "data-yanked" in found else False
        self.files.append(
            IndexFile(
                filename=filename,
                url=url,
                hashes={digest[1]: digest[2]} if digest else {},
                requires_python=found.get("data-requires-python") or None,
                yanked=yanked,
                metadata={known[1]: known[2]} if known else metadata is not None and metadata != "false",
            )
        )
