"""A static package index, and a server for it that can ask for a password, speak TLS, and fail."""

import base64
import hashlib
import html
import ssl
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.cluster.certificates import Certificate


def write_index(packages: Iterable[Path], folder: Path, *, hashes: bool = True, metadata: bool = True) -> Path:
    """Write an index of PEP 503 that any static HTTP server can serve, and return the folder.

    Args:
        packages: wheels and source distributions.
        folder: where to; `simple/PROJECT/index.html` and `files/NAME` are made in it.
        hashes: whether links have digests.
        metadata: whether wheels' metadata is served beside them (PEP 658).
    """
    projects: dict[str, list[str]] = {}
    (folder / "files").mkdir(parents=True, exist_ok=True)
    for package in sorted(packages):
        data = package.read_bytes()
        (folder / "files" / package.name).write_bytes(data)
        attributes = ""
        if package.suffix == ".whl":
            text = _metadata(package)
            python = next((line[17:] for line in text.splitlines() if line.startswith("Requires-Python: ")), "")
            attributes = f' data-requires-python="{html.escape(python)}"'
            if metadata:
                (folder / "files" / f"{package.name}.metadata").write_text(text)
                attributes += f' data-core-metadata="sha256={hashlib.sha256(text.encode()).hexdigest()}"'
        fragment = f"#sha256={hashlib.sha256(data).hexdigest()}" if hashes else ""
        project = package.name.removesuffix(".tar.gz").split("-")[0].replace("_", "-").lower()
        link = f'<a href="../../files/{package.name}{fragment}"{attributes}>{package.name}</a><br>'
        projects.setdefault(project, []).append(link)
    for project, links in projects.items():
        page = folder / "simple" / project / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<!DOCTYPE html><html><body>\n" + "\n".join(links) + "\n</body></html>\n")
    return folder


def _metadata(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name).decode()


@dataclass
class PackageIndex:
    """A served index.

    Attributes:
        folder: what `write_index` wrote.
        user: user name and password that every request must carry; None to ask for none.
        statuses: answers to give instead, by start of the path.
        redirects: where paths with a start are sent, with the rest of the path.
        passing: paths that are out of order, and how often they still are.
        types: media types to give instead, by start of the path.
        breaks: paths whose answer breaks off in the middle, and how often it still does.
        requests: paths that were asked for, with the Authorization header of each.
        url: its address, known when it is served.
    """

    folder: Path
    user: tuple[str, str] | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    passing: dict[str, int] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    breaks: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    @property
    def simple(self) -> str:
        """The address to give to pip."""
        return f"{self.url}/simple"

    @contextmanager
    def served(self, certificate: Certificate | None = None, host: str = "127.0.0.1") -> Iterator["PackageIndex"]:
        """Serve it on a free port of the loopback address, with TLS if there is a certificate."""
        server = _Server((host, 0), _Handler)
        server.index = self
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.crt, certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://{host}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    index: PackageIndex


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        index = self.server.index
        given = self.headers.get("Authorization")
        path = self.path.split("?")[0]
        index.requests.append((self.path, given))
        status = next((code for start, code in index.statuses.items() if path.startswith(start)), None)
        target = next((to for start, to in index.redirects.items() if path.startswith(start)), None)
        passing = next((start for start, left in index.passing.items() if left and path.startswith(start)), None)
        if passing is not None:
            index.passing[passing] -= 1
            self._answer(503, b"in a moment")
        elif index.user and given != basic(*index.user):
            self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="index"'})
        elif status is not None:
            self._answer(status, b"the index is out of order")
        elif target is not None:
            self._answer(302, b"", {"Location": target + path})
        else:
            self._file(path)

    def _file(self, path: str) -> None:
        index = self.server.index
        found = (index.folder / path.lstrip("/")).resolve()
        page = found.is_dir() and (found / "index.html").is_file()
        if page:
            found = found / "index.html"
        if not found.is_file() or not found.is_relative_to(index.folder.resolve()):
            self._answer(404, b"not found")
            return
        body = found.read_bytes()
        left = index.breaks.get(path, 0)
        if left:
            index.breaks[path] = left - 1
        media = "text/html" if page else "application/octet-stream"
        media = next((media for start, media in index.types.items() if path.startswith(start)), media)
        self._answer(200, body, {"Content-Type": media}, bool(left))

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, broken: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if broken else body)
        if broken:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def basic(user: str, password: str) -> str:
    """Return the Authorization header of a user."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
