"""The command line: `llamastack` and `kubectl llamastack`.

It starts in a fraction of a second, so that it can run in editors and commit hooks: nothing of the operator
is imported here, and each command's module only when that command runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from llamastack_operator.cli.parser import CliError, build_parser

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0 fine, 1 errors were found, 2 it could not run.

    Args:
        argv: the arguments after the program's name; default: those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        parser = build_parser(arguments)
        args, rest = parser.parse_known_args(arguments)
        if not hasattr(args, "run"):
            parser.print_help()
            return 2
        if rest:
            args.parser.error(f"unrecognized arguments: {' '.join(rest)}")
        return int(args.run(args))
    except CliError as error:
        print(f"llamastack: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python would complain once more when it flushes.
        sys.stderr.close()
        return 2
    except KeyboardInterrupt:
        return 2
