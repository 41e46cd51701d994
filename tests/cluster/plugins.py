"""Loads the fixtures of clusters, for the `conftest.py` of each folder whose tests use them.

As plugins they are loaded once, whatever folders a run has: so a run has one control plane, one node and one operator.
Imported into each `conftest.py`, each folder would have its own. Tests of other folders load no test bed.
"""

from __future__ import annotations

import pytest

_PLUGINS = ("tests.cluster.fixtures", "tests.e2e.fixtures")


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures, unless another folder has."""
    for name in _PLUGINS:
        config.pluginmanager.import_plugin(name)
