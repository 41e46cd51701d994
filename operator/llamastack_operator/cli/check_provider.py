"""`llamastack check-provider`: whether an installed module fits the installed release, for whoever writes it."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from llamastack_operator.api.conditions import printable
from llamastack_operator.cli.output.console import Console, add_colour_option, console_for
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.validate import print_told
from llamastack_resolver.start.module_parent import DEADLINE, ModuleReport, check_in_process

_COLOURS = {"Ready": "green", "Imported": "green", "Failed": "red", "NonCompliant": "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("module", metavar="MODULE", help="the installed module, as `module:` of a run config names it")
    parser.add_argument("--type", metavar="TYPE", help="look at this provider type alone, or at API/TYPE")
    parser.add_argument("--config", type=Path, metavar="FILE", help="start the provider with the `config` in this file")
    parser.add_argument(
        "--deadline", type=float, default=DEADLINE, metavar="SECONDS", help="for the whole check (%(default)g)"
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="format")
    add_colour_option(parser)


def run(args: argparse.Namespace) -> int:
    """Check the module."""
    if not args.deadline > 0:
        raise CliError("--deadline: it has to be more than nothing")
    with _ended_with_this():
        report = check_in_process(args.module, args.type, args.config, args.deadline)
    if not report.stack_version and report.failed:
        raise CliError(f"{printable(report.failed)}: run it in the environment where release and module are installed")
    console = console_for(args)
    if args.output == "json":
        console.line(json.dumps(report.to_dict(), indent=2))
    else:
        _print(report, console)
    if report.failed is not None:
        raise CliError(printable(report.failed))
    if not report.is_installed:
        return 2
    return 1 if report.has_errors else 0


@contextmanager
def _ended_with_this() -> Iterator[None]:
    """Let a pipeline that is cancelled take along what is started within: it has a process group of its own."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print(report: ModuleReport, console: Console) -> None:
    version = f" {report.version}" if report.version else ""
    console.line(f"{console.paint(printable(report.module + version), 'bold')} with {printable(report.stack_version)}")
    for one in report.providers:
        state = printable(one["state"])
        word = console.paint(state, _COLOURS.get(state, "yellow"))
        message = f"  {console.paint(printable(one['message']), 'dim')}" if "message" in one else ""
        console.line(f"  {printable(one['api'])}  {printable(one['type'])}  {word}{message}")
    for finding in report.findings:
        print_told({key: printable(text) if isinstance(text, str) else text for key, text in finding.items()}, console)
    if report.failed is None and not report.findings:
        console.line(console.paint("nothing is wrong", "green"))
