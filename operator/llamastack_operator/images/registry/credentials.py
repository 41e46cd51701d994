"""Finds the credentials of a repository in Secrets of type kubernetes.io/dockerconfigjson, as the kubelet does.

Keys may have a scheme and a path, host names may have wildcards, and the most specific key wins: see "Interpretation
of config.json" in the Kubernetes documentation ("Images"). Credential helpers are programs, and are not used.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from llamastack_operator.images.registry.reference import DOCKER_HUB

SIZE_LIMIT = 1 << 20
"""Most bytes of a file of credentials; a Secret has no more."""
_HUB_NAMES = {"index.docker.io", "registry-1.docker.io"}


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves who asks; its text form shows nothing of it.

    Attributes:
        username: empty where there is only a token.
        password: goes with the user name.
        identity_token: OAuth2 refresh token, changed for an access token at the registry's token server.
        registry_token: bearer token that the registry itself takes.
    """

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str | None:
        """Value of an Authorization header for HTTP Basic (RFC 7617), or None without a user name."""
        if not self.username:
            return None
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class _Entry:
    host: str
    path: str
    credential: Credential

    def fits(self, host: str, repository: str) -> bool:
        if not _host_fits(self.host, host):
            return False
        return not self.path or f"{repository}/".startswith(f"{self.path}/")


class Keyring:
    """The credentials that a step holds."""

    def __init__(self, entries: Iterable[_Entry] = ()) -> None:
        # Longer paths first, then host names without a wildcard, then longer ones.
        self._entries = sorted(entries, key=lambda entry: (-len(entry.path), "*" in entry.host, -len(entry.host)))

    def __bool__(self) -> bool:
        return bool(self._entries)

    def find(self, host: str, repository: str) -> Credential | None:
        """Return the credentials of the most specific key that fits, or None.

        Args:
            host: registry as in a reference.
            repository: path within it.
        """
        return next((entry.credential for entry in self._entries if entry.fits(host, repository)), None)


def read_keyring(*folders: Path) -> Keyring:
    """Read the Secrets that are mounted into folders; one that is not there counts as empty.

    Raises:
        ValueError: a file is no dockerconfigjson; names the file and the key, no content.
    """
    entries: list[_Entry] = []
    for folder in folders:
        for name in (".dockerconfigjson", "config.json"):
            if (folder / name).is_file():
                entries += parse_docker_config((folder / name).read_bytes(), name)
    return Keyring(entries)


def parse_docker_config(content: bytes, name: str = ".dockerconfigjson") -> list[_Entry]:
    """Read one docker configuration file.

    Args:
        content: the file.
        name: what errors call it.

    Raises:
        ValueError: it is none; names the key, no content.
    """
    try:
        document = json.loads(content) if len(content) <= SIZE_LIMIT else None
    except (ValueError, RecursionError):
        document = None
    auths = document.get("auths") if isinstance(document, dict) else None
    if not isinstance(auths, dict):
        raise ValueError(
            f"{name}: not a JSON object with the key 'auths', as `kubectl create secret docker-registry` makes"
        )
    return [_entry(key, value, f"{name}: auths[{key!r}]") for key, value in auths.items()]


def _entry(key: str, value: Any, where: str) -> _Entry:
    fields = value if isinstance(value, dict) else {}
    texts = {name: fields[name] for name in fields if isinstance(fields[name], str)}
    username, password = texts.get("username", ""), texts.get("password", "")
    if texts.get("auth"):
        username, password = _decoded(texts["auth"], where)
    credential = Credential(username, password, texts.get("identitytoken", ""), texts.get("registrytoken", ""))
    if credential == Credential():
        raise ValueError(f"{where}: neither auth, username and password, identitytoken nor registrytoken is set")
    parts = urlsplit(key if "://" in key else f"https://{key}")
    path = parts.path.strip("/")
    if path in ("v1", "v2"):
        path = ""
    path = path.removeprefix("v1/").removeprefix("v2/")
    host = parts.netloc.rpartition("@")[2].lower()
    return _Entry(DOCKER_HUB if host in _HUB_NAMES else host, path, credential)


def _decoded(auth: str, where: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(auth.strip(), validate=True).decode().rstrip("\0")
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError(f"{where}: auth is not the Base64 of user:password") from None
    username, colon, password = text.partition(":")
    if not colon:
        raise ValueError(f"{where}: auth is not the Base64 of user:password")
    return username, password


def _host_fits(pattern: str, host: str) -> bool:
    """Compare label by label: a wildcard stands for (a part of) one label, and ports must be equal."""
    pattern_name, _, pattern_port = pattern.partition(":")
    name, _, port = host.partition(":")
    labels, patterns = name.split("."), pattern_name.split(".")
    if pattern_port != port or len(labels) != len(patterns):
        return False
    return all(fnmatchcase(label, wanted) for label, wanted in zip(labels, patterns, strict=True))
