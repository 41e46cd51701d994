"""Images of the test bed: built once per content, usable in pods, and free of anything that belongs to this machine."""

import json
from pathlib import Path

import pytest

from tests.cluster import Kubectl
from tests.cluster.buildah import build_image, content_key, repository
from tests.cluster.images import PYTHON_IMAGE, STARTER_IMAGE
from tests.cluster.node import Node
from tests.cluster.test_node import run_to_the_end

TAG = "registry.local/testbed/greeter:1"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context on top of the Python image."""
    (tmp_path / "Dockerfile").write_text(f"FROM {PYTHON_IMAGE}\nARG NAME\nCOPY greet.py /\nRUN echo $NAME > /name\n")
    (tmp_path / "greet.py").write_text("print('hello', open('/name').read().strip())\n")
    return tmp_path


def test_the_content_key_follows_every_input(context: Path) -> None:
    dockerfile = context / "Dockerfile"
    keys = {content_key(context, dockerfile, {}), content_key(context, dockerfile, {"NAME": "a"})}
    (context / "greet.py").write_text("print('changed')\n")
    keys.add(content_key(context, dockerfile, {}))
    (context / "link").symlink_to("greet.py")
    keys.add(content_key(context, dockerfile, {}))

    assert len(keys) == 4


def test_the_content_key_ignores_caches_of_tools(context: Path) -> None:
    before = content_key(context, context / "Dockerfile", {})
    (context / "__pycache__").mkdir()
    (context / "__pycache__" / "greet.pyc").write_text("compiled")

    assert content_key(context, context / "Dockerfile", {}) == before


def test_a_repository_is_the_reference_without_its_registry() -> None:
    assert repository("docker.io/library/python:3.13-slim") == "library/python:3.13-slim"


@pytest.mark.node
def test_a_built_and_pushed_image_runs_in_a_pod(node: Node, node_kubectl: Kubectl, context: Path) -> None:
    build_image(TAG, context, build_args={"NAME": "world"})
    assert not build_image(TAG, context, build_args={"NAME": "world"})
    node.push(TAG)

    assert run_to_the_end(node_kubectl, "greeter", "python", "/greet.py", image=TAG) == "hello world\n"


@pytest.mark.node
@pytest.mark.parametrize("image", [PYTHON_IMAGE, STARTER_IMAGE])
def test_an_image_holds_no_setting_of_this_machine(node_kubectl: Kubectl, image: str) -> None:
    look = """
import json, pathlib, subprocess, sys
pip = [sys.executable, "-m", "pip", "config", "list"]
read = lambda path: pathlib.Path(path).read_text() if pathlib.Path(path).exists() else ""
print(json.dumps({
    "pip": subprocess.check_output(pip, stderr=subprocess.DEVNULL, text=True),
    "sources": read("/etc/apt/sources.list") + "".join(map(str, pathlib.Path("/etc/apt/sources.list.d").glob("*"))),
    "lists": [path.name for path in pathlib.Path("/var/lib/apt/lists").glob("*_*")],
}))
"""
    found = json.loads(run_to_the_end(node_kubectl, "look", "python", "-c", look, image=image))

    assert found == {"pip": "", "sources": "", "lists": []}


@pytest.mark.node
def test_an_image_keeps_no_certificate_of_this_machine(node_kubectl: Kubectl) -> None:
    bundle = run_to_the_end(node_kubectl, "bundle", "cat", "/etc/ssl/certs/ca-certificates.crt")
    distribution = "cat /usr/share/ca-certificates/mozilla/*.crt | grep -c BEGIN"
    expected = run_to_the_end(node_kubectl, "count", "sh", "-c", distribution)

    assert bundle.count("BEGIN CERTIFICATE") == int(expected)
