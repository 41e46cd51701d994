"""`llamastack describe`: one stack of a cluster, for people: what serves, what is wrong, and what to do."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from llamastack_operator.api.conditions import ConditionType, condition_of, is_true, printable
from llamastack_operator.cli.kubectl import add_cluster_options, stack_of
from llamastack_operator.cli.output.console import Console, add_colour_option, console_for

_COLOURS = {
    "error": "red",
    "warning": "yellow",
    "info": "blue",
    "Failed": "red",
    "NonCompliant": "red",
    "Deprecated": "yellow",
    "Ready": "green",
    "OK": "green",
    "Error": "red",
}
_QUIET = (ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED)
"""Conditions of which the first lines tell."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("name", metavar="NAME", help="the LlamaStack")
    parser.add_argument("-n", "--namespace", help="its namespace; default: that of the context")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="format; json is its status")
    add_cluster_options(parser)
    add_colour_option(parser)


def run(args: argparse.Namespace) -> int:
    """Describe a stack; the exit status tells whether its newest generation serves."""
    body = stack_of(args, args.name)
    console, status = console_for(args), body.get("status") or {}
    if args.output == "json":
        console.line(json.dumps(status, indent=2))
    else:
        _describe(body, status, console)
    return 0 if serves(body) else 1


def serves(body: Mapping[str, Any]) -> bool:
    """Tell whether the newest generation of a stack serves, or rests as it was asked to."""
    status = body.get("status") or {}
    newest = status.get("observedGeneration") == body["metadata"].get("generation")
    return newest and is_true(status, ConditionType.READY)


def _describe(body: Mapping[str, Any], status: Mapping[str, Any], console: Console) -> None:
    metadata = body["metadata"]
    console.line(console.paint(f"{metadata['namespace']}/{metadata['name']}", "bold"))
    if not status.get("conditions"):
        console.line("  no operator has looked at it yet: is one running, and does it watch this namespace?")
        return
    if status.get("observedGeneration") != metadata.get("generation"):
        console.line("  edited since the operator looked at it last; what follows is of before")
    _now(status, console)
    _findings(status, console)
    _providers(status, console)
    _conditions(status, console)


def _now(status: Mapping[str, Any], console: Console) -> None:
    """Say what serves, and how the newest generation stands."""
    ready, available = condition_of(status, ConditionType.READY), condition_of(status, ConditionType.AVAILABLE)
    if available is not None:
        release = f", {printable(status['release'])}" if status.get("release") else ""
        url = f", at {printable(status['url'])}" if status.get("url") else ""
        console.line(f"  serves     {_word(available, console)}: {printable(available['message'])}{release}{url}")
    if ready is not None:
        text = f"{printable(ready['reason'])}: {printable(ready['message'])}"
        console.line(f"  newest     {_word(ready, console)}: {text}")
    for kind in (ConditionType.STALLED, ConditionType.RECONCILING):
        found = condition_of(status, kind)
        if found is not None and found["status"] == "True":
            meaning = "nothing will change without you" if kind is ConditionType.STALLED else "work is going on"
            console.line(f"  {kind.lower():<10} {meaning}")


def _word(condition: Mapping[str, Any], console: Console) -> str:
    words = {"True": ("yes", "green"), "False": ("no", "red")}
    word, colour = words.get(condition["status"], ("unknown", "yellow"))
    return console.paint(word, colour)


def _findings(status: Mapping[str, Any], console: Console) -> None:
    findings = status.get("findings") or ()
    if not findings:
        return
    console.line("\nFindings")
    for one in findings:
        place = " ".join(printable(one[key]) for key in ("object", "path") if one.get(key))
        severity = console.paint(f"{one['severity']:<8}", _COLOURS[one["severity"]])
        console.line(f"  {severity} {printable(one['reason'])}  {place}")
        console.line(f"           {printable(one['message']).removeprefix(f'{place}: ')}")
        if one.get("hint"):
            console.line(f"           -> {printable(one['hint'])}")
    if status.get("omittedFindings"):
        console.line(f"  and {status['omittedFindings']} more: `llamastack validate` of the manifest has all")


def _providers(status: Mapping[str, Any], console: Console) -> None:
    rows = status.get("providers") or ()
    if not rows:
        return
    console.line("\nProviders")
    names = [printable(f"{one['api']}/{one['id']}") for one in rows]
    types = [printable(one["type"]) for one in rows]
    for name, kind, one in zip(names, types, rows, strict=True):
        state = one.get("state") or ""
        version = f" {printable(one['moduleVersion'])}" if one.get("moduleVersion") else ""
        module = f"  {printable(one['module'])}{version}" if one.get("module") else ""
        message = f"  {printable(one['message'])}" if one.get("message") else ""
        word = console.paint(f"{state:<12}", *([_COLOURS[state]] if state in _COLOURS else []))
        health = _health(one, console)
        console.line(f"  {name:<{_width(names)}}  {kind:<{_width(types)}}  {word}{health}{module}{message}".rstrip())
    if status.get("omittedProviders"):
        console.line(f"  and {status['omittedProviders']} more that the status has no room for")


def _health(row: Mapping[str, Any], console: Console) -> str:
    """Return what the running server says of a provider's backend, which is nothing for most."""
    said = row.get("health")
    if not said:
        return ""
    return f"  health {console.paint(printable(said), *([_COLOURS[said]] if said in _COLOURS else []))}"


def _width(texts: list[str]) -> int:
    return min(40, max(map(len, texts)))


def _conditions(status: Mapping[str, Any], console: Console) -> None:
    console.line("\nConditions")
    for one in status["conditions"]:
        if one["type"] not in _QUIET:
            told = f"{printable(one['reason'])}: {printable(one['message'])}"
            console.line(f"  {one['type']:<18} {one['status']:<8} {told}")
