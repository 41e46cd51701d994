"""The Containerfile of each case, byte for byte: `arguments` are the options beside the file.

That these files build, and that what they build serves, is shown in tests/cluster/test_containerfile.py.
"""

from pathlib import Path

import pytest

from llamastack_operator.cli import main
from tests.golden.files import check

CASES = sorted((Path(__file__).parent / "containerfile").iterdir())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_containerfile(case: Path, capsys: pytest.CaptureFixture[str]):
    options = case / "arguments"
    arguments = options.read_text().split() if options.exists() else []

    assert main(["containerfile", str(case / "stack.yaml"), *arguments]) == 0, capsys.readouterr().err
    check(case / "Containerfile", capsys.readouterr().out)
