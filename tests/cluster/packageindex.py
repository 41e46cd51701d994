"""A package index for pip (PEP 503): a program that a node runs; over a folder, or as a cache of another index.

There is no small, maintained package for this that needs nothing else; it is two pages and a file.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import re
import shutil
import ssl
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class File:
    """One file of a project.

    Attributes:
        name: file name.
        sha256: digest, hexadecimal.
        requires_python: the versions it is for; empty for all.
        metadata: digest of its metadata, where they can be had apart (PEP 658); else empty.
        yanked: whether its authors took it back.
    """

    name: str
    sha256: str
    requires_python: str = ""
    metadata: str = ""
    yanked: bool = False


class Source(Protocol):
    """Where an index has its files from."""

    def projects(self) -> Iterable[str]:
        """Return the normalized names of all projects that can be listed."""

    def files(self, project: str) -> list[File] | None:
        """Return the files of a project; None where there is no such project."""

    def path(self, project: str, name: str) -> Path | None:
        """Return a file of a project, or its metadata (``name.metadata``); None where there is none."""


def normalized(name: str) -> str:
    """Return a project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def project_of(file: str) -> str:
    """Return the normalized project of a wheel's or source distribution's file name."""
    if file.endswith(".whl"):
        return normalized(file.split("-")[0])
    return normalized(re.sub(r"-[^-]+\.(tar\.gz|zip)$", "", file))


class Folder:
    """The wheels and source distributions of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _all(self) -> list[Path]:
        kinds = ("*.whl", "*.tar.gz", "*.zip")
        return sorted(path for kind in kinds for path in self._folder.glob(kind))

    def projects(self) -> Iterable[str]:
        """Return the project of each file."""
        return sorted({project_of(path.name) for path in self._all()})

    def files(self, project: str) -> list[File] | None:
        """Return the files of a project."""
        found = [path for path in self._all() if project_of(path.name) == project]
        return [File(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in found] or None

    def path(self, project: str, name: str) -> Path | None:
        """Return a file that is listed."""
        return next((path for path in self._all() if path.name == name and project_of(name) == project), None)


def _link(project: str, file: File) -> str:
    attributes = [f'href="/files/{project}/{urllib.parse.quote(file.name)}#sha256={file.sha256}"']
    if file.requires_python:
        attributes.append(f'data-requires-python="{html.escape(file.requires_python)}"')
    if file.metadata:
        attributes.append(f'data-core-metadata="sha256={file.metadata}"')
    if file.yanked:
        attributes.append('data-yanked=""')
    return f"<a {' '.join(attributes)}>{html.escape(file.name)}</a><br>\n"


def _page(links: Iterable[str]) -> bytes:
    return f"<!DOCTYPE html>\n<html><body>\n{''.join(links)}</body></html>\n".encode()


class Handler(BaseHTTPRequestHandler):
    """Answers requests of one index; see ``handler``."""

    protocol_version = "HTTP/1.1"
    source: Source
    authorization: str | None = None

    def do_GET(self) -> None:
        """Answer with the list of projects, with a project's files or with a file."""
        if self.authorization and self.headers.get("Authorization") != self.authorization:
            self._answer(401, b"log in\n", [("WWW-Authenticate", 'Basic realm="index"')])
            return
        match [urllib.parse.unquote(part) for part in self.path.split("?")[0].split("/")[1:]]:
            case ["simple", ""]:
                self._page(_page(f'<a href="/simple/{name}/">{name}</a><br>\n' for name in self.source.projects()))
            case ["simple", project] | ["simple", project, ""]:
                files = self.source.files(normalized(project))
                self._page(files and _page(_link(normalized(project), file) for file in files))
            case ["files", project, name]:
                self._file(self.source.path(normalized(project), name))
            case _:
                self._page(None)

    def _page(self, page: bytes | None) -> None:
        self._answer(200 if page else 404, page or b"not found\n", [("Content-Type", "text/html")])

    def _file(self, path: Path | None) -> None:
        if path is None:
            self._page(None)
            return
        with path.open("rb") as file:
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            shutil.copyfileobj(file, self.wfile)

    def _answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print who asked for what and the status of the answer."""
        kind, _, credentials = (self.headers.get("Authorization") or "").partition(" ")
        user = base64.b64decode(credentials).decode().partition(":")[0] if kind == "Basic" else ""
        print(f"{user or '-'} {self.command} {self.path} {int(code)}", flush=True)


def handler(source: Source, login: str | None) -> type[Handler]:
    """Return the request handler of an index.

    Args:
        source: where its files are.
        login: ``user:password`` that it asks for.
    """
    authorization = login and "Basic " + base64.b64encode(login.encode()).decode()
    return type("IndexHandler", (Handler,), {"source": source, "authorization": authorization})


def _source(options: argparse.Namespace) -> Source:
    if not options.upstream:
        return Folder(options.folder)
    from tests.cluster.packagemirror import Mirror

    return Mirror(options.upstream, options.folder)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True, help="host:port")
    parser.add_argument("--folder", required=True, type=Path, help="the files, or the cache of an upstream")
    parser.add_argument("--upstream", help="index that is asked for what the cache lacks")
    parser.add_argument("--login", help="user:password that clients must have")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), handler(_source(options), options.login))
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
