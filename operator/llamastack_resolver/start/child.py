"""The process that makes a check: it tells each step before it takes it, for each may be its last.

It shares its interpreter with what it starts. So what it says goes through a pipe that only it knows, and it leaves
without waiting for threads, hooks and pools that others left behind.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llamastack_resolver.findings import Finding
from llamastack_resolver.installed.errors import describe_error, tell_error
from llamastack_resolver.redact import Redactor
from llamastack_resolver.start.told import encode
from llamastack_resolver.watching import Step, Watcher, redacting, redactor, watched_by

if TYPE_CHECKING:
    from llamastack_resolver.start.check import StartReport


# What moves a terminal's cursor is no part of a traceback.
_CONTROL = {code: "?" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


class LoopEndedError(BaseException):
    """What was started ended the event loop."""


class Teller(Watcher):
    """Tells what a check does through a pipe.

    Args:
        pipe: its file descriptor.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe, self._process = pipe, os.getpid()
        self._told: set[Finding] = set()
        self.step: Step | None = None
        self.redactor = Redactor()

    def secrets(self, redactor: Redactor) -> None:
        """Keep secrets out of all that is told from now on."""
        self.redactor = redactor

    def release(self, name: str) -> None:
        """Tell the installed release."""
        self._tell("release", name)

    def ships(self, specs: str) -> None:
        """Tell what the installed release ships, as a digest."""
        self._tell("ships", specs)

    def at(self, step: Step | None) -> None:
        """Tell the step that is taken now."""
        self.step = step
        self._tell("at", None if step is None else asdict(step))

    def found(self, findings: Iterable[Finding]) -> None:
        """Tell findings that were not told before."""
        for finding in findings:
            if finding not in self._told:
                self._told.add(finding)
                self._tell("finding", finding.to_dict())

    def planned(self, providers: Iterable[dict[str, Any]]) -> None:
        """Tell what is to be started."""
        for provider in providers:
            self._tell("planned", provider)

    def state(self, state: dict[str, Any]) -> None:
        """Tell what became of a provider."""
        self._tell("state", state)

    def raised(self, traceback: str) -> None:
        """Write a traceback to the log."""
        with suppress(Exception):
            sys.stderr.write(traceback.translate(_CONTROL).encode("utf-8", "backslashreplace").decode())
            sys.stderr.flush()

    def whole(self, report: StartReport) -> None:
        """Tell all anew, in its last order, and that this was all."""
        data = report.to_dict()
        self._tell("whole")
        for word, key in (("finding", "findings"), ("state", "providers"), ("step", "order")):
            for item in data[key]:
                self._tell(word, item)
        self._tell("done")

    def failed(self, error: BaseException) -> None:
        """Tell that the check itself failed."""
        with watched_by(self), redacting(self.redactor):
            if not _says_all(error):
                tell_error(error)
            self._tell("failed", _fault(error))

    def ended(self, error: BaseException) -> None:
        """Tell that the step ended the check, as far as an exception can."""
        cause = error.__cause__ if isinstance(error, LoopEndedError) else error
        with watched_by(self), redacting(self.redactor):
            tell_error(error)
            stopped = cause is None or isinstance(cause, RuntimeError)
            self._tell("ended", "it stopped the event loop" if stopped else describe_error(cause or error))

    def _tell(self, word: str, *arguments: Any) -> None:
        if os.getpid() != self._process:
            # What was started forked, and went on as if nothing were.
            os._exit(0)
        line = encode([word, *self.redactor.clean(arguments)])
        while line:
            line = line[os.write(self._pipe, line) :]


def run(pipe: int, arguments: Sequence[str]) -> None:
    """Make the check at a pod's start, and end this process without waiting for anything.

    Args:
        pipe: file descriptor for what it does.
        arguments: the options.
    """
    make(_check, pipe, arguments)


def make(check: Callable[[Teller, Sequence[str]], None], pipe: int, arguments: Sequence[str]) -> None:
    """Make a check, and end this process without waiting for anything.

    Args:
        check: makes it, and tells all.
        pipe: file descriptor for what it does.
        arguments: the options.
    """
    os.set_inheritable(pipe, False)
    with suppress(Exception):
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    teller = Teller(pipe)
    try:
        check(teller, arguments)
    except Exception as error:
        teller.failed(error)
    except BaseException as error:
        # No code of ours raises one: it is what was started that ends the process with it.
        (teller.ended if teller.step else teller.failed)(error)
    os._exit(0)


def _check(teller: Teller, arguments: Sequence[str]) -> None:
    from llamastack_resolver.config.secret_values import SecretVariables
    from llamastack_resolver.start.options import parse

    options = parse(arguments)
    out = options.server_config and options.server_config.absolute()
    secrets = SecretVariables(frozenset(options.secret), frozenset(options.public), options.others_secret)
    # Before anything is imported that may fail, and quote a variable.
    teller.secrets(Redactor(secrets.values(os.environ)))
    from llamastack_resolver.config.server_config import dump
    from llamastack_resolver.findings import Severity
    from llamastack_resolver.start.check import start_check
    from llamastack_resolver.start.compliance import ComplianceRules

    rules = ComplianceRules(Severity(options.missing), Severity(options.signature))
    with watched_by(teller):
        report = start_check(options.config, options.mode, rules, secrets=secrets, run=leaving_all_open)
    if out and report.server_config is not None and not report.has_errors:
        out.write_text(dump(report.server_config), "utf-8")
    teller.whole(report)


def leaving_all_open[T](started: Coroutine[Any, Any, T]) -> T:
    """Run what is started, and leave tasks, threads and the loop as they are: they may never end.

    Raises:
        LoopEndedError: the loop ended before.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(started)
    try:
        return loop.run_until_complete(task)
    except BaseException as error:
        if task.done() and not task.cancelled() and task.exception() is error:
            raise
        raise LoopEndedError from error


def _says_all(error: BaseException) -> bool:
    """Whether it is no fault, and has the whole reason as its text; its class may not be importable here."""
    return type(error).__name__ == "CannotRunError"


def _fault(error: BaseException) -> str:
    """Return why a check could not be made: what was raised, and the last place of ours that it went through."""
    if _says_all(error):
        return redactor().text(str(error))
    place, trace = "", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__")
        if isinstance(name, str) and name.partition(".")[0] == __name__.partition(".")[0]:
            place = f" ({name}:{trace.tb_lineno})"
        trace = trace.tb_next
    what = "the check cannot be imported here" if isinstance(error, ImportError) else "the check itself failed"
    return f"{what}: {describe_error(error)}{place}"
