"""`llamastack status`: how the stacks of a namespace or of a cluster stand, those in trouble first."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from llamastack_operator.api.conditions import ConditionType, condition_of, is_true, printable
from llamastack_operator.cli.describe import serves
from llamastack_operator.cli.kubectl import add_cluster_options, stacks_of
from llamastack_operator.cli.output.console import Console, add_colour_option, console_for


class Row(NamedTuple):
    """One stack.

    Attributes:
        stack: its namespace and name.
        state: `serving`, `waiting` or `stalled`.
        reason: the reason of its condition Ready.
        release: the version that its server reports.
        providers: how many of its providers are resolved.
        message: what is told of it.
    """

    stack: str
    state: str
    reason: str
    release: str
    providers: str
    message: str


_ORDER = ("stalled", "waiting", "serving")
_COLOURS = {"stalled": "red", "waiting": "yellow", "serving": "green"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("-n", "--namespace", help="the namespace; default: that of the context")
    parser.add_argument("-A", "--all", action="store_true", help="the stacks of all namespaces")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="format")
    add_cluster_options(parser)
    add_colour_option(parser)


def run(args: argparse.Namespace) -> int:
    """Show the stacks; the exit status tells whether all of them serve."""
    rows = sorted(map(_row, stacks_of(args, args.all)), key=lambda row: (_ORDER.index(row.state), row.stack))
    console = console_for(args)
    if args.output == "json":
        console.line(json.dumps({"stacks": [row._asdict() for row in rows]}, indent=2))
    else:
        _table(rows, console)
    return 0 if all(row.state == "serving" for row in rows) else 1


def _row(body: Mapping[str, Any]) -> Row:
    status, metadata = body.get("status") or {}, body["metadata"]
    ready = condition_of(status, ConditionType.READY) or {"reason": "", "message": "no operator has looked at it yet"}
    state = "serving" if serves(body) else "stalled" if is_true(status, ConditionType.STALLED) else "waiting"
    return Row(
        f"{metadata['namespace']}/{metadata['name']}",
        state,
        printable(ready["reason"]),
        printable(status.get("release") or ""),
        printable(status.get("providersResolved") or ""),
        printable(ready["message"]),
    )


def _table(rows: list[Row], console: Console) -> None:
    if not rows:
        console.line("there are no LlamaStacks here")
        return
    head = Row("STACK", "STATE", "REASON", "RELEASE", "PROVIDERS", "MESSAGE")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(5)]
    for row in (head, *rows):
        cells = [f"{text:<{width}}" for text, width in zip(row[:5], widths, strict=True)]
        if row is not head:
            cells[1] = console.paint(cells[1], _COLOURS[row.state])
        console.line("  ".join([*cells, row.message]).rstrip())
    serving = sum(row.state == "serving" for row in rows)
    console.line(f"{serving} of {len(rows)} stack{'' if len(rows) == 1 else 's'} serve")
