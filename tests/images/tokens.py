"""A token server that a real docker-registry trusts: it signs JWTs as the "Docker Registry v2 authentication" asks.

docker-registry has no token server of its own, and the known ones are whole products. This one keeps the protocol
(GET with HTTP Basic, POST with a refresh token, anonymous), and the registry verifies what it signs.
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.cluster.certificates import Authority, Certificate

SERVICE = "test-registry"
ISSUER = "test-issuer"
REFRESH = "a-refresh-token"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class TokenServer:
    """Users with their passwords, and what each may do; "" is whoever does not say who he is."""

    authority: Authority
    rights: Mapping[str, Mapping[str, str]]
    passwords: Mapping[str, str]
    life: int = 300
    asked: list[tuple[str, str, list[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.certificate: Certificate = self.authority.issue("token-signer")
        self.port = 0

    @property
    def settings(self) -> dict[str, Any]:
        """The `auth` section of the registry's configuration."""
        return {
            "token": {
                "realm": f"http://127.0.0.1:{self.port}/token",
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(self.authority.certificate.crt),
            }
        }

    def token(self, user: str, scopes: list[str]) -> str:
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":", 2)
            allowed = next(
                (rights for prefix, rights in self.rights.get(user, {}).items() if name.startswith(prefix)), ""
            )
            granted = [action for action in actions.split(",") if action in allowed.split(",")]
            access.append({"type": kind, "name": name, "actions": granted})
        der = subprocess.run(
            ["openssl", "x509", "-in", str(self.certificate.crt), "-outform", "DER"], capture_output=True, check=True
        ).stdout
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        claims = {"iss": ISSUER, "sub": user, "aud": SERVICE, "iat": now, "nbf": now - 5, "exp": now + self.life}
        parts = (json.dumps(header), json.dumps({**claims, "jti": "1", "access": access}))
        signed = ".".join(_encoded(part.encode()) for part in parts)
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.certificate.key)],
            input=signed.encode(),
            capture_output=True,
            check=True,
        ).stdout
        return f"{signed}.{_encoded(signature)}"


@contextmanager
def serving(server: TokenServer) -> Iterator[TokenServer]:
    """Run the token server on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            kind, _, value = self.headers.get("Authorization", "").partition(" ")
            user, _, password = base64.b64decode(value).decode().partition(":") if kind == "Basic" else ("", "", "")
            self._answer("GET", user, asked.get("scope", []), server.passwords.get(user, "") == password)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            right = form["grant_type"] == ["refresh_token"] and form["refresh_token"] == [REFRESH]
            self._answer("POST", "builder", form.get("scope", [""])[0].split(), right)

        def _answer(self, method: str, user: str, scopes: list[str], right: bool) -> None:
            server.asked.append((method, user, scopes))
            body = json.dumps({"access_token" if method == "POST" else "token": server.token(user, scopes)}).encode()
            self.send_response(200 if right else 401)
            self.end_headers()
            self.wfile.write(body if right else b'{"details": "a secret of the token server"}')

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
