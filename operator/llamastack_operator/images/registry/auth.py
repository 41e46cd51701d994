"""Proves to a registry who asks: nothing, HTTP Basic, or a bearer token from the server that the registry names.

The token flow is that of the Docker registry ("Token Authentication Specification", "OAuth2 Token Authentication"),
to which the OCI distribution specification leaves it.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from llamastack_operator.images.registry.credentials import Credential
from llamastack_operator.images.registry.errors import BrokenAnswerError, StatusError
from llamastack_operator.images.registry.transport import Transport, discard, read_bounded

_CLIENT = "llamastack-operator"
_ANSWER_LIMIT = 256 << 10
_TOKEN = re.compile(r"[\x21-\x7e]+")
_PARAMETER = re.compile(r'(?<![A-Za-z0-9_-])([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
# A token that says nothing of its life lives for 60 seconds; it is renewed a little before its end.
_LIFE = 60
_MARGIN = 10


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry asks for, from its WWW-Authenticate header.

    Attributes:
        scheme: `basic` or `bearer`.
        realm: address of the token server.
        service: name of the registry there.
        scope: what the token must allow.
    """

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenges(header: str) -> list[Challenge]:
    """Read a WWW-Authenticate header (RFC 9110, section 11.6.1), which may hold several challenges."""
    found = []
    pieces = re.split(r"(?:^|,)\s*(basic|bearer)(?=\s|$)", header, flags=re.IGNORECASE)
    for scheme, parameters in zip(pieces[1::2], pieces[2::2], strict=True):
        values = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(parameters)}
        fields = (re.sub(r"\\(.)", r"\1", values.get(name, "")) for name in ("realm", "service", "scope"))
        found.append(Challenge(scheme.lower(), *fields))
    return found


class Authenticator:
    """Knows the Authorization header of one repository, and gets a new one when a registry asks; thread-safe."""

    def __init__(
        self, transport: Transport, credential: Credential | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._transport = transport
        self._credential = credential
        self._clock = clock
        self._challenge: Challenge | None = None
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def authorization(self, scopes: tuple[str, ...]) -> str | None:
        """Return the header to send, or None where the registry has not asked for any yet."""
        with self._lock:
            if self._challenge is None:
                return None
            if self._challenge.scheme == "basic":
                return self._credential.basic if self._credential else None
            header, end = self._tokens.get(scopes, ("", 0.0))
            if self._clock() < end:
                return header
            return self._renew(scopes)

    def answer(self, header: str, scopes: tuple[str, ...], refused: str | None) -> str | None:
        """Return the header that answers a challenge, or None where there is none that was not refused already.

        Args:
            header: the registry's WWW-Authenticate.
            scopes: what is to be allowed.
            refused: the Authorization header that it answered.

        Raises:
            StatusError: the token server refuses.
            BrokenAnswerError: what it answers is no token.
            urllib3.exceptions.HTTPError: it cannot be reached.
        """
        challenges = parse_challenges(header)
        with self._lock:
            bearer = next((challenge for challenge in challenges if challenge.scheme == "bearer"), None)
            basic = next((challenge for challenge in challenges if challenge.scheme == "basic"), None)
            if bearer is None and basic is None:
                return None
            self._challenge = bearer or basic
            if bearer is None:
                offered = self._credential.basic if self._credential else None
                return offered if offered != refused else None
            known, end = self._tokens.get(scopes, ("", 0.0))
            if known and known != refused and self._clock() < end:
                return known  # another thread got it meanwhile
            return self._renew(scopes)

    def _renew(self, scopes: tuple[str, ...]) -> str:
        challenge = self._challenge
        if self._credential and self._credential.registry_token:
            return f"Bearer {self._credential.registry_token}"
        if challenge is None or not challenge.realm:
            raise BrokenAnswerError("it asks for a token and does not say where to get it")
        wanted = tuple(dict.fromkeys((*scopes, *challenge.scope.split())))
        token, life = self._fetch(challenge, wanted)
        header = f"Bearer {token}"
        self._tokens[scopes] = (header, self._clock() + max(life - _MARGIN, 1))
        return header

    def _fetch(self, challenge: Challenge, scopes: tuple[str, ...]) -> tuple[str, float]:
        identity = self._credential.identity_token if self._credential else ""
        if identity:
            form = {"grant_type": "refresh_token", "service": challenge.service, "client_id": _CLIENT}
            body = urlencode({**form, "scope": " ".join(scopes), "refresh_token": identity}).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
            answer = self._transport.send("POST", challenge.realm, headers, body)
        else:
            basic = self._credential.basic if self._credential else None
            query = urlencode([("service", challenge.service), *(("scope", scope) for scope in scopes)])
            url = f"{challenge.realm}{'&' if '?' in challenge.realm else '?'}{query}"
            answer = self._transport.send("GET", url, {"Authorization": basic} if basic else {})
        if answer.status != 200:
            discard(answer)
            raise StatusError(answer.status)
        return _token_of(read_bounded(answer, _ANSWER_LIMIT))


def _token_of(body: bytes) -> tuple[str, float]:
    try:
        content = json.loads(body)
        token = content.get("token") or content.get("access_token")
        life = content.get("expires_in") or _LIFE
    except (ValueError, AttributeError, RecursionError):
        raise BrokenAnswerError("its token server answers no JSON object") from None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise BrokenAnswerError("its token server answers no token")
    return token, float(life) if isinstance(life, int | float) and 0 < life < 1e6 else _LIFE
