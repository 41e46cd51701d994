"""The modules' specs are read by a process that imported the release before the modules were there."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from llamastack_installer import specs
from llamastack_installer.facts import facts_of
from llamastack_installer.failure import FailureError
from llamastack_installer.process import Running
from llamastack_installer.root import make_root, python_of, site_packages
from llamastack_installer.specs import SpecReader
from tests.e2e.operator import eventually
from tests.packages.build import Package, make_wheel
from tests.packages.providers import BROKEN, ENDS, HANGS, SINGLE, module_package

_HOME = "demo_elsewhere_home"
_NORMAL = module_package("demo-elsewhere", '[remote(Api.eval, "elsewhere", "demo_elsewhere.impl", [])]')
ELSEWHERE = Package(
    "demo-elsewhere",
    files={"demo_elsewhere.pth": f"{_HOME}\n", **{f"{_HOME}/{path}": text for path, text in _NORMAL.files.items()}},
)


class Root:
    """The root of a layer on a real release; wheels are unpacked into it."""

    def __init__(self, base: Path, folder: Path) -> None:
        facts = facts_of(base)
        self.path, self.folder = folder / "root", folder
        make_root(self.path, facts)
        self.packages = site_packages(self.path, facts.version)

    def reader(self, *modules: str, timeout: float = 60) -> SpecReader:
        return SpecReader(python_of(self.path), modules, self.folder, timeout)

    def unpack(self, package: Package) -> None:
        with zipfile.ZipFile(make_wheel(package, self.folder)) as wheel:
            wheel.extractall(self.packages)


@pytest.fixture
def root(base: Path, tmp_path: Path) -> Root:
    return Root(base, tmp_path)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each process that was started waits."""
    found: list[bool] = []

    def start(*arguments: Any, held: bool = False) -> Running:
        found.append(held)
        return Running(*arguments, held=held)

    monkeypatch.setattr(specs, "Running", start)
    return found


def until_it_waits(reader: SpecReader) -> None:
    """Wait until the process reads from its standard input: what comes before that is there when it starts."""
    assert reader._waiting is not None
    call = Path(f"/proc/{reader._waiting._process.pid}/syscall")
    reading = (["0", "0x0"], ["63", "0x0"])  # of x86-64 and of arm64
    eventually(lambda: call.read_text().split()[:2] in reading)


@pytest.mark.parametrize("package", [SINGLE, ELSEWHERE], ids=["a package", "a .pth file that leads to it"])
def test_what_is_installed_while_the_process_waits_is_found_by_it(
    package: Package, root: Root, started: list[bool]
) -> None:
    reader = root.reader(package.name)
    with reader.prepared():
        until_it_waits(reader)
        root.unpack(package)
        modules = reader.read()
    assert [module.distribution for module in modules.described] == [package.name]
    assert started == [True]


def test_what_fails_in_the_process_that_waited_is_asked_of_a_new_one(root: Root, started: list[bool]) -> None:
    reader = root.reader(ENDS.name)
    with reader.prepared(), pytest.raises(FailureError) as caught:
        root.unpack(ENDS)
        reader.read()
    assert (caught.value.reason, started) == ("ModuleImportFailed", [True, False])
    assert "exit status 7" in caught.value.message


def test_a_new_process_has_the_last_word(root: Root, started: list[bool]) -> None:
    """The module can be imported only where nothing else was before: the server will be such a process."""
    text = SINGLE.files["demo_single/provider.py"]
    first = "import sys\nassert 'llama_stack_api' not in sys.modules, 'not the first'\n"
    root.unpack(Package("demo-single", files={**SINGLE.files, "demo_single/provider.py": first + text}))
    reader = root.reader("demo-single")
    with reader.prepared():
        modules = reader.read()
    assert [module.import_name for module in modules.described] == ["demo_single"]
    assert started == [True, False]


def test_one_that_hangs_is_not_asked_again(root: Root, started: list[bool]) -> None:
    reader = root.reader(HANGS.name, timeout=6)
    with reader.prepared(), pytest.raises(FailureError, match="did not come to an end in 6 s"):
        root.unpack(HANGS)
        reader.read()
    assert started == [True]


def test_the_process_ends_with_what_it_was_started_for(root: Root) -> None:
    reader = root.reader(BROKEN.name)
    with pytest.raises(KeyboardInterrupt), reader.prepared():
        waiting = reader._waiting
        raise KeyboardInterrupt
    assert waiting is not None
    assert waiting._process.wait(10) < 0


def test_without_modules_nothing_is_started(root: Root, started: list[bool]) -> None:
    reader = root.reader()
    with reader.prepared():
        assert reader.read().described == ()
    assert started == []
