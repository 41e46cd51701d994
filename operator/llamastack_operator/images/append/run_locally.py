"""Runs the programs of a build's pod as processes of this machine, for builds in somebody's own pipeline.

The same programs with the same inputs as in the cluster, one after the other: `prepare` looks the base up, `index`
serves the package indexes on loopback, the installer runs with the base's own Python, `push` appends the layer. What
the pod keeps apart by containers is kept apart here only by environment: the pipeline trusts what it builds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from llamastack_contract.build_json import BaseImage, BuildJson, Registries, text_of
from llamastack_contract.message import FailureMessage, PushMessage
from llamastack_contract.paths import (
    BASE_FILE,
    BUILD_FILE,
    INDEX,
    INDEX_LOGIN,
    INSTALL,
    INSTALLER_FILE,
    PREPARE,
    PUSH,
    RECORD_FILE,
)
from llamastack_contract.progress import progress_in
from llamastack_contract.record import Record
from llamastack_operator.images.append.base import Base, read_base
from llamastack_operator.images.tools import copy_tools
from llamastack_operator.planning.install.key import BuildInputs, build_key, key_name, public

_TAIL = 15
_PROGRAM = (sys.executable, "-m", "llamastack_operator.images")
# What would let the base's Python see the packages of the environment that this program runs in.
_HIDDEN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV")


class LocalBuildError(Exception):
    """A program failed.

    Attributes:
        reason: a word of the builds' vocabulary, such as `RequirementConflict`.
        hint: what to do.
        tail: its last lines.
    """

    def __init__(self, reason: str, message: str, hint: str = "", tail: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.hint = hint
        self.tail = tuple(tail)


@dataclass(frozen=True)
class Workbench:
    """The folders and settings of a local build.

    Attributes:
        folder: a private folder; credentials lie in `credentials/{pull,push,index}` below it.
        repository: where to push to; None for an installation only.
        labels: annotations of the result.
        insecure: registries that speak plain HTTP.
        certificate: authorities to trust besides the usual ones.
        report: is given each line of progress.
    """

    folder: Path
    repository: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    insecure: Sequence[str] = ()
    certificate: Path | None = None
    report: Callable[[str], None] = lambda line: None

    @property
    def tools(self) -> Path:
        """Where pip and the installer lie."""
        return self.folder / "tools"


def prepare_tools(place: Workbench) -> None:
    """Put pip and the installer into the folder.

    Raises:
        LocalBuildError: the environment of this program has no pip.
    """
    try:
        copy_tools(place.tools)
    except RuntimeError as error:
        raise LocalBuildError("BuildFailed", str(error), "install pip beside llamastack-operator") from error


def write_build(place: Workbench, inputs: BuildInputs) -> None:
    """Write `build.json` into the folder."""
    build = BuildJson(
        key=key_name(build_key(inputs)),
        base=BaseImage(inputs.base, inputs.base_digest),
        layer=inputs.layer,
        pip=public(inputs.pip),
        repository=place.repository,
        platform=inputs.platform,
        labels=place.labels,
        registries=Registries(insecure=tuple(place.insecure)),
    )
    (place.folder / BUILD_FILE).write_text(text_of(build.to_dict()))


def look_up_base(place: Workbench, inputs: BuildInputs) -> Base:
    """Ask the registry for the base, and return its facts.

    Raises:
        LocalBuildError: there is no such base, or it cannot be had.
    """
    write_build(place, inputs)
    _run(place, PREPARE, [*_PROGRAM, PREPARE, *_options(place), "--tools", str(place.tools)])
    return read_base(place.folder / "facts" / BASE_FILE)


def install(place: Workbench, inputs: BuildInputs, python: Path) -> Record:
    """Install a layer into its root, and return its record.

    Args:
        place: folders and settings.
        inputs: what to install.
        python: the base's interpreter.

    Raises:
        LocalBuildError: it cannot be installed.
    """
    write_build(place, inputs)
    environment = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    with _index(place) as address:
        command = [str(python), str(place.tools / INSTALLER_FILE), str(place.folder / BUILD_FILE)]
        options = ["--tools", str(place.tools), "--index", address, *_certificate(place, "--certificate")]
        _run(place, INSTALL, [*command, *options, "--termination-log", str(_log(place))], environment)
    return Record.parse(Path(inputs.layer.root, RECORD_FILE).read_bytes())


def push(place: Workbench, inputs: BuildInputs) -> PushMessage:
    """Append what was installed to the base, push it, and return the termination message of `push`.

    Raises:
        LocalBuildError: the registry does not take it.
    """
    write_build(place, inputs)
    _run(place, PUSH, [*_PROGRAM, PUSH, *_options(place)])
    return PushMessage.parse(_log(place).read_bytes())


def _options(place: Workbench) -> list[str]:
    folder = place.folder
    pairs = {
        "--inputs": folder / BUILD_FILE,
        "--facts": folder / "facts",
        "--credentials": folder / "credentials",
        "--ca": place.certificate or folder / "no-certificate",
        "--termination-log": _log(place),
    }
    return [str(word) for pair in pairs.items() for word in pair]


def _certificate(place: Workbench, option: str) -> list[str]:
    return [option, str(place.certificate or place.folder / "no-certificate")]


def _log(place: Workbench) -> Path:
    return place.folder / "termination-log"


@contextmanager
def _index(place: Workbench) -> Iterator[str]:
    """Serve the package indexes while the installer runs; yields the address."""
    command = [*_PROGRAM, INDEX, "--port", "0", "--build", str(place.folder / BUILD_FILE)]
    command += ["--credentials", str(place.folder / "credentials" / INDEX_LOGIN), *_certificate(place, "--certificate")]
    command += ["--termination-log", str(_log(place))]
    _log(place).unlink(missing_ok=True)
    with (place.folder / "index.log").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                process.wait()
                raise _failed(place, INDEX, (place.folder / "index.log").read_text().splitlines())
            yield str(json.loads(line)["serving"])
        finally:
            process.terminate()
            process.wait()


def _run(place: Workbench, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a program, pass its progress on, and raise what it says where it fails."""
    _log(place).unlink(missing_ok=True)
    tail: list[str] = []
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
    )
    try:
        for line in process.stdout or ():
            if (what := progress_in(line)) is not None:
                place.report(what)
            else:
                tail = [*tail[-_TAIL + 1 :], line.rstrip()]
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status:
        raise _failed(place, name, tail)


def _failed(place: Workbench, name: str, tail: Sequence[str]) -> LocalBuildError:
    log = _log(place)
    words = FailureMessage.parse(log.read_bytes()) if log.is_file() else None
    if words is None:
        return LocalBuildError("BuildFailed", f"the program `{name}` ended without a word", tail=tail)
    return LocalBuildError(words.reason, words.message, words.hint, words.tail)
