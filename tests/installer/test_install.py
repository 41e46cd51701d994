"""The installer installs what it is asked to, with the real pip on a real release."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.installer.workbench import Inputs, Result, index_proxy, install, tree
from tests.matrix import full_matrix
from tests.packages.index import PackageIndex, write_index


def run(base: Path, tools: Path, inputs: Inputs, folder: Path, *options: str) -> Result:
    build = inputs.write(folder)
    with index_proxy(build) as url:
        return install(base, tools, build, "--index", url, *options)


def record(root: Path) -> dict[str, Any]:
    return json.loads((root / "llamastack.json").read_text())


def versions(root: Path) -> dict[str, str]:
    return {entry["name"]: entry["version"] for entry in record(root)["installed"]}


def test_a_module_with_a_single_spec_gets_what_its_spec_needs(
    base: Path, tools: Path, index: PackageIndex, tmp_path: Path
):
    root = tmp_path / "root"
    inputs = Inputs(root, ("demo-single>=1",), ("demo-single>=1",), indexes=(index.simple,))

    result = run(base, tools, inputs, tmp_path / "in")

    assert result.code == 0, result.output
    written = record(root)
    # The module itself is content with any demo-plain; its spec wants an older one than the newest.
    assert versions(root) == {"demo-single": "1.0", "demo-plain": "1.0"}
    assert written["modules"] == [
        {
            "requirement": "demo-single>=1",
            "distribution": "demo-single",
            "version": "1.0",
            "importName": "demo_single",
            "providers": [{"api": "tool_runtime", "type": "remote::single"}],
        }
    ]
    assert [(entry["file"], entry["index"], entry["url"]) for entry in written["lock"]] == [
        ("demo_plain-1.0-py3-none-any.whl", 0, None),
        ("demo_single-1.0-py3-none-any.whl", 0, None),
    ]
    assert {"name": "llama_stack", "version": "0.7.3"} in written["base"]
    assert result.progress[0] == "resolving"
    assert "reading specs" in result.progress
    assert "installing 2 of 2" in result.progress


def test_the_page_of_a_project_is_read_once_in_a_pass(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,))

    result = run(bare, tools, inputs, tmp_path / "in")

    assert result.code == 0, result.output
    assert [path for path, _ in index.requests].count("/simple/demo-plain/") == 1
    # What is installed was chosen by its digest all the same, and says nothing of where the proxy was.
    assert not list((tmp_path / "root").rglob("direct_url.json"))


@full_matrix
def test_what_is_installed_can_be_run_and_imported_where_it_will_be(
    base: Path, tools: Path, index: PackageIndex, tmp_path: Path
):
    root = tmp_path / "root"
    inputs = Inputs(root, ("demo-single",), ("demo-single",), indexes=(index.simple,))
    assert run(base, tools, inputs, tmp_path / "in").code == 0
    packages = root / "lib" / "python3.12" / "site-packages"

    # The server runs with the base's Python and PYTHONPATH; console scripts run with the layer's own.
    question = "import demo_single.provider as p, llama_stack; print(p.get_provider_spec().provider_type)"
    server = subprocess.run(
        [base, "-c", question], env={"PYTHONPATH": str(packages)}, capture_output=True, text=True, check=True
    )
    script = subprocess.run([root / "bin" / "demo-single"], capture_output=True, text=True, check=False)

    assert server.stdout.strip() == "remote::single"
    assert (root / "bin" / "demo-single").read_text().startswith(f"#!{root}/bin/python\n")
    # It is a class of the base's pydantic that the script calls and prints.
    assert "greeting='hello'" in script.stdout + script.stderr


def test_a_list_of_specs_and_packages_without_their_dependencies(
    base: Path, tools: Path, index: PackageIndex, tmp_path: Path
):
    root = tmp_path / "root"

    result = run(base, tools, Inputs(root, ("demo-list",), ("demo-list",), indexes=(index.simple,)), tmp_path / "in")

    assert result.code == 0, result.output
    assert versions(root) == {"demo-list": "1.0", "demo-plain": "2.0", "demo-loose": "1.0"}
    assert [item["type"] for item in record(root)["modules"][0]["providers"]] == ["remote::list", "inline::list"]


@full_matrix
def test_a_named_index_is_asked_through_the_proxy(
    base: Path, tools: Path, index: PackageIndex, files: list[Path], tmp_path: Path
):
    root = tmp_path / "root"
    others = write_index([file for file in files if file.name.startswith("demo_named")], tmp_path / "other")
    ordinary = write_index([file for file in files if not file.name.startswith("demo_named")], tmp_path / "ordinary")
    with PackageIndex(others).served() as named, PackageIndex(ordinary).served() as main:
        inputs = Inputs(root, ("demo-special",), ("demo-special",), indexes=(main.simple,))
        inputs.named = {"extra": named.simple}
        fresh = run(base, tools, inputs, tmp_path / "in")
        lock = record(root)["lock"]
        inputs.root, inputs.lock = tmp_path / "again", lock
        again = run(base, tools, inputs, tmp_path / "in")

    assert fresh.code == 0, fresh.output
    assert {entry["name"]: entry["index"] for entry in lock} == {"demo-named": "extra", "demo-special": 0}
    assert again.code == 0, again.output


def test_the_same_lock_gives_the_same_tree_byte_for_byte(
    base: Path, tools: Path, index: PackageIndex, files: list[Path], tmp_path: Path
):
    """The first build, a build from its lock, and one at a pod's start make the same files."""
    root = tmp_path / "root"
    direct = f"demo-named @ {index.url}/files/demo_named-1.0-py3-none-any.whl"
    requirements = ("demo-single", "demo-list", direct)
    inputs = Inputs(root, requirements, requirements[:2], indexes=(index.simple,))
    trees = []
    for options in ((), (), ("--wheels", str(tmp_path / "wheels"))):
        result = run(base, tools, inputs, tmp_path / "in", *options)
        assert result.code == 0, result.output
        trees.append(tree(root))
        inputs.lock = record(root)["lock"]
        wanted = {entry["file"] for entry in inputs.lock}
        (tmp_path / "wheels").mkdir(exist_ok=True)
        for file in files:
            if file.name in wanted:
                (tmp_path / "wheels" / file.name).write_bytes(file.read_bytes())

    first, second, third = trees
    assert {entry["name"]: entry["url"] for entry in inputs.lock}["demo-named"] == direct.split(" @ ")[1]
    assert len(first) > 30
    assert first == second
    assert first == third
    assert not [name for name in first if name.endswith((".pyc", "direct_url.json")) or "__pycache__" in name]
    texts = [value[1] for name, value in first.items() if isinstance(value[1], bytes) and name != "llamastack.json"]
    assert not [text for text in texts if b"127.0.0.1" in text]


