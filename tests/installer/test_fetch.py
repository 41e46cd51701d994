"""The program `fetch` gets exactly the files of a lock, and trusts neither the index nor its cache."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.installer.workbench import Inputs, Result, install
from tests.packages.index import PackageIndex, basic

NAMES = ("demo_plain-1.0-py3-none-any.whl", "demo_single-1.0-py3-none-any.whl")
USER = ("somebody", "a-secret-word")


def entry(served: PackageIndex, wheel: str, **changes: Any) -> dict[str, Any]:
    name, version = wheel.split("-")[:2]
    digest = hashlib.sha256((served.folder / "files" / wheel).read_bytes()).hexdigest()
    return {"name": name, "version": version, "file": wheel, "sha256": digest, "index": 0, "url": None, **changes}


def fetch(inputs: Inputs, folder: Path, *options: str | Path) -> Result:
    build = inputs.write(folder)
    log = folder / "termination-log"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "llamastack_operator.images", "fetch", "--build", build]
    command += ["--target", folder / "wheels", "--termination-log", log, "--attempts", "2", "--pause", "0.05"]
    command += [] if "--credentials" in options else ["--credentials", folder / "none"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    failure = json.loads(log.read_text()) if log.exists() else {}
    return Result(done.returncode, done.stdout + done.stderr, failure)


def held(folder: Path) -> set[str]:
    return {path.name for path in (folder / "wheels").iterdir()}


def test_the_locked_files_are_fetched_and_install_offline(base: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    lock = [entry(index, name) for name in NAMES]
    inputs = Inputs(tmp_path / "root", ("demo-single",), ("demo-single",), lock=lock, indexes=(index.simple,))

    result = fetch(inputs, tmp_path / "in")
    assert result.code == 0, result.output
    assert held(tmp_path / "in") == set(NAMES)
    assert result.progress[-1] == "fetching 2 of 2"

    wheels = ("--wheels", str(tmp_path / "in" / "wheels"), "--index", "http://127.0.0.1:9")
    installed = install(base, tools, tmp_path / "in" / "build.json", *wheels)
    assert installed.code == 0, installed.output


def test_a_cache_saves_the_index_and_a_damaged_one_only_costs_time(index: PackageIndex, tmp_path: Path):
    lock, cache = [entry(index, name) for name in NAMES], tmp_path / "cache"
    inputs = Inputs(tmp_path / "root", lock=lock, indexes=(index.simple,))
    assert fetch(inputs, tmp_path / "first", "--cache", cache).code == 0
    index.requests.clear()

    assert fetch(inputs, tmp_path / "second", "--cache", cache).code == 0
    assert index.requests == []

    for path in cache.rglob("*"):
        if path.is_file():
            path.write_bytes(b"something else")
    assert fetch(inputs, tmp_path / "third", "--cache", cache).code == 0
    for name in NAMES:
        file = (tmp_path / "third" / "wheels" / name).read_bytes()
        assert file == (index.folder / "files" / name).read_bytes()


def test_a_link_in_the_cache_is_not_followed(index: PackageIndex, tmp_path: Path):
    """The cache lies on a volume that tenants' servers write to."""
    (locked,) = lock = [entry(index, NAMES[0])]
    cache = tmp_path / "cache" / locked["sha256"][:2]
    cache.mkdir(parents=True)
    (cache / locked["sha256"]).symlink_to(index.folder / "files" / NAMES[0])

    assert (
        fetch(
            Inputs(tmp_path / "root", lock=lock, indexes=(index.simple,)),
            tmp_path / "in",
            "--cache",
            tmp_path / "cache",
        ).code
        == 0
    )
    assert not (tmp_path / "in" / "wheels" / NAMES[0]).is_symlink()


def test_files_with_an_address_are_fetched_from_there_without_credentials(
    index: PackageIndex, files: list[Path], tmp_path: Path
):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "username").write_text(USER[0])
    (secret / "password").write_text(USER[1])
    with PackageIndex(index.folder).served() as other:
        lock = [entry(index, NAMES[0]), entry(index, NAMES[1], index=None, url=f"{other.url}/files/{NAMES[1]}")]
        inputs = Inputs(tmp_path / "root", lock=lock, indexes=(index.simple,))
        result = fetch(inputs, tmp_path / "in", "--credentials", secret)

    assert result.code == 0, result.output
    assert {given for _, given in index.requests} == {basic(*USER)}
    assert [given for _, given in other.requests] == [None]


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"sha256": "0" * 64}, "HashMismatch", "the lock says 0000"),
        ({"file": "demo_plain-9.0-py3-none-any.whl"}, "LockLost", "no more"),
        ({"name": "demo-absent"}, "LockLost", "does not exist"),
        ({"index": 3}, "LockLost", "index 3"),
        (
            {"index": None, "url": "http://127.0.0.1:9/demo_plain-1.0-py3-none-any.whl"},
            "IndexUnreachable",
            "127.0.0.1:9",
        ),
        ({"file": "../../evil"}, "BuildFailed", "layer.lock.0.file"),
        ({"url": "file:///etc/passwd"}, "BuildFailed", "layer.lock.0.url"),
    ],
)
def test_each_failure_has_its_reason_and_leaves_no_wrong_file(
    change: dict[str, Any], reason: str, words: str, index: PackageIndex, tmp_path: Path
):
    inputs = Inputs(tmp_path / "root", lock=[entry(index, NAMES[0], **change)], indexes=(index.simple,))

    result = fetch(inputs, tmp_path / "in")

    assert result.code == 1, result.output
    assert result.failure["reason"] == reason
    assert result.failure["step"] == "fetch"
    assert result.failure["retry"] is (reason == "IndexUnreachable")
    assert words in result.failure["message"]
    assert not (tmp_path / "in" / "wheels").exists() or held(tmp_path / "in") == set()


def test_a_layer_without_a_lock_cannot_be_fetched(index: PackageIndex, tmp_path: Path):
    result = fetch(Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,)), tmp_path / "in")

    assert (result.code, result.failure["reason"]) == (1, "LockLost")


def test_a_download_that_breaks_off_is_no_file(index: PackageIndex, tmp_path: Path):
    index.breaks[f"/files/{NAMES[0]}"] = 100
    inputs = Inputs(tmp_path / "root", lock=[entry(index, NAMES[0])], indexes=(index.simple,))

    result = fetch(inputs, tmp_path / "in")

    assert (result.failure["reason"], result.failure["retry"]) == ("IndexUnreachable", True)
    assert held(tmp_path / "in") == set()
