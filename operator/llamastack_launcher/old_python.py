"""What the start program does on a Python that is too old for it: no check, and the server without a launcher.

That a Python is old says nothing of the server, so it may start. This file must be readable by Python 3.6.
"""

import os
import sys

from llamastack_launcher.command import NoReleaseError, command_of
from llamastack_launcher.options import Options, UsageError


def check(options: "list[str]") -> int:
    """Say that nothing was checked, and let the server start."""
    return check_failed(_too_old(), options)


def check_failed(why: str, options: "list[str]") -> int:
    """Say in the termination log that the check could not be made, and let the server start.

    The text is that of `llamastack_contract.start_report`, which an old Python cannot import.

    Args:
        why: what is in the way.
        options: of the check, `--termination-log F` among them.
    """
    import json

    line = " ".join(why.split())[:500]
    sys.stderr.write("start-check: " + line + "\n")
    if "--termination-log" in options[:-1]:
        place = options[options.index("--termination-log") + 1]
        report = [1, "CheckFailed", "", [0, 0, 0, 0], False, line]
        try:
            with open(place, "wb") as stream:  # noqa: PTH123
                stream.write(json.dumps(report, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
        except OSError:
            pass
    return 0


def serve(arguments: "list[str]") -> int:
    """Become the server; returns only where that is not possible."""
    sys.stderr.write("the server runs without the launcher: " + _too_old() + "\n")
    try:
        options = Options(arguments)
        command = command_of(options.release, options.config, options.port)
        os.execvp(command[0], command)  # noqa: S606
    except UsageError as error:
        sys.stderr.write(f"serve: {error}\n")
        return 2
    except NoReleaseError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
    return 1


def _too_old() -> str:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return f"the image's Python is {version}, and 3.12 or newer is needed"
