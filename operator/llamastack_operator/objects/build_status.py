"""The status of a LlamaStackBuild as a value: how far it is, what came of it, and how it changes with a try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from llamastack_operator.objects.wire import mapping, mappings, number, text, texts

STARTING = "starting"
"""The step of a try of which nothing has run yet."""


@dataclass(frozen=True, slots=True)
class RecordedModule:
    """An external provider module of the result.

    Attributes:
        requirement: as the run config has it.
        distribution: its package.
        version: the package's version.
        import_name: the package that the server imports.
        providers: API and type of each provider that it brings; None where that was not recorded.
    """

    requirement: str
    distribution: str
    version: str
    import_name: str
    providers: tuple[str, ...] | None

    def to_wire(self) -> dict[str, Any]:
        """Return the shape of a LlamaStackBuild's status."""
        wire = {
            "requirement": self.requirement,
            "distribution": self.distribution,
            "version": self.version,
            "importName": self.import_name,
            "providers": None if self.providers is None else list(self.providers),
        }
        return {name: value for name, value in wire.items() if value is not None}


@dataclass(frozen=True, slots=True)
class RecordedFailure:
    """Why the last try failed; texts are bounded by whoever makes one.

    Attributes:
        reason: the reason for conditions.
        message: one line for people.
        hint: what to do, empty where nothing better than the message is known.
        step: the container that failed, empty where it was none.
        retry: whether another try can help without a change from outside.
        tail: the last lines of the failing step.
        concerns: names of the modules and requirements that it is about; none where it is about none, or was recorded
            by an operator that did not keep them.
    """

    reason: str
    message: str
    hint: str
    step: str
    retry: bool
    tail: tuple[str, ...]
    concerns: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        """Return the shape of a LlamaStackBuild's status."""
        wire = {
            "reason": self.reason,
            "message": self.message,
            "hint": self.hint,
            "step": self.step,
            "retry": self.retry,
            "tail": list(self.tail),
            "concerns": list(self.concerns),
        }
        return {name: value for name, value in wire.items() if value}


@dataclass(frozen=True, slots=True)
class BuildStatus:
    """How far a build is, and what came of it; times are RFC 3339. What is None was not recorded.

    Attributes:
        phase: Queued, Building, Succeeded or Failed; None before the first pass.
        step: where a running build is.
        attempts: how often it was tried.
        failures: how many tries have failed since one last succeeded.
        failing_since: when the first of these ended.
        started_at: when the last try began.
        finished_at: when it ended.
        next_attempt_at: when the next one is due; None where none will come.
        rerun: the last request to make the image again that was taken up.
        failure: why the last try failed.
        image: the result, as repository@digest.
        digest: its digest.
        base_digest: what the base's tag led to.
        platform: for example linux/amd64.
        operator_image: the operator's image whose programs made it.
        python: the interpreter's version, for example 3.13.
        image_size: bytes of the whole image, compressed.
        pushed_bytes: bytes that had to be uploaded.
        modules: the external provider modules of the result.
        installed: how many packages were installed.
        lock_digest: the digest of what pods that install at their start are to read.
    """

    phase: str | None = None
    step: str | None = None
    attempts: int | None = None
    failures: int | None = None
    failing_since: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    next_attempt_at: str | None = None
    rerun: str | None = None
    failure: RecordedFailure | None = None
    image: str | None = None
    digest: str | None = None
    base_digest: str | None = None
    platform: str | None = None
    operator_image: str | None = None
    python: str | None = None
    image_size: int | None = None
    pushed_bytes: int | None = None
    modules: tuple[RecordedModule, ...] = ()
    installed: int | None = None
    lock_digest: str | None = None

    def queued(self) -> BuildStatus:
        """Return the status of a build that waits for its turn."""
        return replace(self._lasting(), phase="Queued", attempts=self.attempts, failure=self.failure)

    def started(self, attempt: int, now: str) -> BuildStatus:
        """Return the status at the begin of a try, from 1."""
        return replace(self._lasting(), phase="Building", step=STARTING, attempts=attempt, started_at=now)

    def at(self, step: str) -> BuildStatus:
        """Return the status of a try that is somewhere else than before."""
        return replace(self, step=step)

    def failed(self, failure: RecordedFailure, now: str, next_attempt_at: str | None) -> BuildStatus:
        """Return the status after a try that failed.

        Args:
            failure: why.
            now: the time of its end.
            next_attempt_at: when the next try is due; None where none would help.
        """
        return replace(
            self._lasting(),
            phase="Failed",
            attempts=self.tries,
            failures=(self.failures or 0) + 1,
            failing_since=self.failing_since or now,
            started_at=self.started_at or now,
            finished_at=now,
            next_attempt_at=next_attempt_at,
            failure=failure,
        )

    def made_again(self, rerun: str) -> BuildStatus:
        """Return the status with the request that is taken up."""
        return replace(self, rerun=rerun)

    @property
    def tries(self) -> int:
        """How often it was tried, at least once; for a build that is known to have been."""
        return 1 if self.attempts is None else self.attempts

    def to_wire(self) -> dict[str, Any]:
        """Return the shape of the API, without the lock."""
        wire = {name: getattr(self, field) for name, field in _FIELDS.items()}
        wire["failure"] = self.failure.to_wire() if self.failure is not None else None
        wire["modules"] = [module.to_wire() for module in self.modules] or None
        return {name: value for name, value in wire.items() if value is not None}

    def _lasting(self) -> BuildStatus:
        """Return what outlives a try: with a lock the next one makes the same image again."""
        return BuildStatus(
            base_digest=self.base_digest,
            rerun=self.rerun,
            failures=self.failures,
            failing_since=self.failing_since,
        )


