"""Who is told what a check does, step by step: a check may be ended by what it starts, at any of its steps.

The watcher is the check's surroundings, as the event loop is: tenants' code is called from many places, and each of
them would hand it on to the next. Where nobody watches nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from llamastack_resolver.findings import Finding, Reason
from llamastack_resolver.redact import Redactor


@dataclass(frozen=True)
class Step:
    """What is done with a tenant's code, so that it can be told where that ends the check.

    Attributes:
        doing: what, such as `starting remote::vllm`.
        reason: the reason of the finding where it fails.
        path: of the entry in the run config.
        api: its API.
        provider: its id; empty where it is not of one provider.
        type: its type.
    """

    doing: str
    reason: Reason
    path: str
    api: str = ""
    provider: str = ""
    type: str = ""


class Watcher:
    """Is told what a check does; this one keeps still."""

    def secrets(self, redactor: Redactor) -> None:
        """It is known what is secret."""

    def release(self, name: str) -> None:
        """The installed release was found."""

    def ships(self, specs: str) -> None:
        """What the installed release ships was described; `specs` is its `ReleaseKnowledge.specs_digest`."""

    def at(self, step: Step | None) -> None:
        """A step is begun; None where the last one came to its end."""

    def found(self, findings: Iterable[Finding]) -> None:
        """Findings were made; those that were told before are passed over."""

    def planned(self, providers: Iterable[dict[str, Any]]) -> None:
        """These providers are to be started; the shape is that of `state`."""

    def state(self, state: dict[str, Any]) -> None:
        """Something became of a provider."""

    def raised(self, traceback: str) -> None:
        """Tenants' code raised an exception."""


_CURRENT: ContextVar[Watcher] = ContextVar("watcher", default=Watcher())  # noqa: B039 - it has no state

_REDACTOR: ContextVar[Redactor] = ContextVar("redactor", default=Redactor())  # noqa: B039 - it has no secrets


def redactor() -> Redactor:
    """Return what keeps secrets out of texts here."""
    return _REDACTOR.get()


@contextmanager
def redacting(one: Redactor) -> Iterator[None]:
    """Keep these secrets out of texts within."""
    token = _REDACTOR.set(one)
    try:
        yield
    finally:
        _REDACTOR.reset(token)


def watcher() -> Watcher:
    """Return the one who is told here."""
    return _CURRENT.get()


@contextmanager
def watched_by(one: Watcher) -> Iterator[None]:
    """Tell this one within."""
    token = _CURRENT.set(one)
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextmanager
def at(step: Step) -> Iterator[None]:
    """Tell that a step is taken within.

    It is left in place where something else than an `Exception` comes out, which ends the check.
    """
    watcher().at(step)
    try:
        yield
    except Exception:
        watcher().at(None)
        raise
    watcher().at(None)
