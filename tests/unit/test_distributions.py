"""The two distributions that are made from this tree: what each brings, and what it asks for."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from llamastack_operator.packed.start_program import start_program_digest
from tests.support.distributions import LIGHT, ROOT, make_distribution

# What only the operator and its builds need.
HEAVY = ("aiohttp", "kopf", "kubernetes", "urllib3", "pip", "llamastack_installer")
# Belongs to `llamastack build`, which stands on the operator's programs.
OF_BUILD = {"llamastack_operator.cli.build", "llamastack_operator.cli.surroundings"}
IMPORT = """
import importlib, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
sys.path.insert(0, sys.argv[1])
import llamastack_operator
assert llamastack_operator.__file__.startswith(sys.argv[1]), llamastack_operator.__file__
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.ZipFile]:
    """Both wheels, made as `make wheels` makes them, by the name of their distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    made = [make_distribution(project, folder) for project in (ROOT, LIGHT)]
    return {path.name.partition("-")[0]: zipfile.ZipFile(path) for path in made}


def files(wheel: zipfile.ZipFile) -> dict[str, bytes]:
    """Return the files that are not about the wheel itself."""
    return {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}


def asked(wheel: zipfile.ZipFile) -> set[str]:
    """Return the names of what a wheel depends on."""
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    wanted = Parser().parsestr(wheel.read(name).decode()).get_all("Requires-Dist") or []
    return {text.partition(">")[0].partition("<")[0].strip().lower() for text in wanted}


def modules(wheel: zipfile.ZipFile) -> set[str]:
    """Return the names of a wheel's modules, without programs that are data."""
    names = (name.removesuffix(".py").replace("/", ".") for name in files(wheel) if name.endswith(".py"))
    return {name.removesuffix(".__init__") for name in names if ".scripts." not in name}


def test_the_whole_one_brings_a_working_operator(wheels: dict[str, zipfile.ZipFile]) -> None:
    whole = wheels["llamastack_operator"]
    folders = [path.parent for path in (ROOT / "operator").rglob("__init__.py")]
    assert {".".join(folder.relative_to(ROOT / "operator").parts) for folder in folders} <= modules(whole)
    assert asked(whole) >= {"kopf", "kubernetes", "pydantic", "pyyaml"}


def test_the_light_one_asks_for_what_a_checker_needs(wheels: dict[str, zipfile.ZipFile]) -> None:
    assert asked(wheels["llamastack_cli"]) == {"packaging", "pydantic", "pyyaml", "shtab"}


def test_what_the_light_one_asks_for_is_asked_for_in_the_same_versions_by_the_whole_one() -> None:
    light, whole = (tomllib.loads((path / "pyproject.toml").read_text())["project"] for path in (LIGHT, ROOT))
    assert set(light["dependencies"]) <= set(whole["dependencies"])
    assert light["requires-python"] == whole["requires-python"]


def test_the_light_one_has_the_rooms_of_the_command_line_alone(wheels: dict[str, zipfile.ZipFile]) -> None:
    names = modules(wheels["llamastack_cli"])
    rooms = {name.split(".")[1] for name in names if name.startswith("llamastack_operator.")}
    assert rooms == {"api", "catalog", "cli", "objects", "packed", "planning", "workloads"}
    assert {name.partition(".")[0] for name in names} == {
        "llamastack_contract",
        "llamastack_launcher",
        "llamastack_operator",
        "llamastack_resolver",
    }


def test_what_both_have_is_the_same_in_both(wheels: dict[str, zipfile.ZipFile]) -> None:
    light, whole = files(wheels["llamastack_cli"]), files(wheels["llamastack_operator"])
    assert light.items() <= whole.items()
    assert any("/catalog/data/" in name for name in light)


def test_pods_that_either_renders_run_the_same_start_program(
    wheels: dict[str, zipfile.ZipFile], tmp_path: Path
) -> None:
    code = "from llamastack_operator.packed import start_program as s; print(s.__file__, s.start_program_digest())"
    for name, wheel in wheels.items():
        wheel.extractall(tmp_path / name)
        own = {"PYTHONPATH": str(tmp_path / name)}
        done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=True)
        place, digest = done.stdout.split()
        assert place.startswith(str(tmp_path / name))
        assert digest == start_program_digest()


def test_the_light_one_is_imported_and_works_where_what_only_the_operator_needs_is_absent(
    wheels: dict[str, zipfile.ZipFile], tmp_path: Path
) -> None:
    light = wheels["llamastack_cli"]
    light.extractall(tmp_path)
    names = sorted(modules(light) - OF_BUILD)
    work = "".join(f"importlib.import_module({name!r})\n" for name in names if not name.endswith("__main__"))
    work += "from llamastack_operator.cli import main\n"
    for command in ("validate", "containerfile", "resolve"):
        work += f"assert main([{command!r}, {str(ROOT / 'examples' / 'external-provider.yaml')!r}]) == 0\n"
    work += "assert main(['catalog', '0.7.3']) == 0\nassert main(['completion', 'bash']) == 0\n"
    work += "assert main(['build', 'x.yaml', '--push']) == 2\n"

    code = f"HEAVY = {HEAVY!r}{IMPORT}{work}"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == (
        "llamastack: `llamastack build` needs llamastack_installer, which is not installed: "
        "install llamastack-operator in place of llamastack-cli"
    )
