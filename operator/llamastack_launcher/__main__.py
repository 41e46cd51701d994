"""The start program: `check OPTIONS` before the server, `serve OPTIONS` to run it.

This file, and what it imports for an old Python, must be readable by Python 3.6.
"""

import sys

OLDEST = (3, 12)
MODES = ("check", "serve")


def main(arguments: "list[str]") -> int:
    """Run one of the two programs, and return its exit status."""
    mode = arguments[0] if arguments else ""
    options = arguments[1:]
    if mode not in MODES:
        sys.stderr.write("usage: {} OPTIONS\n".format("|".join(MODES)))
        return 2
    if sys.version_info < OLDEST:
        from llamastack_launcher import old_python

        return old_python.check(options) if mode == "check" else old_python.serve(options)
    return _check(options) if mode == "check" else _serve(options)


def _check(options: "list[str]") -> int:
    """Check; where the image cannot even import the check, this says nothing of its server, which may start."""
    try:
        from llamastack_resolver.__main__ import main as resolver
    except Exception as error:  # PyYAML or pydantic of an image may be damaged in any way
        from llamastack_launcher.old_python import check_failed

        why = str(error) if isinstance(error, ImportError) else type(error).__name__
        return check_failed("the resolver cannot be imported: " + why, options)
    return resolver(["start-check", *options])


def _serve(options: "list[str]") -> int:
    from llamastack_launcher.serve import main as serve

    return serve(options)


def run() -> None:
    """Run the program and exit: the entry point of the zipapp, which ignores return values."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
