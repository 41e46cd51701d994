"""The check at a pod's start, as it is asked for: it starts nothing of tenants itself, and always comes to an end.

It runs the check in another process, owns its deadline, and writes the reports: that for the pod's status first. It
ends by the verdict, whatever is left of what was started. A check that cannot be made never keeps a server from
starting: only what is proved against a config, or against what it starts, does. This module and what it imports stand
on the standard library alone: whether anything else works here is for the other process to find out.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from llamastack_contract.start_report import StartReport
from llamastack_resolver.start.bytecode import environment_of
from llamastack_resolver.start.early import give_up
from llamastack_resolver.start.options import PROVEN_DEADLINE, parse
from llamastack_resolver.start.output import write
from llamastack_resolver.start.process import watch
from llamastack_resolver.start.summary import add_ending, report_of, whole_report
from llamastack_resolver.start.told import Told

_OUT, _LOG = 1, 2
_PATIENCE = 5.0
"""Seconds for a log that takes nothing."""


class _TerminatedError(BaseException):
    """The pod is taken down."""


def main(arguments: Sequence[str]) -> int:
    """Make the check and write its reports; nothing of it is raised.

    Args:
        arguments: the options.

    Returns:
        The exit status: 0, or 1 where something keeps the server from starting.
    """
    begun = time.monotonic()
    try:
        signal.signal(signal.SIGTERM, _terminate)
        options = parse(arguments)
        return _check(options, arguments, begun)
    except SystemExit as error:
        if error.code:
            give_up(arguments, "the check was asked with options that it does not have; its log has more")
        return 0
    except (_TerminatedError, KeyboardInterrupt) as error:
        return 130 if isinstance(error, KeyboardInterrupt) else 143
    except BaseException as error:
        give_up(arguments, f"the check itself failed: {type(error).__name__}{_place(error)}")
        return 0


def _check(options: argparse.Namespace, arguments: Sequence[str], begun: float) -> int:
    told, proven = Told(), options.proven is not None and options.proven.exists()
    deadline = min(options.deadline, PROVEN_DEADLINE) if proven else options.deadline
    ending, relay = watch(arguments, _environment(options), begun + deadline, told, _LOG)
    add_ending(told, ending, deadline, proven)
    report = report_of(told, options.mode == "instantiate")
    _write_message(options.termination_log, report)
    relay.finish(1.0)
    _write_report(options.report, whole_report(told, report))
    return 1 if report.verdict == "Failed" and not (options.report_only or proven) else 0


def _environment(options: argparse.Namespace) -> dict[str, str]:
    """Return the variables of the process that makes the check: the server's, and where it keeps what it compiles."""
    cache = options.bytecode_cache
    return environment_of(os.environ, None if cache is None else str(cache))


def _write_message(path: Path | None, report: StartReport) -> None:
    if path is None:
        return
    try:
        path.write_text(report.to_text(), "utf-8")
    except OSError as error:
        write(_LOG, f"start-check: {path}: {error.strerror}\n".encode(), _PATIENCE)


def _write_report(path: Path | None, report: dict[str, Any]) -> None:
    text = json.dumps(report, indent=2) + "\n"
    if path is not None:
        try:
            path.write_text(text, "utf-8")
            return
        except OSError as error:
            write(_LOG, f"start-check: {path}: {error.strerror}\n".encode(), _PATIENCE)
    write(_OUT, text.encode(), _PATIENCE)


def _terminate(number: int, frame: FrameType | None) -> None:
    # PID 1 of a container is ended by no signal that it does not handle.
    raise _TerminatedError


def _place(error: BaseException) -> str:
    """Return where an error comes from, without its text: that could hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
