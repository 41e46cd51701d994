"""Calls pip: always the one that the operator's image brought, run by the root's own interpreter.

The base may have no pip, an old one, or one that is told to leave the system alone; none of that matters here.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llamastack_contract.build_json import BuildJson
from llamastack_contract.lock import Locked
from llamastack_installer.failure import FailureError
from llamastack_installer.process import ProcessResult, run
from llamastack_installer.progress import Echo, progress

# Names of variables that a build's programs may need from the container.
_PASSED = ("PATH", "LANG", "LC_ALL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_WARM_UP = """
import sys
sys.path.insert(0, sys.argv[1])
import pip._internal.commands.install, pip._internal.resolution.resolvelib.resolver
"""
_LOOPBACK = "127.0.0.1,localhost"
# 1980-01-01, the oldest time that a wheel can hold.
SOURCE_DATE_EPOCH = "315532800"


@dataclass(frozen=True)
class Sources:
    """Where pip gets packages from.

    Attributes:
        build: the build, for its indexes and whether source distributions are allowed.
        index: address of the index proxy beside this container.
        wheels: folder to take every file from, instead of any index.
        certificate: authorities to trust besides pip's own, for addresses that a package names itself.
        python: version of a CPython without the dot; the index then leaves out what cannot fit it.
    """

    build: BuildJson
    index: str
    wheels: Path | None = None
    certificate: Path | None = None
    python: str = ""

    def options(self, named: Iterable[str] = ()) -> list[str]:
        """Return the options that name the indexes, and the named ones besides."""
        if self.wheels is not None:
            return ["--no-index", "--find-links", str(self.wheels)]
        urls = [self.numbered(number) for number in range(self.build.pip.count)]
        urls += [self.named(name) for name in named]
        return [
            *self.trusted(),
            "--index-url",
            urls[0],
            *(part for url in urls[1:] for part in ("--extra-index-url", url)),
        ]

    def trusted(self) -> list[str]:
        """Return the option by which pip caches what the proxy sends: it does so for no other plain HTTP."""
        return ["--trusted-host", self.index.partition("://")[2]]

    def numbered(self, number: int) -> str:
        """Return the proxy's address of one of the build's indexes."""
        return f"{self._home}/index/{number}/simple/"

    def named(self, name: str) -> str:
        """Return the proxy's address of a named index."""
        return f"{self._home}/named/{name}/simple/"

    @property
    def _home(self) -> str:
        return f"{self.index}/for/{self.python}" if self.python else self.index


@dataclass
class Pip:
    """Pip for one root.

    Attributes:
        python: the root's interpreter.
        tools: the folder in which pip lies unpacked.
        sources: where packages come from.
        scratch: a folder of this build for what need not be kept; it holds the cache between two calls.
        timeout: seconds that one call may take.
    """

    python: Path
    tools: Path
    sources: Sources
    scratch: Path
    timeout: float
    _calls: int = field(default=0, init=False)

    def resolve(self, arguments: Iterable[str], constraints: Path) -> tuple[ProcessResult, dict[str, Any] | None]:
        """Ask pip what it would install.

        Args:
            arguments: requirements and options of one pass.
            constraints: file of constraints.

        Returns:
            How pip ended, and its report (None where it failed).
        """
        progress("resolving")
        command = ["install", "--dry-run", "--constraint", str(constraints), *arguments]
        return self._install(command, Echo("pip"))

    def install(self, lock: tuple[Locked, ...]) -> ProcessResult:
        """Install exactly the files of a lock, without looking at what they require."""
        lines = [requirement_line(entry, offline=self.sources.wheels is not None) for entry in lock]
        requirements = self.scratch / "lock.txt"
        requirements.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        named = sorted({entry.index for entry in lock if isinstance(entry.index, str)})
        echo, counter = Echo("pip"), Counter(len(lock))

        def on_line(line: str) -> None:
            echo(line)
            counter(line)

        command = ["install", "--no-deps", "--require-hashes", *self.sources.options(named)]
        return self._install([*command, "--requirement", str(requirements)], on_line)[0]

    def check(self) -> list[str]:
        """Return what `pip check` finds, a line each."""
        outcome = self._run(["check"], lambda _: None)
        return [line for line in outcome.lines if " requires " in line or " has requirement " in line]

    def _install(self, command: list[str], on_line: Any) -> tuple[ProcessResult, dict[str, Any] | None]:
        self._calls += 1
        report = self.scratch / f"report-{self._calls}.json"
        options = ["--no-compile", "--no-warn-script-location", "--progress-bar", "off", "--report", str(report)]
        if not self.sources.build.pip.source_distributions:
            options += ["--only-binary", ":all:"]
        outcome = self._run([command[0], *options, *command[1:]], on_line)
        if outcome.timed_out:
            message = f"pip did not come to an end in {self.timeout:.0f} s"
            raise FailureError("TimedOut", message, "raise spec.build.timeoutSeconds", tail=outcome.lines)
        if outcome.code or not report.exists():
            return outcome, None
        return outcome, json.loads(report.read_text("utf-8"))

    def _run(self, arguments: list[str], on_line: Any) -> ProcessResult:
        options = ["--no-input", "--disable-pip-version-check", "--no-color", "--timeout", "60", "--retries", "2"]
        options += ["--cache-dir", str(self.scratch / "cache")]
        if self.sources.certificate is not None:
            options += ["--cert", str(self.sources.certificate)]
        command = [str(self.python), "-s", str(self.tools / "pip"), *options, *arguments]
        variables = environment(self.scratch)
        if not self.sources.build.pip.source_distributions:
            # Only pip's own modules are imported, and their bytecode lies beside them.
            del variables["PYTHONDONTWRITEBYTECODE"]
        return run(command, variables, self.timeout, on_line)


class Counter:
    """Turns pip's output into progress: pip names each file of a lock as it fetches it."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._number = 0

    def __call__(self, line: str) -> None:
        """Take one line of pip's output."""
        if self._number < self._total and line.startswith(("Collecting ", "Processing ")):
            self._number += 1
            progress(f"installing {self._number} of {self._total}")


def environment(scratch: Path, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that a build's programs see: few, and none that changes what is installed.

    Args:
        scratch: becomes home and the place of temporary files.
        variables: those of the container; default: this process's.
    """
    given = os.environ if variables is None else variables
    passed = {name: given[name] for upper in _PASSED for name in (upper, upper.lower()) if name in given}
    beside = given.get("NO_PROXY") or given.get("no_proxy")
    no_proxy = f"{beside},{_LOOPBACK}" if beside else _LOOPBACK
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        **passed,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PIP_CONFIG_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH,
    }


@contextmanager
def warming_up(python: Path, tools: Path) -> Iterator[None]:
    """Let pip's modules be compiled on another processor, while the index comes up and the base is looked at.

    Compiling is most of pip's first start. Nothing depends on it: what is missing when pip is called, it compiles.
    """
    command = [str(python), "-s", "-c", _WARM_UP, str(tools)]
    variables = {"PATH": os.defpath, "HOME": str(tools)}
    process = subprocess.Popen(  # noqa: S603
        command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def requirement_line(entry: Locked, *, offline: bool = False) -> str:
    """Return a line of a requirements file that stands for exactly one file."""
    if entry.url is not None and not offline:
        return f"{entry.name} @ {entry.url} --hash=sha256:{entry.sha256}"
    return f"{entry.name}=={entry.version} --hash=sha256:{entry.sha256}"
