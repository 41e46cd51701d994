"""Every test is on one rung, so that all rungs together are all tests."""

import pytest

from tests.support.rungs import NODE, RUNGS, TESTS, Rung, arguments, rung_of

FOLDERS = sorted({file.relative_to(TESTS).parts[0] for file in TESTS.rglob("test_*.py")})


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_test_of_a_folder_is_on_one_rung(folder: str):
    rungs = [rung for rung in RUNGS.values() if folder in rung.folders]

    assert sorted(str(rung.node) for rung in rungs) in (["None"], ["False", "True"])
    assert rung_of(folder, node=False) in rungs


def test_rungs_name_no_folder_that_has_no_tests():
    assert {folder for rung in RUNGS.values() for folder in rung.folders} == {*FOLDERS}


def test_a_test_that_needs_a_node_is_on_the_rung_that_has_one():
    assert rung_of("e2e", node=True) is RUNGS["node"]
    with pytest.raises(LookupError, match="tests/unit that need a node"):
        rung_of("unit", node=True)


@pytest.mark.parametrize(
    ("names", "marks"),
    [
        (["api"], ["-m", f"not {NODE}"]),
        (["api", "images"], ["-m", f"not {NODE}"]),
        (["node"], ["-m", NODE]),
        (["api", "node", "images"], []),
        (["unit", "conformance"], []),
    ],
)
def test_pytest_is_told_the_folders_and_what_of_them(names: list[str], marks: list[str]):
    rungs: list[Rung] = [RUNGS[name] for name in names]
    told = arguments(rungs)

    assert [word for word in told if not word.startswith("tests/")] == marks
    assert {word.removeprefix("tests/") for word in told} - {*marks} == {f for rung in rungs for f in rung.folders}


def test_rungs_that_no_marker_tells_from_others_are_not_run_at_once():
    with pytest.raises(ValueError, match="one after another"):
        arguments([RUNGS["node"], RUNGS["images"]])
