"""The resolver as a program, for pods (`python -m llamastack_resolver start-check --config F`) and image builds
(`python -m llamastack_resolver modules --input F`).

This file must be readable by any Python since 3.7, so that an old one gets a report and not a syntax error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

OLDEST = (3, 12)
USAGE = """usage: llamastack_resolver {start-check,modules} [OPTIONS]

  start-check   check a run config where its server will run
  modules       tell what installed provider modules bring

COMMAND --help has the options.
"""


def main(argv: Sequence[str]) -> int:
    """Run the program and return its exit status.

    Args:
        argv: the command and its options.
    """
    command = argv[0] if argv else ""
    if command == "start-check":
        return _start_check(argv[1:])
    if command == "modules":
        from llamastack_resolver.installed import program

        return program.main(argv[1:])
    wanted = command in ("-h", "--help")
    (sys.stdout if wanted else sys.stderr).write(USAGE)
    return 0 if wanted else 2


def _start_check(options: Sequence[str]) -> int:
    """Make the check; one that cannot be made keeps no server from starting."""
    from llamastack_resolver.start import early

    if sys.version_info < OLDEST:
        early.give_up(options, early.python_is_too_old())
        return 0
    try:
        from llamastack_resolver.start import parent
    except Exception as error:
        early.give_up(options, f"the check cannot be imported here: {type(error).__name__}")
        return 0
    return parent.main(options)


def run() -> None:
    """Run the program and exit: the entry point of the zipapp, which ignores return values."""
    status = main(sys.argv[1:])
    if sys.argv[1:2] == ["start-check"]:
        # Whatever is left of it.
        import os

        sys.stderr.flush()
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    run()
