"""Turns whatever the client raised into the reason of a build's failure, with the repository that it was about."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import urllib3

from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.errors import BrokenAnswerError, StatusError, build_error
from llamastack_operator.images.registry.sources import SourceError

REGISTRY_ERRORS = (StatusError, BrokenAnswerError, urllib3.exceptions.HTTPError)
"""What talking to a registry may raise."""


@contextmanager
def explained(client: Client, what: str = "", source: Client | None = None) -> Generator[None]:
    """Raise the `BuildError` that an error of the registry means.

    Args:
        client: whose repository is written or read.
        what: what is looked for there, for example `:1.0`; follows the repository in the message.
        source: whose repository is read at the same time.
    """
    try:
        yield
    except SourceError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and not isinstance(cause, urllib3.exceptions.HTTPError):
            raise cause from error
        raise _explain(cause if isinstance(cause, Exception) else error, source or client, "") from error
    except REGISTRY_ERRORS as error:
        raise _explain(error, client, what) from error


def _explain(error: Exception, client: Client, what: str) -> Exception:
    return build_error(error, client.action, f"{client.repository}{what}", client.credential is not None)
