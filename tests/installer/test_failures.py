"""Each way in which an installation fails ends in its own reason, with the real pip and a real index."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.certificates import Authority
from tests.installer.workbench import Inputs, Result, index_proxy, install
from tests.matrix import full_matrix
from tests.packages.index import PackageIndex, write_index

USER = ("somebody", "a-secret-word")


def run(
    base: Path,
    tools: Path,
    inputs: Inputs,
    folder: Path,
    credentials: Path | None = None,
    certificate: Path | None = None,
) -> Result:
    build = inputs.write(folder)
    with index_proxy(build, credentials, certificate) as url:
        return install(base, tools, build, "--index", url)


def expect(result: Result, reason: str, *words: str, retry: bool = False) -> dict[str, Any]:
    assert result.code == 1, result.output
    failure = result.failure
    assert (failure["reason"], failure["step"], failure["retry"]) == (reason, "install", retry), result.output
    text = f"{failure['message']} | {failure['hint']} | {' '.join(failure['tail'])}"
    for word in words:
        assert word in text, (word, text)
    return failure


@pytest.mark.parametrize(
    ("requirements", "reason", "words"),
    [
        (("demo-absent==1.0",), "ModuleNotFound", ["demo-absent==1.0", "there is no demo-absent"]),
        (("demo-plain==2.1",), "ModuleNotFound", ["demo-plain==2.1 does not exist", "the index has 2.0"]),
        (("demo-bad-need",), "ModuleNotFound", ["demo-plain==7.0", "required by demo-bad-need", "2.0"]),
        (("demo-platform",), "ModuleNotFound", ["no wheel of demo-platform", "win_arm64"]),
        (("demo-future",), "RequirementConflict", ["demo-future", "Requires-Python >=3.99"]),
        (("demo-plain==1.0", "demo-plain==2.0"), "RequirementConflict", ["demo-plain==1.0", "demo-plain==2.0"]),
        (("demo plain",), "RequirementInvalid", ["demo plain", "PEP 508"]),
        (("demo-source",), "SourceDistributionRefused", ["demo_source-1.0.tar.gz", "allowSourceDistributions"]),
        (("demo-stdlib",), "RequirementConflict", ["typing would hide Python's own", "demo_stdlib 1.0"]),
    ],
)
def test_requirements_that_cannot_be_met(
    requirements: tuple[str, ...],
    reason: str,
    words: list[str],
    bare: Path,
    tools: Path,
    index: PackageIndex,
    tmp_path: Path,
):
    inputs = Inputs(tmp_path / "root", requirements, indexes=(index.simple,))

    failure = expect(run(bare, tools, inputs, tmp_path / "in"), reason, *words)

    assert failure["concerns"] == [re.split("[ =]", requirements[0])[0]]


@pytest.mark.parametrize(
    ("requirement", "reason", "words"),
    [
        (
            "demo-conflict",
            "RequirementConflict",
            ["demo-conflict 1.0 requires llama-stack<0.2", "the base image has llama_stack 0.7.3"],
        ),
        ("llama-stack==0.2.23", "RequirementConflict", ["llama-stack==0.2.23", "the base image has llama_stack 0.7.3"]),
        ("demo-shadow", "RequirementConflict", ["llama_stack would hide the base's", "demo_shadow 1.0"]),
        ("demo-without", "SpecMissing", ["demo_without.provider has no get_provider_spec()"]),
        ("demo-nomodule", "SpecMissing", ["has no `provider` module"]),
        ("demo-broken", "ModuleImportFailed", ["a_module_that_is_nowhere", "spec.build.pip.requirements"]),
        ("demo-ends", "ModuleImportFailed", ["demo-ends", "exit status 7"]),
        ("demo-container", "SpecMismatch", ["docker.io/x/y", "cannot have a container image"]),
        ("demo-options", "RequirementInvalid", ["demo-plain", "--target", "ask the provider's author"]),
    ],
)
def test_modules_that_cannot_be_used_on_their_base(
    requirement: str,
    reason: str,
    words: list[str],
    base: Path,
    tools: Path,
    index: PackageIndex,
    tmp_path: Path,
):
    modules = () if "shadow" in requirement else (requirement,)
    inputs = Inputs(tmp_path / "root", (requirement,), modules, indexes=(index.simple,))

    result = run(base, tools, inputs, tmp_path / "in")

    failure = expect(result, reason, *words)
    assert failure["concerns"] == [requirement.split("=")[0]]
    # What a module prints cannot pass for progress.
    assert "forged" not in " ".join(result.progress)


def test_of_several_modules_the_one_that_ends_the_process_is_named(
    base: Path, tools: Path, index: PackageIndex, tmp_path: Path
):
    names = ("demo-list", "demo-ends", "demo-single")
    inputs = Inputs(tmp_path / "root", names, names, indexes=(index.simple,))

    failure = expect(run(base, tools, inputs, tmp_path / "in"), "ModuleImportFailed", "importing demo-ends ended")

    assert failure["concerns"] == ["demo-ends"]


def test_a_failure_of_no_module_is_of_the_build_alone(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    index.statuses["/simple/demo-plain"] = 503
    inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,))

    failure = expect(run(bare, tools, inputs, tmp_path / "in"), "IndexUnreachable", index.url, retry=True)

    assert "concerns" not in failure


def test_a_failing_build_from_source_shows_its_last_lines(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    inputs = Inputs(tmp_path / "root", ("demo-source-fails",), indexes=(index.simple,), source_distributions=True)

    failure = expect(run(bare, tools, inputs, tmp_path / "in"), "SourceBuildFailed", "demo-source-fails")

    assert "error: no compiler was found" in failure["tail"]


def test_a_source_distribution_by_its_address_is_refused_too(
    bare: Path, tools: Path, index: PackageIndex, tmp_path: Path
):
    direct = f"demo-source @ {index.url}/files/demo_source-1.0.tar.gz"
    inputs = Inputs(tmp_path / "root", (direct,), indexes=(index.simple,))

    expect(run(bare, tools, inputs, tmp_path / "in"), "SourceDistributionRefused", "demo_source-1.0.tar.gz")


def test_a_file_that_is_not_the_locked_one(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    entry = {"name": "demo-plain", "version": "1.0", "file": "demo_plain-1.0-py3-none-any.whl", "sha256": "0" * 64}
    inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,), lock=[{**entry, "index": 0}])

    result = run(bare, tools, inputs, tmp_path / "in")

    expect(result, "HashMismatch", "demo-plain==1.0")


def test_a_file_that_is_not_the_one_that_the_index_promised(
    bare: Path, tools: Path, index: PackageIndex, files: list[Path], tmp_path: Path
):
    other = next(file for file in files if file.name.startswith("demo_single-1.0"))
    (index.folder / "files" / "demo_plain-1.0-py3-none-any.whl").write_bytes(other.read_bytes())
    inputs = Inputs(tmp_path / "root", ("demo-plain==1.0",), indexes=(index.simple,))

    result = run(bare, tools, inputs, tmp_path / "in")

    failure = expect(result, "HashMismatch", "demo_plain-1.0-py3-none-any.whl is another file than its digest says")
    assert "127.0.0.1" not in failure["message"]


def test_a_locked_file_that_is_gone(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    entry = {"name": "demo-plain", "version": "5.0", "file": "demo_plain-5.0-py3-none-any.whl", "sha256": "0" * 64}
    inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,), lock=[{**entry, "index": 0}])

    expect(run(bare, tools, inputs, tmp_path / "in"), "LockLost", "demo-plain==5.0", "fresh build")


def test_credentials_that_are_wrong_or_missing_and_right(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    index.user = USER
    secret = tmp_path / "secret"
    secret.mkdir()
    inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,))
    expect(run(bare, tools, inputs, tmp_path / "in"), "IndexUnauthorized", index.simple, "secretRef")

    (secret / "username").write_text("somebody\n")
    (secret / "password").write_text("another-word\n")
    wrong = run(bare, tools, inputs, tmp_path / "in", secret)
    (secret / "password").write_text(f"{USER[1]}\n")
    right = run(bare, tools, inputs, tmp_path / "in", secret)

    expect(wrong, "IndexUnauthorized", "(401)")
    assert "another-word" not in wrong.output
    assert right.code == 0, right.output


@full_matrix
def test_an_index_with_a_certificate_of_its_own_authority(bare: Path, tools: Path, files: list[Path], tmp_path: Path):
    authority = Authority(tmp_path / "ca")
    certificate = authority.issue("index", names=["127.0.0.1"])
    folder = write_index(files, tmp_path / "index")
    with PackageIndex(folder).served(certificate) as index:
        inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,))
        refused = run(bare, tools, inputs, tmp_path / "in")
        trusted = run(bare, tools, inputs, tmp_path / "in", None, authority.certificate.crt)

    expect(refused, "IndexCertificate", index.url, "caBundleRef")
    assert trusted.code == 0, trusted.output


@pytest.mark.parametrize(
    ("status", "reason", "retry"), [(503, "IndexUnreachable", True), (403, "IndexUnauthorized", False)]
)
def test_an_index_that_is_out_of_order(
    status: int, reason: str, retry: bool, bare: Path, tools: Path, index: PackageIndex, tmp_path: Path
):
    index.statuses["/simple/demo-plain"] = status
    inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,))

    expect(run(bare, tools, inputs, tmp_path / "in"), reason, index.url, retry=retry)


def test_files_that_are_out_of_order(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    index.statuses["/files/demo_plain-2.0-py3-none-any.whl"] = 500
    inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,))

    expect(run(bare, tools, inputs, tmp_path / "in"), "IndexUnreachable", "demo_plain-2.0", retry=True)


def test_an_index_that_is_not_there(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=("http://127.0.0.1:9/simple",))

    expect(run(bare, tools, inputs, tmp_path / "in"), "IndexUnreachable", "http://127.0.0.1:9/", retry=True)


def test_an_index_that_fails_is_not_passed_over_for_another(
    bare: Path, tools: Path, index: PackageIndex, files: list[Path], tmp_path: Path
):
    """pip would take the package from the index that answers: perhaps one that somebody else filled."""
    other = write_index(files, tmp_path / "other")
    index.statuses["/simple/demo-plain"] = 503
    with PackageIndex(other).served() as public:
        inputs = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple, public.simple))
        expect(run(bare, tools, inputs, tmp_path / "in"), "IndexUnreachable", index.url, retry=True)
        index.statuses.clear()
        index.user = USER
        expect(run(bare, tools, inputs, tmp_path / "in"), "IndexUnauthorized", index.url)


@full_matrix
def test_a_module_that_never_comes_back_from_its_import(base: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    inputs = Inputs(tmp_path / "root", ("demo-hangs",), ("demo-hangs",), indexes=(index.simple,))
    build = inputs.write(tmp_path / "in")
    with index_proxy(build) as url:
        result = install(base, tools, build, "--index", url, "--spec-timeout", "8")

    expect(result, "ModuleImportFailed", "demo-hangs", "did not come to an end in 8 s")


def test_a_call_of_pip_that_takes_too_long(bare: Path, tools: Path, index: PackageIndex, tmp_path: Path):
    build = Inputs(tmp_path / "root", ("demo-plain",), indexes=(index.simple,)).write(tmp_path / "in")
    with index_proxy(build) as url:
        result = install(bare, tools, build, "--index", url, "--timeout", "0.1")

    expect(result, "TimedOut", "0 s")


@pytest.mark.parametrize("text", ["--pre", "demo-plain --pre", "demo-plain\n--pre"])
def test_a_requirement_that_pip_would_take_for_an_option(text: str, bare: Path, tools: Path, tmp_path: Path):
    build = Inputs(tmp_path / "root", (text,)).write(tmp_path / "in")

    expect(install(bare, tools, build), "RequirementInvalid", "without options of pip")


def test_inputs_that_are_none(bare: Path, tools: Path, tmp_path: Path):
    build = tmp_path / "build.json"
    build.write_text('{"format": 2}')

    expect(install(bare, tools, build), "BuildFailed", "format 2")
