"""What holds for every test: its time limit, a run in another order, and that continuous integration skips nothing.

The fixtures of clusters are loaded by the folders that use them (`tests/cluster/plugins.py`).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

from tests.support.order import shuffled
from tests.support.rungs import rung_of_item

# How long an example takes is the machine's business.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for a run in random order."""
    parser.addoption("--shuffle", metavar="SEED", help="run modules, and the tests within each, in the order of a seed")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say how the order can be had again."""
    seed = config.getoption("--shuffle")
    return f"shuffled: --shuffle {seed}" if seed else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests into the order of the seed, and give each the time limit of its rung."""
    seed = config.getoption("--shuffle")
    if seed:
        items[:] = shuffled(items, seed)
    for item in items:
        rung = rung_of_item(item)
        if rung is not None:
            item.add_marker(pytest.mark.timeout(rung.limit))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where `CI` is set."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and with CI set nothing may be: {call.excinfo}"
    return report
