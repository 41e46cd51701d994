"""A folder that stands for a stack's image, and the start program run in it as a pod runs it.

The launcher is about processes, so all here is real but the server: a few lines of Python, in the place of `llama`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from llamastack_operator.packed.start_program import start_program

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 60
"""How long to wait for what comes at once on a machine that has nothing else to do."""
PROLOGUE = "import os, signal, sys, time\n"


class Image:
    """What a pod has.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "termination-log"
        self.program = folder / "start.pyz"
        self.program.write_bytes(start_program())
        (folder / "bin").mkdir()
        (folder / "site").mkdir()
        self.variables = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.defpath}", "PYTHONPATH": str(folder / "site")}

    def server(self, code: str, interpreter: str = sys.executable) -> None:
        """Put a server into the image."""
        self.script("llama", f"#!{interpreter}\n{PROLOGUE}{textwrap.dedent(code)}")

    def script(self, name: str, text: str) -> Path:
        """Put a program on the PATH."""
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def install(self, package: str, version: str) -> None:
        """Put a distribution into the image."""
        info = self.folder / "site" / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")

    def options(self, *more: str, release: tuple[str, str] | None = ("llama-stack", "0.7.3")) -> list[str]:
        """Return options of `serve`."""
        told = ["--release", *release] if release else []
        return ["--config", "/etc/it's {odd}.yaml", "--port", "8321", "--termination-log", str(self.log), *told, *more]

    @contextmanager
    def serving(self, *more: str, release: tuple[str, str] | None = ("llama-stack", "0.7.3")) -> Iterator[Serving]:
        """Run the launcher."""
        command = [sys.executable, str(self.program), "serve", *self.options(*more, release=release)]
        with subprocess.Popen(
            command,
            env=self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        ) as process:
            try:
                yield Serving(process)
            finally:
                # With its server, which nobody else would end.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def run(self, *more: str, release: tuple[str, str] | None = ("llama-stack", "0.7.3")) -> Done:
        """Run the launcher until it ends by itself."""
        with self.serving(*more, release=release) as serving:
            return serving.end()

    @property
    def message(self) -> list[str]:
        """The lines of the termination message; none where there is none."""
        return self.log.read_text().split("\n") if self.log.exists() else []


class Done:
    """How a launcher ended: its exit status, and all that came from it."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err


class Serving:
    """A launcher that runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    @property
    def out(self) -> IO[bytes]:
        """Its standard output."""
        assert self.process.stdout is not None
        return self.process.stdout

    def line(self) -> str:
        """Wait for a line of its standard output."""
        return self.out.readline().decode().rstrip("\n")

    def tell(self) -> None:
        """Let a server go on that waits for a line of its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")

    def end(self) -> Done:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=SECONDS)
        return Done(self.process.returncode, out.decode(), err.decode())
