"""The options of the start check, read alike by the process that is asked and by the one that it starts.

They are read before anything of the resolver is known to work here: the standard library alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

DEADLINE = 150.0
"""Seconds for a check, if nothing else is said: a quarter of what a Deployment has for its progress."""
PROVEN_DEADLINE = 10.0
"""Seconds for a check of what was ready once: it starts again in any case, and should not wait for us."""
SEVERITIES = ("error", "warning")


def parser() -> argparse.ArgumentParser:
    """Return the parser of `start-check`."""
    made = argparse.ArgumentParser(
        prog="llamastack_resolver start-check",
        description="check a run config where its server will run",
        epilog="Exit status: 0 the server can start, or this could not be found out; 1 there are errors.",
    )
    add = made.add_argument
    add("--config", type=Path, required=True, metavar="F", help="the run config")
    add("--report", type=Path, metavar="OUT", help="write the report here, not to standard output")
    add("--termination-log", type=Path, metavar="OUT", help="write what a pod's status has room for here")
    add(
        "--server-config",
        type=Path,
        metavar="OUT",
        help="write the server's config here if there are no errors: modules become import names",
    )
    add("--deadline", type=float, default=DEADLINE, metavar="SECONDS", help="for the whole check (%(default)g)")
    add("--mode", choices=("instantiate", "import"), default="instantiate", help="how far to start providers")
    add("--missing", choices=SEVERITIES, default="error", help="severity of missing protocol methods")
    add("--signature", choices=SEVERITIES, default="warning", help="severity of differing parameters")
    add("--report-only", action="store_true", help="exit with 0 though errors were found")
    add(
        "--proven", type=Path, metavar="F", help=f"where it exists: only report, and take {PROVEN_DEADLINE:g} s at most"
    )
    add("--secret", action="append", default=[], metavar="NAME", help="a variable that comes from a Secret")
    add("--public", action="append", default=[], metavar="NAME", help="a variable that is known to be no secret")
    add("--others-secret", action="store_true", help="every other variable counts as secret")
    add("--bytecode-cache", type=Path, metavar="DIR", help="where compiled modules may be kept for the server")
    return made


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options of a check.

    Raises:
        SystemExit: they are wrong, or ask for help.
    """
    made = parser()
    options = made.parse_args(arguments)
    if not options.deadline > 0:
        made.error("--deadline: it has to be more than nothing")
    return options
