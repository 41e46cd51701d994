"""The resolver as a program, for pods (`python -m llamastack_resolver start-check --config F`) and image builds
(`python -m llamastack_resolver modules --input F`).

Exit status: 0 all is well, 1 errors were found, 2 the question could not be answered.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from llamastack_resolver.config.server_config import dump
from llamastack_resolver.findings import Severity
from llamastack_resolver.installed.modules import describe_modules, newly_installed
from llamastack_resolver.installed.release import import_release
from llamastack_resolver.introspection import NotInstalledError
from llamastack_resolver.start.check import CannotRunError, compact, start_check
from llamastack_resolver.start.compliance import ComplianceRules

_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    args = _parser().parse_args(argv)
    run_command: Callable[[argparse.Namespace], int] = args.run_command
    return run_command(args)


def _start_check(args: argparse.Namespace) -> int:
    rules = ComplianceRules(_SEVERITIES[args.missing], _SEVERITIES[args.signature])
    try:
        report = start_check(args.config, args.mode, rules)
    except CannotRunError as error:
        sys.stderr.write(f"start-check: {error}\n")
        return 2
    if args.server_config and report.server_config is not None and not report.has_errors:
        args.server_config.write_text(dump(report.server_config), "utf-8")
    data = report.to_dict()
    text = json.dumps(data, indent=2)
    if args.report:
        args.report.write_text(text + "\n", "utf-8")
    else:
        sys.stdout.write(text + "\n")
    if args.termination_log:
        args.termination_log.write_text(compact(data), "utf-8")
    return 1 if report.has_errors and not args.report_only else 0


def _modules(args: argparse.Namespace) -> int:
    try:
        if args.wait:
            with newly_installed():
                import_release()
                sys.stdin.read()
        requirements = json.loads(args.input.read_text("utf-8"))["modules"]
        report = describe_modules([str(text) for text in requirements], asking=_telling(args.report))
    except (OSError, ValueError, KeyError, TypeError, NotInstalledError) as error:
        sys.stderr.write(f"modules: {error}\n")
        return 2
    text = json.dumps(report, indent=2)
    if args.report:
        args.report.write_text(text + "\n", "utf-8")
    else:
        sys.stdout.write(text + "\n")
    return 1 if any(finding["severity"] == "error" for finding in report["findings"]) else 0


def _telling(report: Path | None) -> Callable[[str], None] | None:
    """Return what leaves the module's name in place of the report, for the case that it ends the process."""
    return None if report is None else lambda module: _tell(report, module)


def _tell(report: Path, module: str) -> None:
    report.write_text(json.dumps({"asking": module}), "utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llamastack_resolver", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("start-check", help="check a run config where its server will run")
    check.add_argument("--config", type=Path, required=True, metavar="F", help="the run config")
    check.add_argument("--report", type=Path, metavar="OUT", help="write the report here, not to standard output")
    check.add_argument("--termination-log", type=Path, metavar="OUT", help="write a report of at most 4 KiB here")
    check.add_argument(
        "--server-config",
        type=Path,
        metavar="OUT",
        help="write the server's config here if there are no errors: modules become import names",
    )
    check.add_argument(
        "--mode", choices=("instantiate", "import"), default="instantiate", help="how far to start providers"
    )
    check.add_argument(
        "--missing", choices=tuple(_SEVERITIES), default="error", help="severity of missing protocol methods"
    )
    check.add_argument(
        "--signature", choices=tuple(_SEVERITIES), default="warning", help="severity of differing parameters"
    )
    check.add_argument("--report-only", action="store_true", help="exit with 0 though errors were found")
    check.set_defaults(run_command=_start_check)
    modules = commands.add_parser("modules", help="tell what installed provider modules bring")
    modules.add_argument("--input", type=Path, required=True, metavar="F", help='JSON: {"modules": [REQUIREMENT...]}')
    modules.add_argument("--report", type=Path, metavar="OUT", help="write the report here, not to standard output")
    modules.add_argument(
        "--wait",
        action="store_true",
        help="import the release, then wait for the end of standard input: what is installed meanwhile is seen",
    )
    modules.set_defaults(run_command=_modules)
    return parser


def run() -> None:
    """Run the program and exit: the entry point of the zipapp, which ignores return values."""
    sys.exit(main())


if __name__ == "__main__":
    run()
