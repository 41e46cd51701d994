"""The run configs that `llamastack render` prints for what users are shown start the real server of their release.

Only what a test has no network or file system for differs: the paths of the pod lie below a temporary folder, and the
addresses are those of a model server on loopback. The code of the examples' own provider and API, which nobody
publishes, is a stand-in that answers nothing: that the server loads it from the rendered files is what is shown.
`examples/external-provider.yaml` has its real modules, and a test of its own (`test_example.py`).
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.releases import python_of
from tests.conformance.servers import model_server, started
from tests.packages.shown import OLLAMA, WEATHER
from tests.support.documented import STACKS, Body, mounted, rendered, shown

RELEASE = "0.7.3"
ELSEWHERE = {
    "examples/external-provider.yaml": "test_example.py starts it, with both of its modules installed",
    "docs/stack.md 1": "a part of a spec, which examples/full.yaml has as well",
}
STARTED = [name for name in STACKS if name not in ELSEWHERE]


def test_all_that_is_shown_is_started_here_or_there() -> None:
    assert ELSEWHERE.keys() <= set(STACKS)


@pytest.mark.parametrize("name", STARTED)
def test_a_server_starts_with_what_was_rendered(name: str, tmp_path: Path) -> None:
    code = tmp_path / "code"
    for path, text in {**OLLAMA.files, **WEATHER.files}.items():
        (code / path).parent.mkdir(parents=True, exist_ok=True)
        (code / path).write_text(text)
    found = rendered(tmp_path / "shown.yaml", shown(name))
    deployments = [body for body in found if body["kind"] == "Deployment"]
    assert deployments
    with model_server() as model:
        for deployment in deployments:
            home = tmp_path / deployment["metadata"]["name"]
            config = mounted(deployment, found, home).read_text()
            here = re.sub(r"http://model-server:8000/v1", model, config).replace("/var/lib/llama-stack", str(home))
            variables = {**environment(deployment, model), "PYTHONPATH": str(code)}
            with started(RELEASE, here, home, variables, python_of(RELEASE)) as connection:
                types = {entry["provider_type"] for entry in connection.request("GET", "/v1/providers")["data"]}
            assert types == set(re.findall(r"provider_type[\"\s:]+((?:remote|inline)::\w+)", config))


def environment(deployment: Body, model: str) -> dict[str, str]:
    """Return the plain variables of the server's container, with the model server's address for every other."""
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    plain: dict[str, Any] = {entry["name"]: entry["value"] for entry in server["env"] if "value" in entry}
    return {key: model if value.startswith("http") else value for key, value in plain.items() if key != "HOME"}
