"""`python -m llamastack_resolver modules --input F`: what installed provider modules bring, for the build of an image.

Exit status: 0 all is well, 1 errors were found, 2 the question could not be answered.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from llamastack_resolver.installed.modules import describe_modules, newly_installed
from llamastack_resolver.installed.release import import_release
from llamastack_resolver.introspection import NotInstalledError


def main(arguments: Sequence[str]) -> int:
    """Answer, and return the exit status.

    Args:
        arguments: the options.
    """
    args = _parser().parse_args(arguments)
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
    parser = argparse.ArgumentParser(
        prog="llamastack_resolver modules", description="tell what installed provider modules bring"
    )
    parser.add_argument("--input", type=Path, required=True, metavar="F", help='JSON: {"modules": [REQUIREMENT...]}')
    parser.add_argument("--report", type=Path, metavar="OUT", help="write the report here, not to standard output")
    parser.add_argument(
        "--wait",
        action="store_true",
        help="import the release, then wait for the end of standard input: what is installed meanwhile is seen",
    )
    return parser