@full_matrix
def test_a_lock_is_installed_though_newer_versions_exist(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    root = tmp_path / "root"
    inputs = Inputs(root, ("demo-plain==1.0",), indexes=(index.simple,))
    assert run(bare, tools, inputs, tmp_path / "in").code == 0

    inputs.requirements, inputs.lock = ("demo-plain",), record(root)["lock"]
    result = run(bare, tools, inputs, tmp_path / "in")

    assert result.code == 0, result.output
    assert versions(root) == {"demo-plain": "1.0"}
    assert "resolving" not in result.progress


def test_a_source_distribution_is_built_where_that_is_allowed(
    bare: Path, tools: Path, index: PackageIndex, tmp_path: Path
):
    root = tmp_path / "root"
    inputs = Inputs(root, ("demo-source",), indexes=(index.simple,), source_distributions=True)

    result = run(bare, tools, inputs, tmp_path / "in")
    inputs.lock = record(root)["lock"]
    again = run(bare, tools, inputs, tmp_path / "in")

    assert result.code == 0, result.output
    assert again.code == 0, again.output
    assert [entry["file"] for entry in inputs.lock] == ["demo_source-1.0.tar.gz"]


def test_an_index_without_digests_and_metadata_is_locked_all_the_same(
    bare: Path, tools: Path, files: list[Path], tmp_path: Path
):
    root = tmp_path / "root"
    folder = write_index(files, tmp_path / "bare", hashes=False, metadata=False)
    with PackageIndex(folder).served() as served:
        inputs = Inputs(root, ("demo-plain",), indexes=(served.simple,))
        result = run(bare, tools, inputs, tmp_path / "in")
        downloads = [path for path, _ in served.requests if path.endswith(".whl")]

    assert result.code == 0, result.output
    assert len(record(root)["lock"][0]["sha256"]) == 64
    # Resolving had to download the file; installing took it from pip's cache.
    assert len(downloads) == 1


@full_matrix
def test_a_layer_is_installed_on_the_layer_below_it(base: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    """Strategy Start: the stack layer from its lock first, then the modules with the stack layer's Python."""
    lower = Inputs(tmp_path / "stack", ("demo-plain==1.0",), indexes=(index.simple,), kind="stack")
    assert run(base, tools, lower, tmp_path / "in").code == 0
    lower.lock = record(lower.root)["lock"]
    upper = Inputs(tmp_path / "modules", ("demo-bad-need",), indexes=(index.simple,), earlier=(lower.layer(),))

    conflict = run(base, tools, upper, tmp_path / "in")
    upper.requirements = upper.modules = ("demo-single",)
    result = run(base, tools, upper, tmp_path / "in")

    assert conflict.failure["reason"] == "RequirementConflict"
    assert "demo-plain 1.0" in conflict.failure["message"]
    assert result.code == 0, result.output
    # What the layer below has is not installed again.
    assert versions(upper.root) == {"demo-single": "1.0"}
    assert {"name": "demo-plain", "version": "1.0"} in record(upper.root)["base"]


def test_a_base_that_is_told_to_leave_the_system_alone(tools: Path, index: PackageIndex, tmp_path: Path):
    """Distributions mark their Python as externally managed (PEP 668); the marker is in its standard library."""
    import sys
    import sysconfig

    base = tmp_path / "python"
    source = Path(sys.base_prefix)
    version = f"python{sysconfig.get_python_version()}"
    (base / "bin").mkdir(parents=True)
    (base / "lib" / version).mkdir(parents=True)
    (base / "bin" / "python3").write_bytes((source / "bin" / version).read_bytes())
    (base / "bin" / "python3").chmod(0o755)
    for path in (source / "lib").iterdir():
        if path.name != version:
            (base / "lib" / path.name).symlink_to(path)
    for path in (source / "lib" / version).iterdir():
        if path.name != "site-packages":
            (base / "lib" / version / path.name).symlink_to(path)
    (base / "lib" / version / "site-packages").mkdir()
    (base / "lib" / version / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=no\n")
    root = tmp_path / "root"

    result = run(
        base / "bin" / "python3", tools, Inputs(root, ("demo-plain",), indexes=(index.simple,)), tmp_path / "in"
    )

    assert result.code == 0, result.output
    assert versions(root) == {"demo-plain": "2.0"}
    assert record(root)["base"] == []


@pytest.mark.parametrize("old", ["3.11.7", "3.8.18"])
def test_a_base_with_an_old_python_is_told_so(old: str, tools: Path, tmp_path: Path):
    """Where there is such a Python on the machine; the message is made by code that any Python 3 reads."""
    python = Path.home() / ".pyenv" / "versions" / old / "bin" / "python3"
    if not python.exists():
        pytest.skip(f"there is no Python {old} here")

    result = install(python, tools, Inputs(tmp_path / "root").write(tmp_path / "in"))

    assert result.code == 1
    assert result.failure["reason"] == "UnsupportedBase"
    assert old in result.failure["message"]
