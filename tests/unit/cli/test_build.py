"""`llamastack build`: what it refuses before it begins, its progress, and whose logins and indexes it takes.

That it builds is shown with real registries and a real index in tests/images/test_local_build.py.
"""

import argparse
import io
import json
import netrc
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.cli import build, main
from llamastack_operator.cli.output.console import Console
from llamastack_operator.cli.output.progress import Progress, bar, progress_for
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.surroundings import base_python

Capture = pytest.CaptureFixture[str]
IMAGE = {"image": "docker.io/llamastack/distribution-starter:0.7.3"}
CSOAI = {"provider_id": "c", "provider_type": "remote::csoai", "module": "llama_stack_provider_csoai", "config": {}}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(tmp_path: Path, capsys: Capture, spec: dict[str, Any], *options: str) -> tuple[int, str]:
    manifest = {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": "bot"},
        "spec": spec,
    }
    file = tmp_path / "stack.yaml"
    file.write_text(yaml.safe_dump(manifest))
    status = main(["build", str(file), *options])
    return status, capsys.readouterr().err


def test_pushing_needs_to_know_where_to(tmp_path: Path, capsys: Capture):
    spec = {"distribution": IMAGE, "runConfig": {"version": 2, "distro_name": "bot", "providers": {"eval": [CSOAI]}}}
    status, error = run(tmp_path, capsys, spec, "--push")
    assert status == 2 and "--push needs --repository, or spec.build.repository" in error


def test_an_image_that_has_everything_is_nothing_to_build(tmp_path: Path, capsys: Capture):
    status, error = run(
        tmp_path, capsys, {"distribution": IMAGE, "runConfig": {"version": 2, "distro_name": "bot", "providers": {}}}
    )
    assert status == 2 and "there is nothing to build" in error


def test_mistakes_of_the_file_are_told_first(tmp_path: Path, capsys: Capture):
    spec = {
        "distribution": IMAGE,
        "runConfig": {
            "version": 2,
            "distro_name": "bot",
            "providers": {"eval": [{**CSOAI, "module": "llama-stack==0.6.0"}]},
        },
    }
    status, error = run(tmp_path, capsys, spec, "--push", "--repository", "registry.example/bot")
    assert status == 1 and "RequirementConflict" in error and "spec.runConfig.providers.eval[0].module" in error


def test_steps_that_count_have_a_bar():
    assert bar("installing 6 of 12") == f"[{'█' * 12}{'░' * 12}] installing 6 of 12"
    assert bar("installing 0 of 3").startswith(f"[{'░' * 24}]")
    assert bar("resolving") == "resolving"
    assert bar("pushing 1 of 0") == "pushing 1 of 0"


def test_a_terminal_gets_one_line_that_is_gone_afterwards():
    stream = Terminal()
    with progress_for(Console(stream, False), "bot") as shown:
        shown("resolving")
        shown("installing 1 of 2")

    assert "\n" not in stream.getvalue()
    assert stream.getvalue().count("\r\033[K") == 3 and stream.getvalue().endswith("\r\033[K")


def test_a_pipe_gets_a_line_for_each_change():
    stream = io.StringIO()
    shown = Progress(Console(stream, False), "bot")
    for step in ("resolving", "resolving", "packing"):
        shown(step)
    shown.finish()

    assert stream.getvalue() == "bot: resolving\nbot: packing\n"


def test_logins_come_from_where_docker_and_podman_keep_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("DOCKER_CONFIG", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert build._login(None) is None

    places = {
        tmp_path / ".docker" / "config.json": ("HOME", str(tmp_path)),
        tmp_path / "run" / "containers" / "auth.json": ("XDG_RUNTIME_DIR", str(tmp_path / "run")),
        tmp_path / "docker" / "config.json": ("DOCKER_CONFIG", str(tmp_path / "docker")),
        tmp_path / "given.json": ("REGISTRY_AUTH_FILE", str(tmp_path / "given.json")),
    }
    for path, (name, value) in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name + name)
        monkeypatch.setenv(name, value)
        assert build._login(None) == (path.name + name).encode()


def test_a_login_file_that_is_named_has_to_be_there(tmp_path: Path):
    with pytest.raises(CliError, match=r"nothing\.json: No such file"):
        build._login(str(tmp_path / "nothing.json"))


def test_users_of_indexes_are_written_as_netrc_reads_them(tmp_path: Path):
    file = tmp_path / "netrc"
    file.write_text(build._netrc(["https://me:p%40ss%20w@one.example/simple", "https://two.example", ""]))

    assert netrc.netrc(str(file)).hosts == {"one.example": ("me", "", "p@ss w")}


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ({}, {}, ()),
        ({}, {"PIP_INDEX_URL": "https://env.example"}, ("https://env.example",)),
        (
            {},
            {"PIP_EXTRA_INDEX_URL": "https://a.example https://b.example"},
            ("", "https://a.example", "https://b.example"),
        ),
        ({"index_url": "https://o.example"}, {"PIP_INDEX_URL": "https://env.example"}, ("https://o.example",)),
    ],
)
def test_indexes_come_from_options_then_the_file_then_pips_variables(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], variables: dict[str, str], expected: tuple[str, ...]
):
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    args = argparse.Namespace(**{"index_url": None, "extra_index_url": None, **options})
    planned = argparse.Namespace(indexes=())
    assert build._indexes(args, planned) == expected
    planned = argparse.Namespace(indexes=("https://file.example",))
    assert build._indexes(args, planned)[0] == options.get("index_url", "https://file.example")


def test_the_interpreter_of_this_program_is_not_taken_for_the_bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own, other = tmp_path / "own" / "bin", tmp_path / "usr" / "bin"
    for folder in (own, other):
        folder.mkdir(parents=True)
        (folder / "python3").write_text("#!/bin/sh\n")
        (folder / "python3").chmod(0o755)
    monkeypatch.setattr("sys.prefix", str(own.parent))
    monkeypatch.setenv("PATH", f"{own}:{other}")

    assert base_python(None) == other / "python3"
    with pytest.raises(CliError, match="no python-x here"):
        base_python("python-x")


def test_the_result_as_json_is_one_document():
    stream = io.StringIO()
    layer = {"kind": "modules", "key": "k" * 64, "image": "r/x@sha256:1", "installed": [], "modules": []}
    build._print(argparse.Namespace(name="bot"), [layer], "json", Console(stream, False))

    assert json.loads(stream.getvalue()) == {"name": "bot", "image": "r/x@sha256:1", "layers": [layer]}


def test_the_result_as_text_has_the_size_of_what_was_added():
    stream = io.StringIO()
    pushed = [{"digest": "sha256:1", "size": 2_000_000}, {"digest": "sha256:2", "size": 500_000}]
    layer = {"kind": "modules", "key": "k" * 64, "installed": [], "modules": [], "layers": pushed}
    build._print(argparse.Namespace(name="bot"), [layer], "text", Console(stream, False))

    assert f"modules {'k' * 16}: 0 packages, 2.5 MB" in stream.getvalue()
