"""A server starts with exactly what the install plan of a release installs, and nothing that happens to be there.

An image of a release by its number has no more than that. The plan follows the release's own list, and releases have
forgotten packages there: this is where it shows.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from llamastack_operator import catalog
from llamastack_operator.planning.install.install_plan import install_plan
from tests.conformance.releases import RELEASES, ROOT, release
from tests.conformance.servers import model_server, run_config, served


def environment(name: str, model: str, folder: Path) -> Path:
    """Make a virtual environment by the install plan, and return its interpreter."""
    wanted = release(name)
    plan = install_plan(run_config(name, model), catalog.load_release(wanted), image=None, release=wanted)
    (layer,) = plan.layers
    assert layer.special == ()
    (folder / "constraints.txt").write_text("\n".join(layer.constraints))
    uv, python = str(ROOT / ".venv/bin/uv"), folder / "venv/bin/python"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder / "venv")], check=True)
    install = [uv, "pip", "install", "-q", "--python", str(python), "-c", str(folder / "constraints.txt")]
    subprocess.run([*install, *layer.requirements], check=True)
    return python


@pytest.mark.parametrize("name", RELEASES)
def test_a_server_starts_with_what_the_plan_installs_and_no_more(name: str, tmp_path: Path):
    (tmp_path / "home").mkdir()
    with model_server() as model:
        python = environment(name, model, tmp_path)
        with served(name, model, tmp_path / "home", python) as connection:
            assert connection.request("GET", "/v1/health")
