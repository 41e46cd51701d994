"""`llamastack resolve`: the start plan of a stack, as text, JSON or a graph."""

from __future__ import annotations

import argparse
import json
import sys

from llamastack_operator.cli.checking import check_files
from llamastack_operator.cli.output.console import Console, add_colour_option, console_for
from llamastack_operator.cli.output.graph import to_dot, to_mermaid
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.releases import named_release
from llamastack_operator.cli.validate import add_release_option, is_error, print_finding
from llamastack_operator.planning.reading.check import Checked
from llamastack_resolver.start_plan.plan import PlanStep


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("file", metavar="FILE", help="a manifest, a run config or a build config; - is standard input")
    add_release_option(parser)
    formats = ("text", "json", "mermaid", "dot")
    parser.add_argument("-o", "--output", choices=formats, default="text", help="format")
    add_colour_option(parser)


def run(args: argparse.Namespace) -> int:
    """Show the plan of each stack in the file."""
    checked = check_files([args.file], named_release(args.stack_version)).documents
    resolved = [one for one in checked if one.resolution is not None]
    console, errors = console_for(args), console_for(args, sys.stderr)
    failed = any(is_error(finding) for one in checked for finding in one.findings)
    if not resolved:
        for one in checked:
            for finding in one.findings:
                print_finding(finding, errors)
        if not failed:
            raise CliError(f"{args.file}: there is no stack in it")
        return 1
    if args.output == "json":
        plans = [{**one.resolution.to_dict()} for one in resolved if one.resolution]
        console.line(json.dumps(plans[0] if len(plans) == 1 else plans, indent=2))
        return int(failed)
    for one in resolved:
        _print(one, args.output, console, errors)
    return int(failed)


def _print(one: Checked, output: str, console: Console, errors: Console) -> None:
    plan = one.resolution.plan if one.resolution else ()
    if output == "mermaid":
        console.line(to_mermaid(plan))
    elif output == "dot":
        console.line(to_dot(plan))
    else:
        _print_text(one, plan, console)
    for finding in one.findings:
        if output == "text" or is_error(finding):
            print_finding(finding, console if output == "text" else errors)


def _print_text(one: Checked, plan: tuple[PlanStep, ...], console: Console) -> None:
    title = one.document.name or one.document.file
    console.line(f"{console.paint(title, 'bold')} on {one.release} starts in this order:")
    width = max((len(step.api) for step in plan), default=0)
    number = 0
    for step in plan:
        if not step.providers:
            continue
        number += 1
        needs = list(dict.fromkeys(key.removeprefix("inner-") for key in step.depends_on))
        after = console.paint(f"  after {', '.join(needs)}" if needs else "", "dim")
        name = console.paint(f"{step.api:<{width}}", "cyan")
        if step.stage != "providers":
            what = "routing table" if step.stage == "table" else "router"
            console.line(f"{number:>3}. {name}  {console.paint(what, 'dim')}{after}")
            continue
        for index, provider in enumerate(step.providers):
            lead = f"{number:>3}. {name}" if index == 0 else " " * (5 + width)
            origin = f"  [{provider.spec.module}]" if provider.origin == "module" else ""
            where = console.paint(f"  where {provider.condition}", "yellow") if provider.condition else ""
            end = where + (after if index == 0 else "")
            console.line(f"{lead}  {provider.provider_id} ({provider.provider_type}){origin}{end}")
