"""Reads the specs of the modules that were installed, by the resolver, in a process of its own.

The modules are tenants' code: they may print, hang, or end their process. Nothing of them runs in the
installer's own process. Most of the time that it takes is the import of the release that they build on, so the process
starts beside pip, imports that, and waits until the modules are installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llamastack_contract.reasons import is_build_reason
from llamastack_contract.record import Module, Provider
from llamastack_installer.failure import FailureError
from llamastack_installer.pip import environment
from llamastack_installer.process import ProcessResult, Running
from llamastack_installer.progress import Echo, progress

PACKAGE_HOME = Path(__file__).parent.parent
_REPORT_LIMIT = 4 * 2**20


@dataclass(frozen=True)
class Modules:
    """What the modules bring.

    Attributes:
        described: for the record.
        packages: `pip_packages` of all their specs, in order.
        asked: those of each module, by its requirement.
    """

    described: tuple[Module, ...] = ()
    packages: tuple[str, ...] = ()
    asked: Mapping[str, Sequence[str]] = field(default_factory=dict)


class SpecReader:
    """Asks the modules of a layer for their specs, once they are installed.

    Args:
        python: the root's interpreter.
        modules: the modules' requirements.
        scratch: a folder for temporary files.
        timeout: seconds to wait for them.
    """

    def __init__(self, python: Path, modules: Sequence[str], scratch: Path, timeout: float) -> None:
        self._modules = modules
        self._timeout = timeout
        self._answer = scratch / "specs.json"
        question = scratch / "modules.json"
        question.write_text(json.dumps({"modules": list(modules)}), "utf-8")
        self._command = [str(python), "-s", "-P", "-W", "ignore", "-m", "llamastack_resolver", "modules"]
        self._command += ["--input", str(question), "--report", str(self._answer)]
        self._environment = {**environment(scratch), "PYTHONPATH": str(PACKAGE_HOME)}
        self._waiting: Running | None = None

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Let the release be imported beside what is done within."""
        if self._modules:
            self._waiting = Running([*self._command, "--wait"], self._environment, held=True)
        try:
            yield
        finally:
            if self._waiting is not None:
                self._waiting.kill()

    def read(self) -> Modules:
        """Return what the modules bring.

        Where the process that was there before them fails, a new one is asked: what it finds wrong is what a server
        would find.

        Raises:
            FailureError: a module has no usable spec; the first one's reason, all of them in the tail.
        """
        if not self._modules:
            return Modules()
        progress("reading specs")
        waiting, self._waiting = self._waiting, None
        outcome = self._finish(waiting or Running(self._command, self._environment))
        if waiting is not None and outcome.code and not outcome.timed_out:
            outcome = self._finish(Running(self._command, self._environment))
        return self._modules_after(outcome)

    def _finish(self, running: Running) -> ProcessResult:
        self._answer.unlink(missing_ok=True)
        return running.finish(self._timeout, Echo("specs"))

    def _modules_after(self, outcome: ProcessResult) -> Modules:
        asked = self._asked()
        names = ", ".join(asked)
        if outcome.timed_out:
            message = f"importing {names} did not come to an end in {self._timeout:.0f} s"
            hint = "a provider module must not start anything when it is imported"
            raise FailureError("ModuleImportFailed", message, hint, tail=outcome.lines, concerns=asked)
        try:
            return modules_of(self._report(), self._modules)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"importing {names} ended the process (exit status {outcome.code})"
            if outcome.code == 2:
                # The resolver's own refusal: no release is installed.
                raise FailureError("UnsupportedBase", outcome.lines[-1] if outcome.lines else message) from error
            raise FailureError("ModuleImportFailed", message, tail=outcome.lines, concerns=asked) from error

    def _report(self) -> Any:
        with self._answer.open(encoding="utf-8") as stream:
            return json.loads(stream.read(_REPORT_LIMIT))

    def _asked(self) -> Sequence[str]:
        """Return the module that was asked when the process ended too early; all of them where that is not known."""
        try:
            asked = self._report().get("asking")
        except (OSError, ValueError, AttributeError, RecursionError):
            asked = None
        return (asked,) if asked in self._modules else self._modules


def modules_of(report: Mapping[str, Any], modules: Sequence[str]) -> Modules:
    """Read the resolver's report.

    Args:
        report: the report.
        modules: the requirements that it is about, in the order in which they were asked about.

    Raises:
        FailureError: it has errors.
    """
    errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
    if errors:
        about = [_module_at(finding["path"], modules) for finding in errors]
        lines = [f"{module}: {finding['message']}" for module, finding in zip(about, errors, strict=True)]
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        message = f"{first['message']}{more}"
        hint = first.get("hint") or ""
        # The resolver has reasons of its own, such as that a text is no module at all.
        reason = first["reason"] if is_build_reason(first["reason"]) else "BuildFailed"
        raise FailureError(reason, message, hint, tail=lines if more else (), concerns=about)
    described, asked = [], dict[str, tuple[str, ...]]()
    for module in report["modules"]:
        asked[module["requirement"]] = tuple(str(package) for package in module["pipPackages"])
        providers = tuple(Provider(item["api"], item["type"]) for item in module["providers"])
        # A module that was copied into the base has no distribution that would know its version.
        version = module["version"] or "unknown"
        name = module["distribution"]
        described.append(Module(module["requirement"], name, version, module["importName"], providers))
    packages = dict.fromkeys(package for texts in asked.values() for package in texts)
    return Modules(tuple(described), tuple(packages), asked)


def _module_at(path: str, modules: Sequence[str]) -> str:
    """Return the module that a finding of the report is about; its path begins with `modules[3]`."""
    match = re.match(r"modules\[(\d{1,4})\]", path)
    return modules[int(match[1])] if match and int(match[1]) < len(modules) else path
