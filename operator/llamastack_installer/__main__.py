"""The program: `python3 install.pyz BUILD_JSON`.

This file must be readable by any Python 3, so that an old one gets a message and not a syntax error.
"""

import json
import sys

OLDEST = (3, 12)


def _too_old() -> int:
    version = ".".join(str(part) for part in sys.version_info[:3])
    message = "the base image's python3 is Python %s; 3.12 or newer is needed" % version  # noqa: UP031
    failure = {
        "reason": "UnsupportedBase",
        "message": message,
        "hint": "use a base image whose python3 is 3.12 or newer, as those of Llama Stack are",
        "step": "install",
        "retry": False,
        "tail": [],
    }
    arguments = sys.argv
    path = "/dev/termination-log"
    if "--termination-log" in arguments[:-1]:
        path = arguments[arguments.index("--termination-log") + 1]
    sys.stderr.write(message + "\n")
    try:
        with open(path, "w") as stream:  # noqa: PTH123
            json.dump(failure, stream)
    except OSError:
        pass
    return 1


def run() -> None:
    """Run the program and exit: the entry point of the zipapp, which ignores return values."""
    if sys.version_info < OLDEST:
        sys.exit(_too_old())
    from llamastack_installer.program import main

    sys.exit(main())


if __name__ == "__main__":
    run()
