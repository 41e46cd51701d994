"""What went wrong between a build and a registry, and what that means for the build.

Nothing that a server wrote is repeated, but for the HTTP status and the error codes of the specification's list.
"""

from __future__ import annotations

import json
import ssl
from typing import Any, Literal

import urllib3
from urllib3.exceptions import SSLError

from llamastack_operator.images.failure import BuildError

type Action = Literal["pull", "push"]

# OCI distribution specification 1.1, "Error codes", and the two of the Docker registry that others still send.
CODES = frozenset(
    {
        "BLOB_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "BLOB_UPLOAD_UNKNOWN",
        "DENIED",
        "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAME_INVALID",
        "NAME_UNKNOWN",
        "RANGE_INVALID",
        "SIZE_INVALID",
        "TOOMANYREQUESTS",
        "UNAUTHORIZED",
        "UNSUPPORTED",
    }
)
BODY_LIMIT = 64 << 10
"""Most bytes that are read of an error's body."""


class StatusError(Exception):
    """A server answered with a status that is no success.

    Attributes:
        status: the HTTP status.
        codes: error codes of the specification that the body named.
        granted: whether a token server had given a token for what was asked.
        retry_after: seconds that the server asks to wait, where it does.
    """

    def __init__(
        self, status: int, codes: tuple[str, ...] = (), *, granted: bool = False, retry_after: float | None = None
    ) -> None:
        self.status = status
        self.codes = codes
        self.granted = granted
        self.retry_after = retry_after
        super().__init__(f"HTTP status {status}" + (f" ({', '.join(codes)})" if codes else ""))


class BrokenAnswerError(Exception):
    """A server's answer is not what the protocol says; the text says which part, and repeats nothing of it."""


def codes_of(body: bytes) -> tuple[str, ...]:
    """Return those codes in the body of an error that the specification knows."""
    try:
        errors: Any = json.loads(body)["errors"]
        found = {error["code"] for error in errors if isinstance(error["code"], str)}
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    return tuple(sorted(found & CODES))


def build_error(error: Exception, action: Action, where: str, had_credentials: bool) -> BuildError:
    """Translate what the client raised into the reason of a build's failure.

    Args:
        error: a `StatusError`, a `BrokenAnswerError`, or what urllib3 raised.
        action: what was tried.
        where: registry and repository.
        had_credentials: whether the step has credentials for that repository.
    """
    if isinstance(error, StatusError):
        return _from_status(error, action, where, had_credentials)
    if isinstance(error, BrokenAnswerError):
        hint = "check that the name is that of a container registry"
        return BuildError("BuildFailed", f"{where}: this is not the answer of a registry: {error}", hint)
    return _from_transport(error, where)


def _from_status(error: StatusError, action: Action, where: str, had_credentials: bool) -> BuildError:
    secret = f"spec.build.{action}SecretRef"
    if error.status == 401 and not (action == "push" and error.granted and had_credentials):
        why = _unauthorized(secret, error.granted, had_credentials)
        hint = f"check the name, and that {secret} names a kubernetes.io/dockerconfigjson Secret for this registry"
        return BuildError("RegistryUnauthorized", f"{where}: {action} is not allowed: {why}; {error}", hint)
    if error.status in (401, 403):
        hint = f"give the account of {secret} the right to {action} to this repository, or check its quota"
        if action == "push":
            return BuildError("PushDenied", f"{where}: the account may not push there; {error}", hint)
        return BuildError("RegistryUnauthorized", f"{where}: the account may not pull from there; {error}", hint)
    if error.status == 404 and action == "pull":
        hint = "check the image's name, tag and digest"
        return BuildError("BaseNotFound", f"{where}: there is no such image; {error}", hint)
    if error.status == 429 or error.status >= 500:
        return BuildError("RegistryUnreachable", f"{where}: the registry does not serve; {error}", retry=True)
    if error.status == 413:
        hint = "raise the limit of the proxy in front of the registry"
        return BuildError("BuildFailed", f"{where}: the registry takes no upload of this size; {error}", hint)
    return BuildError("BuildFailed", f"{where}: {action} failed; {error}")


def _unauthorized(secret: str, granted: bool, had_credentials: bool) -> str:
    """Say why a registry refuses; many answer 401 for what does not exist, so as not to tell."""
    if granted and had_credentials:
        return f"it does not exist, or the account of {secret} has no right to it"
    if granted:
        return f"it does not exist, or needs credentials, of which {secret} has none for it"
    return f"the credentials of {secret} were refused" if had_credentials else f"{secret} has no credentials for it"


def _from_transport(error: Exception, where: str) -> BuildError:
    certificate = _certificate_error(error)
    if certificate:
        hint = "name the registry's CA in spec.build.caBundleRef"
        return BuildError("RegistryCertificate", f"{where}: the certificate does not verify: {certificate}", hint)
    if isinstance(error, SSLError):
        hint = "only the operator's configuration can name a registry that speaks plain HTTP"
        return BuildError("RegistryCertificate", f"{where}: no TLS connection can be made", hint)
    return BuildError("RegistryUnreachable", f"{where}: {_what(error)}", "check the name and the network", retry=True)


def _certificate_error(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message or "it is not trusted"
        nested = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        error = nested or error.__cause__ or error.__context__
    return None


def _what(error: Exception) -> str:
    """Say in few words of ours why there is no connection."""
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (urllib3.exceptions.NameResolutionError, "the name does not resolve"),
        (urllib3.exceptions.NewConnectionError, "no connection can be made"),
        (urllib3.exceptions.ConnectTimeoutError, "no connection in time"),
        (urllib3.exceptions.ReadTimeoutError, "no answer in time"),
        (urllib3.exceptions.ProxyError, "the proxy makes no connection"),
    )
    return next((text for kind, text in kinds if isinstance(error, kind)), "the connection broke")
