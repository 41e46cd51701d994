"""Environments have pinned packages and no other, and another pin is another environment."""

import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from llamastack_operator import catalog
from llamastack_resolver.releases import Release
from tests.packages.build import Package, make_wheel
from tests.pins import FOLDER, MODULES, RAGAS, RAGAS_PINS, pins
from tests.support.environments import environment, overlay

FILES = sorted(file.stem for file in FOLDER.glob("*.txt"))


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the only packages be two versions of `demo-below`, and `demo-above` that brings it."""
    for package in (
        Package("demo-below", "1.0", {"demo_below.py": "VERSION = 1"}),
        Package("demo-below", "2.0", {"demo_below.py": "VERSION = 2"}),
        Package("demo-above", "1.0", {"demo_above.py": "from demo_below import VERSION"}, requires=("demo-below",)),
    ):
        make_wheel(package, tmp_path / "wheels")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("LLAMASTACK_CACHE", str(tmp_path / "cache"))


def version(python: Path) -> str:
    program = "import demo_above; print(demo_above.VERSION)"
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_what_is_brought_has_the_pinned_version_and_another_pin_is_another_environment():
    made = [environment("demo", ["demo-above"], ["demo-above==1.0", f"demo-below=={n}"]) for n in ("1.0", "2.0", "1.0")]

    assert [version(python) for python in made] == ["1", "2", "1"]
    assert made[0] == made[2] != made[1]


def test_a_package_without_a_pin_is_told_and_leaves_no_environment(tmp_path: Path):
    with pytest.raises(AssertionError, match=r"no pin for .*demo-below"):
        environment("demo", ["demo-above"], ["demo-above==1.0"])

    assert [path.name for path in (tmp_path / "cache/venvs").iterdir()] == ["demo.lock"]


def test_an_overlay_has_the_packages_alone():
    assert [path.name for path in overlay("demo", "demo-above==1.0").glob("demo_*.py")] == ["demo_above.py"]
    with pytest.raises(AssertionError, match="demo-above"):
        overlay("demo", "demo-above")


@pytest.mark.parametrize("name", FILES)
def test_each_line_of_the_pins_is_one_exact_version(name: str):
    parsed = [Requirement(line) for line in pins(name)]

    assert [[one.operator for one in item.specifier] for item in parsed] == [["=="]] * len(parsed)
    assert not [item for item in parsed if item.url or item.extras]
    assert len({(item.name, str(item.marker)) for item in parsed}) == len(parsed) > 0


@pytest.mark.parametrize("name", sorted({*FILES} - {RAGAS_PINS}))
def test_pins_are_beside_the_catalogs_constraints(name: str):
    package, _, number = name.rpartition("-")
    known_good = catalog.load_release(Release(package or "llama-stack", number)).constraints.splitlines()

    assert not {Requirement(line).name for line in known_good} & {Requirement(line).name for line in pins(name)}


@pytest.mark.parametrize(("name", "wanted"), [*MODULES.items(), (RAGAS_PINS, RAGAS)])
def test_modules_have_the_versions_that_the_tests_ask_for(name: str, wanted: tuple[str, ...]):
    versions = {Requirement(line).name: str(Requirement(line).specifier)[2:] for line in pins(name)}

    assert all(item.specifier.contains(versions[item.name]) for item in map(Requirement, wanted))
