"""The command of a stack whose release is not given, run for real: a Python with some release installed, and a server
that prints how it was started in the place of the one in the image."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llamastack_operator.workloads.start import server_command
from llamastack_resolver.releases import Release

CONFIG = "/etc/llama-stack/it's {odd}.yaml"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return a folder that holds what is installed in an image: distributions in site/, programs in bin/."""
    programs = tmp_path / "bin"
    programs.mkdir()
    tell = (
        f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]))\n"
    )
    for name in ("llama", "ogx", "python3"):
        (programs / name).write_text(tell)
        (programs / name).chmod(0o755)
    (tmp_path / "site").mkdir()
    return tmp_path


def install(image: Path, package: str, version: str) -> None:
    info = image / "site" / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")


def start(image: Path) -> subprocess.CompletedProcess[str]:
    python, *arguments = server_command(None, CONFIG, 8321)
    assert python == "python3"
    environment = {"PATH": str(image / "bin"), "PYTHONPATH": str(image / "site")}
    return subprocess.run(
        [sys.executable, "-S", *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


VERSIONS = [
    ("llama-stack", "0.2.12"),
    ("llama-stack", "0.2.16"),
    ("llama-stack", "0.2.17"),
    ("llama-stack", "0.2.23"),
    ("llama-stack", "0.3.0"),
    ("llama-stack", "0.3.0rc2"),
    ("llama-stack", "0.7.3"),
    ("llama-stack", "0.10.0"),
    ("ogx", "0.8.0"),
    ("ogx", "0.8"),
    ("ogx", "1.0.0"),
    ("ogx", "1.0rc1"),
    ("ogx", "1.1.9"),
    ("ogx", "1.2.0"),
    ("ogx", "1.2"),
    ("ogx", "1.5.0"),
]


@pytest.mark.parametrize(("package", "version"), VERSIONS)
def test_a_release_that_is_found_in_the_image_is_started_like_one_that_was_named(
    image: Path, package: str, version: str
) -> None:
    install(image, package, version)
    done = start(image)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == server_command(Release(package, version), CONFIG, 8321)


def test_a_local_build_is_started_like_the_release_that_it_came_from(image: Path) -> None:
    install(image, "llama-stack", "0.7.4.dev3+gabc123")
    assert json.loads(start(image).stdout) == server_command(Release("llama-stack", "0.7.4"), CONFIG, 8321)


def test_the_new_name_wins_where_both_packages_are_there(image: Path) -> None:
    """The package llama-stack lives on as an empty shell that depends on ogx."""
    install(image, "llama-stack", "0.8.0")
    install(image, "ogx", "1.5.0")
    assert json.loads(start(image).stdout)[0] == "ogx"


@pytest.mark.parametrize("installed", [[], [("llama-stack", "0.2.11")], [("ogx", "0.7.9")]])
def test_an_image_without_a_release_that_can_be_started_says_so(image: Path, installed: list[tuple[str, str]]) -> None:
    for package, version in installed:
        install(image, package, version)
    done = start(image)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "no llama-stack >= 0.2.12 and no ogx >= 0.8 in this image: use another, or set spec.distribution.release\n"
    )


def test_the_look_up_needs_nothing_but_an_old_python(image: Path) -> None:
    """Images have any Python from 3.10 on, and maybe nothing else: the text must compile for it."""
    _, _, text = server_command(None, CONFIG, 8321)
    compile(text, "look-up", "exec", flags=0, dont_inherit=True)
    assert "import os, re, sys\nfrom importlib.metadata import" in text


def test_the_server_takes_the_place_of_the_look_up(image: Path) -> None:
    """With exec the server is the container's first process and gets its SIGTERM."""
    (image / "bin" / "llama").write_text(f"#!{sys.executable}\nimport os\nprint(os.getpid())\n")
    install(image, "llama-stack", "0.7.3")
    _, *arguments = server_command(None, CONFIG, 8321)
    environment = {"PATH": str(image / "bin"), "PYTHONPATH": str(image / "site")}
    with subprocess.Popen([sys.executable, "-S", *arguments], env=environment, stdout=subprocess.PIPE) as process:
        told, _ = process.communicate(timeout=30)
    assert int(told) == process.pid
    assert process.pid != os.getpid()
