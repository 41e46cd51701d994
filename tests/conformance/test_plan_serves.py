"""A server starts with exactly what the install plan of a release installs, and nothing that happens to be there.

An image of a release by its number has no more than that. The plan follows the release's own list, and releases have
forgotten packages there: this is where it shows.
"""

from pathlib import Path

import pytest

from tests.conformance.releases import RELEASES, pinned
from tests.conformance.servers import model_server, planned, served
from tests.support.environments import environment


def installed(name: str, model: str) -> Path:
    """Install what the plan says, and return the environment's interpreter."""
    layer = planned(name, model)
    assert set(layer.constraints) <= set(pinned(name)), "the plan holds versions that are known to be good"
    return environment(f"{name}-plan", layer.requirements, pinned(name))


@pytest.mark.parametrize("name", RELEASES)
def test_a_server_starts_with_what_the_plan_installs_and_no_more(name: str, tmp_path: Path):
    (tmp_path / "home").mkdir()
    with model_server() as model:
        python = installed(name, model)
        with served(name, model, tmp_path / "home", python) as connection:
            assert connection.request("GET", "/v1/health")
