"""Installs one layer: resolve, install what was resolved, read the modules' specs, install what they need.

Every pass is first resolved into files with digests and then installed from those alone, by the same call that
a later build uses with the finished lock: so both make the same tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from llamastack_contract.layer import Layer
from llamastack_contract.lock import Locked
from llamastack_contract.names import canonical, name_of
from llamastack_contract.record import Distribution
from llamastack_installer.concerned import concerned
from llamastack_installer.facts import Facts, facts_of, installed
from llamastack_installer.failure import FailureError
from llamastack_installer.messages import SOURCES_FIELD, failure_of, missing_project
from llamastack_installer.pip import Pip, Sources
from llamastack_installer.process import ProcessResult
from llamastack_installer.progress import progress
from llamastack_installer.projects import index_failure, look_up
from llamastack_installer.record import settle, write_record
from llamastack_installer.report import is_wheel, located, locked_of, merged
from llamastack_installer.root import make_root, python_of, site_packages
from llamastack_installer.special import special_arguments, split_packages
from llamastack_installer.specs import Modules, SpecReader
from llamastack_installer.verify import verify_base, verify_requirements


@dataclass(frozen=True)
class Workshop:
    """What installing needs besides the build.

    Attributes:
        tools: folder with pip.
        scratch: a folder for temporary files.
        timeout: seconds that one call of pip may take.
        spec_timeout: seconds that reading the modules' specs may take.
    """

    tools: Path
    scratch: Path
    timeout: float
    spec_timeout: float


def install_layer(python: Path, sources: Sources, workshop: Workshop) -> None:
    """Install the layer of a build.

    Args:
        python: the base's interpreter.
        sources: the build, and where its packages come from.
        workshop: tools and limits.

    Raises:
        FailureError: with the reason.
    """
    layer = sources.build.layer
    base = facts_of(python)
    sources = replace(sources, python=base.cpython)
    root = Path(layer.root)
    make_root(root, base)
    installation = _Installation(layer, base, sources, workshop)
    try:
        installation.install()
    except FailureError as error:
        error.concerns = concerned(layer, installation.modules, error.concerns)
        raise


class _Installation:
    """One layer in the making."""

    def __init__(self, layer: Layer, base: Facts, sources: Sources, workshop: Workshop) -> None:
        self.layer = layer
        self.base = base
        self.sources = sources
        self.scratch = workshop.scratch
        root = Path(layer.root)
        self.packages = site_packages(root, base.version)
        python = python_of(root)
        self.pip = Pip(python, workshop.tools, sources, workshop.scratch, workshop.timeout)
        self.specs = SpecReader(python, layer.modules, workshop.scratch, workshop.spec_timeout)
        self.modules = Modules()

    def install(self) -> None:
        """Install the layer, see that all is well, and write its record."""
        with self.specs.prepared():
            lock = self.from_lock() if self.layer.lock is not None else self.afresh()
        progress("checking")
        with ThreadPoolExecutor(1, "pip") as beside:
            problems = beside.submit(self.pip.check)
            settle(Path(self.layer.root), self.packages)
            verify_base(self.base, self.packages)
            verify_requirements(problems.result(), self.packages, loose_names(self.layer, self.modules))
        write_record(self.layer, self.packages, self.base, lock, self.modules)

    def afresh(self) -> tuple[Locked, ...]:
        """Resolve and install; return the lock of all passes."""
        constraints = self.scratch / "constraints.txt"
        constraints.write_text("".join(f"{line}\n" for line in constraint_lines(self.layer, self.base)), "utf-8")
        options = self.sources.options()
        passes = []
        if self.layer.requirements:
            passes.append(self._pass([*options, *self.layer.requirements], constraints))
        passes += self._special_passes(self.layer.special, constraints)
        self.modules = self.specs.read()
        plain, special = split_packages(self.modules.packages)
        if plain and (plain := unmet(plain, [*self.base.distributions, *installed([str(self.packages)])])):
            # The first pass's requirements again, so that pip finds versions that suit both.
            passes.append(self._pass([*options, *self.layer.requirements, *plain], constraints))
        passes += self._special_passes(special, constraints)
        return merged(passes)

    def from_lock(self) -> tuple[Locked, ...]:
        """Install the files of the lock and nothing else."""
        lock = self.layer.lock or ()
        if lock:
            self._install(lock, locked=True)
        self.modules = self.specs.read()
        return merged([lock])

    def _special_passes(self, calls: Sequence[Sequence[str]], constraints: Path) -> list[list[Locked]]:
        return [self._pass(special_arguments(call, self.sources), constraints) for call in calls]

    def _pass(self, arguments: Sequence[str], constraints: Path) -> list[Locked]:
        outcome, report = self.pip.resolve(arguments, constraints)
        if report is None:
            raise self._why(outcome)
        entries = locked_of(report, self.sources.index)
        if failure := index_failure(self.sources, succeeded=True):
            # What that index has might have been the better match, or the only right one.
            raise failure
        self._refuse_sources(entries)
        if entries:
            self._install(located(report, entries), locked=False)
        return entries

    def _install(self, lock: tuple[Locked, ...], *, locked: bool) -> None:
        outcome = self.pip.install(lock)
        if not outcome.code:
            return
        failure = self._why(outcome)
        if locked and failure.reason in ("ModuleNotFound", "SourceDistributionRefused"):
            hint = "ask for a fresh build, which locks what the index has now"
            message = f"a file of the lock is gone: {failure.message}"
            raise FailureError("LockLost", message, hint, tail=failure.tail, concerns=failure.concerns)
        raise failure

    def _why(self, outcome: ProcessResult) -> FailureError:
        if failure := index_failure(self.sources):
            return failure
        name = missing_project(outcome.lines)
        return failure_of(outcome.lines, self.base, look_up(name, self.sources) if name else None)

    def _refuse_sources(self, entries: Sequence[Locked]) -> None:
        """Refuse source distributions that are named by their address, which pip takes whatever it is told."""
        built = [entry for entry in entries if not is_wheel(entry)]
        if built and not self.sources.build.pip.source_distributions:
            files = ", ".join(entry.file for entry in built)
            message = f"{files} would be built from source, and only wheels are installed"
            hint = f"set {SOURCES_FIELD}: true to run its build in the image build, or name a wheel"
            about = [entry.name for entry in built]
            raise FailureError("SourceDistributionRefused", message, hint, concerns=about)


def constraint_lines(layer: Layer, base: Facts) -> list[str]:
    """Return pip's constraints: what the base has stays, and beside that the layer's own hold."""
    pins = [f"{item.name}=={item.version}" for item in base.distributions]
    names = {item.key for item in base.distributions}
    own = [line for line in layer.constraints if canonical(name_of(line)) not in names]
    return [*pins, *own]


def unmet(packages: Iterable[str], have: Iterable[Distribution]) -> list[str]:
    """Leave out packages that are asked for by their name alone and are there: most of what specs list.

    pip would find the same, but takes a look at everything that is installed for it.
    """
    names = {item.key for item in have}
    return [text for text in packages if name_of(text) != text or canonical(text) not in names]


def loose_names(layer: Layer, modules: Modules) -> set[str]:
    """Return the packages that were asked for without what they require (`--no-deps`)."""
    calls = [*map(list, layer.special), *split_packages(modules.packages)[1]]
    return {name_of(word) for call in calls if "--no-deps" in call for word in call if not word.startswith("-")}
