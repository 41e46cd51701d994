"""Runs inside a release's environment: external directories as a server finds them, by the release and by our check.

Each folder that is handed in has a `run.yaml` and what it names. The release's own start command gets it (`llama stack
run`, the server's module before 0.3), with the replacements of `probe.py`; before that, our start check. Each runs in a
process of its own, forked from one that imported the release: external APIs stay in a process, and the command may make
a directory. None of them may pass by the permissions of files, as root could.

Reads the folders from standard input, with how the server is started; writes the release's refusal and our findings.
"""

import asyncio
import ctypes
import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import uvicorn

from llamastack_resolver.introspection import find_layout
from llamastack_resolver.start import check
from tests.conformance import probe

SERVER = probe.install()
# Once for all folders: what is installed is the same.
KNOWLEDGE = check.installed_knowledge(find_layout(), [])
check.installed_knowledge = lambda *_: KNOWLEDGE


def serve(*args: object, **kwargs: object) -> None:
    """Stand for `uvicorn.run`: the app of the command's config starts and stops."""

    async def once() -> None:
        async with app.router.lifespan_context(app):
            pass

    app = SERVER.create_app()
    asyncio.run(once())


def refusal(folder: Path, argv: list[str]) -> str | None:
    """Run a start command, and return what it raises."""
    uvicorn.run = serve
    try:
        scripts = [*entry_points(group="console_scripts", name=argv[0])]
        sys.argv = argv if scripts else ["server", str(folder / "run.yaml")]
        command = scripts[0].load() if scripts else SERVER.main
        command()
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and not error.code:
            return None
        return f"{type(error).__name__}: {error}"[:300]
    return None


def ours(folder: Path) -> list[list[str]]:
    """Return severity, reason, path and message of what the start check says."""
    report = check.start_check(folder / "run.yaml", "import", environment={"HOME": str(folder)})
    return [[str(one.severity), str(one.reason), one.path, one.message] for one in report.findings]


def alone(function: Callable[[], object]) -> object:
    """Return what a function returns in a process of its own, whose files' permissions hold."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        give_up_capabilities()
        with os.fdopen(writer, "w") as out:
            json.dump(function(), out)
            out.flush()
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.wait()
    return json.loads(text)


def give_up_capabilities() -> None:
    """Give up what makes root pass by permissions; a user who is not root has nothing to give up."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    if ctypes.CDLL(None, use_errno=True).capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def main() -> None:
    task = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # releases log to standard output
    found = {}
    for name, argv in task.items():
        folder = Path(os.environ["HOME"], name)
        said = alone(lambda folder=folder: ours(folder))
        found[name] = {"ours": said, "theirs": alone(lambda folder=folder, argv=argv: refusal(folder, argv))}
    json.dump(found, out)
    out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
