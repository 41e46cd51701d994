"""`llamastack validate`: every mistake of every document, each with its place, its cause and its cure."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from llamastack_operator.cli.checking import Report, check_files
from llamastack_operator.cli.output.console import Console, add_colour_option, console_for
from llamastack_operator.cli.releases import named_release
from llamastack_operator.planning.reading.check import Checked
from llamastack_resolver.findings import Finding, Severity

_COLOURS: Mapping[str, str] = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


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
    """Validate the files. Where there was nothing to check, that is no success."""
    report = check_files(args.files, named_release(args.stack_version))
    console = console_for(args)
    if args.output == "json":
        passed_over = {"objects": dict(report.objects), "files": report.files}
        documents = [one.to_dict() for one in report.documents]
        console.line(json.dumps({"documents": documents, "passedOver": passed_over}, indent=2))
    elif args.output == "sarif":
        from llamastack_operator.cli.output.sarif import to_sarif

        console.line(json.dumps(to_sarif(report), indent=2))
    else:
        print_text(report, console)
    if report.has_errors:
        return 1
    return 0 if report.count else 2


def is_error(finding: Finding) -> bool:
    """Whether a finding makes the command fail."""
    return finding.severity is Severity.ERROR


def print_text(report: Report, console: Console) -> None:
    """Print the documents with findings, and a sum."""
    for one in report.documents:
        if one.findings:
            print_document(one, console)
    console.line("; ".join([_sum(report, console), *report.passed_over]))


def _sum(report: Report, console: Console) -> str:
    counts = Counter(finding.severity for one in report.documents for finding in one.findings)
    documents = f"{report.count} document{'' if report.count == 1 else 's'}"
    if not any(counts[severity] for severity in (Severity.ERROR, Severity.WARNING)):
        right = console.paint(f"{documents}: nothing is wrong", "green")
        return right if report.count else console.paint(f"{documents} checked", "yellow")
    parts = [
        console.paint(f"{counts[severity]} {severity.value}{'' if counts[severity] == 1 else 's'}", colour)
        for severity, colour in ((Severity.ERROR, "red"), (Severity.WARNING, "yellow"))
        if counts[severity]
    ]
    return f"{documents}: {', '.join(parts)}"


def print_document(one: Checked, console: Console) -> None:
    """Print one document's findings."""
    kind = one.document.object_kind or one.document.kind
    title = f"{kind}/{one.document.name}" if one.document.name else kind
    release = f" ({one.release})" if one.release else ""
    name = "" if kind == "Other" else f"  {title}{release}"
    console.line(f"{console.paint(one.document.file, 'bold')}{console.paint(name, 'dim')}")
    for finding in one.findings:
        print_finding(finding, console)
    console.line()


def print_finding(finding: Finding, console: Console) -> None:
    """Print one finding: place and cause, then the cure."""
    print_told(finding.to_dict(), console)


def print_told(finding: Mapping[str, Any], console: Console) -> None:
    """Print one finding as reports have it."""
    word = finding["severity"]
    severity = console.paint(f"{word:<7}", _COLOURS.get(word, "blue"), "bold")
    line = f" (line {finding['line']})" if finding.get("line") else ""
    elsewhere = f"{finding['file']}: {finding.get('object')} " if finding.get("file") else ""
    place = f"{elsewhere}{finding['path']}{line}".strip() or "document"
    console.line(f"  {severity} {console.paint(place, 'cyan')}  {console.paint(finding['reason'], 'dim')}")
    console.line(f"          {finding['message']}")
    if finding.get("hint"):
        console.line(f"          {console.paint('->', 'green')} {finding['hint']}")
