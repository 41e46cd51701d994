"""What a change touches is found over imports, programs that are run by name, and data beside the code."""

import ast
import subprocess
from pathlib import Path

import pytest

from tests.support.affected import affected, changed_files, modules, used, users
from tests.support.rungs import RUNGS, TESTS

FILES = {
    "operator/product/__init__.py": "",
    "operator/product/base.py": "",
    "operator/product/middle.py": "def f():\n    from product.base import x\n",
    "operator/product/other.py": "",
    "operator/product/program/__init__.py": "",
    "operator/product/program/__main__.py": "import product.other\n",
    "operator/product/data/names.json": "{}",
    "examples/first.yaml": "",
    "tests/conftest.py": "",
    "tests/unit/conftest.py": "",
    "tests/unit/test_base.py": "from product import base\n",
    "tests/unit/test_middle.py": "import product.middle as m\n",
    "tests/unit/test_program.py": "WORDS = ['-m', 'product.program']\n",
    "tests/unit/test_patch.py": "NAME = 'product.other.function'\n",
    "tests/golden/test_golden.py": "FOLDER = 'examples'\n",
    "tests/golden/case/out.yaml": "",
    "tests/e2e/test_cluster.py": "import product.base\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ("operator/product/base.py", ["test_base", "test_middle"]),
        ("operator/product/middle.py", ["test_middle"]),
        ("operator/product/other.py", ["test_patch", "test_program"]),
        ("tests/unit/test_base.py", ["test_base"]),
        ("tests/unit/conftest.py", ["test_base", "test_middle", "test_patch", "test_program"]),
        ("tests/golden/case/out.yaml", ["test_golden"]),
        ("examples/first.yaml", ["test_golden"]),
        ("tests/e2e/test_cluster.py", []),
        ("README.md", []),
    ],
)
def test_a_changed_file_touches_the_tests_of_those_who_use_it(changed: str, tests: list[str], root: Path):
    assert sorted(path.stem for path in affected(root, [Path(changed)])) == tests


def test_the_nearest_come_first(root: Path):
    assert [path.stem for path in affected(root, [Path("operator/product/base.py")])] == ["test_base", "test_middle"]


def test_data_of_a_package_touches_the_package(root: Path):
    touched = affected(root, [Path("operator/product/data/names.json")])

    assert {path.stem for path in touched} == {"test_base", "test_middle", "test_program", "test_patch"}


def test_changes_are_those_of_the_branch_and_of_the_files_on_disk(root: Path):
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)

    git("init", "-b", "main")
    for number in (1, 2):
        (root / "README.md").write_text(str(number))
        git("add", "-A")
        git("commit", "-m", "x")
    assert changed_files(root) == [Path("README.md")], "with nothing new on main, the last commit"

    (root / "examples/first.yaml").write_text("changed")
    (root / "new.txt").write_text("")
    assert changed_files(root) == [Path("examples/first.yaml"), Path("new.txt")]
    git("checkout", "-b", "work")
    git("add", "-A")
    git("commit", "-m", "x")
    assert changed_files(root) == [Path("examples/first.yaml"), Path("new.txt")]
    assert changed_files(root, "HEAD") == []


def test_unit_tests_load_no_test_bed():
    """Neither themselves nor through what they import."""
    known = modules(TESTS.parent)
    by_file = users(TESTS.parent, known)
    bed = {path for path in known.values() if path.is_relative_to("tests/cluster")}
    near = set(bed)
    while near:
        near = {user for path in near for user in by_file.get(path, ())} - bed
        bed |= near
    unit = tuple(Path("tests", folder) for folder in RUNGS["unit"].folders)

    assert not [path for path in sorted(bed) if any(map(path.is_relative_to, unit))]
    assert Path("tests/e2e/fixtures.py") in bed


def test_a_text_that_is_no_name_of_a_module_is_passed_over():
    assert used("a", ast.parse("'a b c'\n'" + "x." * 5000 + "'\n'a'\n'b'"), ["a", "b"]) == {"b"}
