"""`llamastack validate`: every mistake of every document, each with its place, its cause and its cure."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence

from llamastack_operator.cli.checking import Checked, check_files
from llamastack_operator.cli.console import Console, add_colour_option, console_for
from llamastack_operator.cli.releases import named_release
from llamastack_resolver.findings import Finding, Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="files or directories; - is standard input")
    add_release_option(parser)
    parser.add_argument("-o", "--output", choices=("text", "json", "sarif"), default="text", help="format")
    add_colour_option(parser)


def add_release_option(parser: argparse.ArgumentParser) -> None:
    """Add `--stack-version`."""
    parser.add_argument(
        "--stack-version",
        metavar="VERSION",
        help="check against this release, such as 0.7.3 or ogx-1.5.0, whatever the documents say",
    )


def run(args: argparse.Namespace) -> int:
    """Validate the files."""
    checked = check_files(args.files, named_release(args.stack_version))
    console = console_for(args)
    if args.output == "json":
        console.line(json.dumps({"documents": [one.to_dict() for one in checked]}, indent=2))
    elif args.output == "sarif":
        from llamastack_operator.cli.sarif import to_sarif

        console.line(json.dumps(to_sarif(checked), indent=2))
    else:
        print_text(checked, console)
    return 1 if any(is_error(finding) for one in checked for finding in one.findings) else 0


def is_error(finding: Finding) -> bool:
    """Whether a finding makes the command fail."""
    return finding.severity is Severity.ERROR


def print_text(checked: Sequence[Checked], console: Console) -> None:
    """Print the documents with findings, and a sum."""
    for one in checked:
        if one.findings:
            print_document(one, console)
    counts = Counter(finding.severity for one in checked for finding in one.findings)
    documents = f"{len(checked)} document{'' if len(checked) == 1 else 's'}"
    if not any(counts[severity] for severity in (Severity.ERROR, Severity.WARNING)):
        console.line(console.paint(f"{documents}: nothing is wrong", "green"))
        return
    parts = [
        console.paint(f"{counts[severity]} {severity.value}{'' if counts[severity] == 1 else 's'}", colour)
        for severity, colour in ((Severity.ERROR, "red"), (Severity.WARNING, "yellow"))
        if counts[severity]
    ]
    console.line(f"{documents}: {', '.join(parts)}")


def print_document(one: Checked, console: Console) -> None:
    """Print one document's findings."""
    title = f"{one.document.kind}/{one.document.name}" if one.document.name else one.document.kind
    release = f" ({one.release})" if one.release else ""
    name = "" if one.document.kind == "Other" else f"  {title}{release}"
    console.line(f"{console.paint(one.document.file, 'bold')}{console.paint(name, 'dim')}")
    for finding in one.findings:
        print_finding(finding, console)
    console.line()


def print_finding(finding: Finding, console: Console) -> None:
    """Print one finding: place and cause, then the cure."""
    severity = console.paint(f"{finding.severity.value:<7}", _COLOURS[finding.severity], "bold")
    line = f" (line {finding.line})" if finding.line else ""
    place = f"{finding.path}{line}".strip() or "document"
    console.line(f"  {severity} {console.paint(place, 'cyan')}  {console.paint(finding.reason.value, 'dim')}")
    console.line(f"          {finding.message}")
    if finding.hint:
        console.line(f"          {console.paint('->', 'green')} {finding.hint}")
