"""Credentials of package indexes, and whom they are sent to: the indexes of the build and nobody else.

A page may link anywhere and an index may redirect anywhere. So what decides is the origin (scheme, host and
port) of each single request.
"""

from __future__ import annotations

import base64
import netrc
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from yarl import URL


class CredentialsError(Exception):
    """The Secret does not have the form that it should."""


@dataclass(frozen=True)
class Credentials:
    """Authorization headers by origin; nothing of them is shown by `repr`."""

    _headers: dict[URL, str] = field(default_factory=dict, repr=False)

    def header_for(self, url: URL) -> str | None:
        """Return the Authorization header for a request, None for every origin but those of the indexes."""
        return self._headers.get(url.origin()) if url.is_absolute() else None


def read_credentials(folder: Path, first: str | None, indexes: Iterable[str]) -> Credentials:
    """Read the files of the Secret.

    `username` and `password` are for the first index alone: another one, often a public one, must not learn
    them. A `netrc` file has the credentials of several hosts; those of hosts that are no index are not used,
    and neither is its `default`.

    Args:
        folder: where the Secret is mounted; it may be absent.
        first: address of the first index that the build names; None where it names none.
        indexes: addresses of all indexes.

    Raises:
        CredentialsError: one of the two is there without the other, or the netrc file cannot be read.
    """
    headers: dict[URL, str] = {}
    origins = {url.origin() for text in indexes if (url := URL(text)).is_absolute()}
    for origin, (user, password) in _of_netrc(folder / "netrc", origins).items():
        headers[origin] = _basic(user, password)
    user_file, password_file = folder / "username", folder / "password"
    if user_file.is_file() != password_file.is_file():
        raise CredentialsError("the Secret of the index has one of username and password without the other")
    if user_file.is_file() and first:
        headers[URL(first).origin()] = _basic(_text(user_file), _text(password_file))
    return Credentials(headers)


def _of_netrc(path: Path, origins: Iterable[URL]) -> dict[URL, tuple[str, str]]:
    if not path.is_file():
        return {}
    try:
        hosts = netrc.netrc(str(path)).hosts
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
        # The parser's message may quote a part of the file.
        raise CredentialsError("the netrc file of the index's Secret cannot be read") from error
    hosts.pop("default", None)
    return {
        origin: (login, password or "")
        for origin in origins
        for login, _, password in [hosts.get(origin.host or "", ("", "", ""))]
        if login
    }


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _text(path: Path) -> str:
    """Return a value without the end of line that many a Secret has."""
    return path.read_text("utf-8").strip("\r\n")
