"""`llamastack build` where it belongs: beside the base's own Python, with a real registry and a real package index.

Each build has a mount namespace of its own with an empty /opt, since a layer is installed exactly where it will lie.
The base in the registry is small: what counts there is its config; the packages of the base are those of a real
release's environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.buildah import machine_index
from tests.cluster.errors import CannotRunError
from tests.cluster.fixtures import cannot_run
from tests.cluster.packages import need_root
from tests.conformance.releases import python_of
from tests.images.bed import Registry, get, put_image
from tests.pins import pins

RELEASE = "0.7.3"
CSOAI = {
    "provider_id": "csoai",
    "provider_type": "remote::csoai",
    "module": "llama_stack_provider_csoai==0.1.0",
    "config": {"did_json": "/state/did.json"},
}
PYTHON = "PYTHON_VERSION=3.12.1"


@pytest.fixture
def base(registry: Registry) -> str:
    """A base image of the release, as far as a registry tells."""
    put_image(registry, "team/starter", RELEASE, environment=("PATH=/usr/local/bin:/usr/bin", PYTHON))
    return f"{registry.host}/team/starter:{RELEASE}"


def stack(folder: Path, image: str, *modules: dict[str, Any], **pip: Any) -> Path:
    config = {"version": 2, "distro_name": "bot", "providers": {"eval": list(modules)}}
    spec = {
        "distribution": {"image": image},
        "runConfig": config,
        "build": {"pip": {"constraints": [*pins(RELEASE)], **pip}},
    }
    document = {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": "bot"},
        "spec": spec,
    }
    file = folder / "stack.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def build(
    file: Path, python: Path, *options: str, prepare: str = "mount -t tmpfs tmpfs /opt"
) -> subprocess.CompletedProcess[str]:
    """Run the command with an /opt of its own."""
    try:
        need_root("a mount namespace of a build's own")
    except CannotRunError as error:
        cannot_run(error)
    command = [sys.executable, "-m", "llamastack_operator.cli", "build", str(file), "--python", str(python), *options]
    environment = {**os.environ, "PIP_INDEX_URL": machine_index(), "HOME": str(file.parent)}
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", f'{prepare}; exec "$@"', "sh", *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def pushed(registry: Registry, file: Path, *options: str) -> dict[str, Any]:
    where = ("--push", "--repository", f"{registry.host}/team/bot", "--insecure-registry", registry.host)
    done = build(file, python_of(RELEASE), *where, "-o", "json", *options)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return {**result, "progress": done.stderr.splitlines()}


def test_a_module_is_installed_beside_the_base_and_pushed_as_one_layer(tmp_path: Path, registry: Registry, base: str):
    file = stack(tmp_path, base, CSOAI)
    first, again = pushed(registry, file), pushed(registry, file)

    (layer,) = first["layers"]
    names = {item["name"] for item in layer["installed"]}
    assert "llama_stack_provider_csoai" in {name.replace("-", "_") for name in names}
    assert not names & {"llama_stack", "llama-stack", "pydantic"}, "what the base has is not installed again"
    assert [(m["importName"], m["version"], m["providers"]) for m in layer["modules"]] == [
        ("llama_stack_provider_csoai", "0.1.0", [{"api": "eval", "type": "remote::csoai"}])
    ]
    assert first["image"] == again["image"] == f"{registry.host}/team/bot@{layer['digest']}"
    assert first["progress"][0].startswith("bot: ") and any("installing" in line for line in first["progress"])
    manifest = get(registry, f"team/bot/manifests/{layer['digest']}")
    assert len(manifest["layers"]) == 3
    assert get(registry, f"team/bot/manifests/{layer['key'][:16]}") == manifest


def test_a_release_becomes_two_layers_of_which_others_share_the_first(tmp_path: Path, registry: Registry):
    put_image(registry, "library/python", "3.12", environment=("PATH=/usr/local/bin:/usr/bin", PYTHON))
    base = f"{registry.host}/library/python:3.12"
    config = {
        "version": 2,
        "distro_name": "two",
        "apis": ["inference"],
        "providers": {"inference": [{"provider_id": "o", "provider_type": "remote::openai", "config": {}}]},
    }
    file = tmp_path / "run.yaml"
    spec = {
        "distribution": {"release": {"package": "ogx", "version": "1.5.0"}},
        "runConfig": config,
        "build": {"pip": {"requirements": ["colorama==0.4.6"], "constraints": [*pins("ogx-1.5.0")]}},
    }
    document = {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": "two"},
        "spec": spec,
    }
    file.write_text(yaml.safe_dump(document))
    options = ("--base", base, "--push", "--repository", f"{registry.host}/team/two", "-o", "json")
    python = Path(getattr(sys, "_base_executable", sys.executable))
    done = build(file, python, *options, "--insecure-registry", registry.host)
    assert done.returncode == 0, done.stderr

    stack_layer, modules = json.loads(done.stdout)["layers"]
    versions = {item["name"]: item["version"] for item in stack_layer["installed"]}
    assert (versions["ogx"], versions["ogx-api"]) == ("1.5.0", "1.5.0")
    assert [item["name"] for item in modules["installed"]] == ["colorama"]
    assert modules["base"] == stack_layer["image"]
    manifest = get(registry, f"team/two/manifests/{modules['digest']}")
    below = get(registry, f"team/two/manifests/{stack_layer['digest']}")
    assert manifest["layers"][:-1] == below["layers"]


def test_without_push_nothing_is_asked_of_a_registry(tmp_path: Path):
    file = stack(tmp_path, "registry.example/none:0.7.3", CSOAI)
    done = build(file, python_of(RELEASE))

    assert done.returncode == 0, done.stderr
    assert "0.1.0: eval remote::csoai\n" in done.stdout
    assert done.stdout.endswith("installed here; nothing was pushed\n")


def test_a_conflict_names_both_sides_and_nothing_is_pushed(tmp_path: Path, registry: Registry, base: str):
    other = {**CSOAI, "module": "ramalama-stack==0.2.5"}
    where = ("--push", "--repository", f"{registry.host}/team/bot", "--insecure-registry", registry.host)
    done = build(stack(tmp_path, base, other), python_of(RELEASE), *where)

    assert (done.returncode, done.stdout) == (1, "")
    assert "RequirementConflict" in done.stderr and "0.2.14" in done.stderr and "0.7.3" in done.stderr
    assert "Traceback" not in done.stderr
    with pytest.raises(OSError, match="404"):
        get(registry, "team/bot/tags/list")


class TestAPlaceThatIsNotTheBase:
    """Each is refused before anything is installed, and the way out is named."""

    def refused(self, done: subprocess.CompletedProcess[str], *words: str) -> None:
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        for word in (*words, "llamastack containerfile"):
            assert word in done.stderr

    def test_another_release(self, tmp_path: Path):
        done = build(stack(tmp_path, "registry.example/starter:0.7.2", CSOAI), python_of(RELEASE))
        self.refused(done, "has llama-stack 0.7.3", "has llama-stack 0.7.2")

    def test_no_release_at_all(self, tmp_path: Path):
        python = Path(getattr(sys, "_base_executable", sys.executable))
        done = build(stack(tmp_path, "registry.example/starter:0.7.3", CSOAI), python)
        self.refused(done, "no llama-stack", "no container of registry.example/starter:0.7.3")

    def test_a_release_where_the_base_is_plain_python(self, tmp_path: Path):
        file = tmp_path / "run.yaml"
        file.write_text("version: 2\ndistro_name: x\napis: [inference]\nproviders: {}\n")
        self.refused(build(file, python_of(RELEASE)), "has llama-stack 0.7.3 already")

    def test_another_python(self, tmp_path: Path, registry: Registry):
        put_image(registry, "team/starter", RELEASE, environment=("PATH=/bin", "PYTHON_VERSION=3.13.9"))
        where = ("--push", "--repository", f"{registry.host}/team/bot", "--insecure-registry", registry.host)
        done = build(stack(tmp_path, f"{registry.host}/team/starter:{RELEASE}", CSOAI), python_of(RELEASE), *where)
        self.refused(done, "is Python 3.12", "has 3.13.9")

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path):
        file = stack(tmp_path, "registry.example/starter:0.7.3", CSOAI)
        self.refused(build(file, python_of(RELEASE), prepare="mount -t tmpfs -o ro tmpfs /opt"), "Read-only")

    def test_no_python(self, tmp_path: Path):
        file = stack(tmp_path, "registry.example/starter:0.7.3", CSOAI)
        self.refused(build(file, Path("python-of-nowhere")), "no python-of-nowhere here")


def test_a_layer_that_is_there_already_is_not_touched(tmp_path: Path):
    file = stack(tmp_path, "registry.example/starter:0.7.3", CSOAI)
    filled = "mount -t tmpfs tmpfs /opt; mkdir -p /opt/llamastack/modules/bin"
    done = build(file, python_of(RELEASE), prepare=filled)

    assert done.returncode == 2 and "/opt/llamastack/modules is not empty" in done.stderr


def test_passwords_of_an_index_are_told_to_that_index_and_shown_nowhere(tmp_path: Path, registry: Registry, base: str):
    address = machine_index().replace("://", "://robot:hunter2@")
    found = pushed(registry, stack(tmp_path, base, CSOAI), "--index-url", address)

    assert "hunter2" not in json.dumps(found)
    blobs = registry.storage.rglob("data")
    assert not any(b"hunter2" in blob.read_bytes() for blob in blobs)


def test_the_private_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    done = build(
        stack(tmp_path, "registry.example/none:0.7.3", {**CSOAI, "module": "not-there-at-all-0"}), python_of(RELEASE)
    )

    assert done.returncode == 1 and "ModuleNotFound" in done.stderr
    assert not [*temporary.iterdir()]
