"""The defaults of the operator's own settings, and where else they stand."""

from pathlib import Path

import yaml

from llamastack_operator.workloads.settings import PYTHON_BASE, ImageSettings

ROOT = Path(__file__).parents[3]


def test_the_python_on_which_releases_are_installed_is_one_everywhere():
    chart = yaml.safe_load((ROOT / "charts" / "llamastack-operator" / "values.yaml").read_text())

    assert ImageSettings().python == PYTHON_BASE
    assert chart["builds"]["pythonImage"] == PYTHON_BASE
    assert f"A release goes on `--base` (`{PYTHON_BASE}`" in (ROOT / "docs" / "cli.md").read_text()