_TEXTS = {
    "phase": "phase",
    "step": "step",
    "startedAt": "started_at",
    "finishedAt": "finished_at",
    "nextAttemptAt": "next_attempt_at",
    "failingSince": "failing_since",
    "rerun": "rerun",
    "image": "image",
    "digest": "digest",
    "baseDigest": "base_digest",
    "platform": "platform",
    "operatorImage": "operator_image",
    "python": "python",
    "lockDigest": "lock_digest",
}
_NUMBERS = {
    "attempts": "attempts",
    "failures": "failures",
    "imageSize": "image_size",
    "pushedBytes": "pushed_bytes",
    "installed": "installed",
}
_FIELDS = {**_TEXTS, **_NUMBERS}


def build_status(wire: Any) -> BuildStatus:
    """Return what is kept of the status of a LlamaStackBuild of the API, whatever it holds; the lock is not."""
    status = mapping(wire)
    known: dict[str, Any] = {field: text(status.get(name)) for name, field in _TEXTS.items()}
    known |= {field: number(status.get(name)) for name, field in _NUMBERS.items()}
    return BuildStatus(
        **known,
        failure=_failure(status["failure"]) if isinstance(status.get("failure"), dict) else None,
        modules=tuple(_module(module) for module in mappings(status.get("modules"))),
    )


def _failure(wire: Mapping[str, Any]) -> RecordedFailure:
    return RecordedFailure(
        reason=text(wire.get("reason")) or "",
        message=text(wire.get("message")) or "",
        hint=text(wire.get("hint")) or "",
        step=text(wire.get("step")) or "",
        retry=wire.get("retry") is True,
        tail=texts(wire.get("tail")),
        concerns=texts(wire.get("concerns")),
    )


def _module(wire: Mapping[str, Any]) -> RecordedModule:
    return RecordedModule(
        requirement=text(wire.get("requirement")) or "",
        distribution=text(wire.get("distribution")) or "",
        version=text(wire.get("version")) or "",
        import_name=text(wire.get("importName")) or "",
        providers=texts(wire["providers"]) if "providers" in wire else None,
    )
