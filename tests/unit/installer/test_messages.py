"""What pip printed becomes a reason; `pip_output` holds what the locked pip really printed."""

from pathlib import Path

import pytest

from llamastack_contract.record import Distribution
from llamastack_installer.facts import Facts
from llamastack_installer.messages import failure_of, missing_project, nearest_versions
from llamastack_installer.projects import Project

OUTPUT = Path(__file__).with_name("pip_output")
BASE = Facts(Path("python3"), Path("python3"), "3.12", (), (Distribution("llama_stack", "0.7.3"),))
PROJECTS = {
    "platform": Project("demo-platform", True, ("demo_platform-1.0-cp39-cp39-win_arm64.whl",)),
    "sources-only": Project("demo-source", True, ("demo_source-1.0.tar.gz", "demo-source-0.9.zip")),
}


def lines(name: str) -> list[str]:
    return (OUTPUT / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("absent", "ModuleNotFound", "demo-absent==1.0 was not found: there is no demo-absent on the index"),
        ("version", "ModuleNotFound", "demo-plain==2.1 does not exist; the index has 2.0"),
        (
            "required-version",
            "ModuleNotFound",
            "demo-plain==7.0 (required by demo-bad-need) does not exist; the index has 1.0, 2.0",
        ),
        (
            "platform",
            "ModuleNotFound",
            "no wheel of demo-platform is for this Python (3.12) and platform:"
            " demo_platform-1.0-cp39-cp39-win_arm64.whl",
        ),
        (
            "python",
            "RequirementConflict",
            "no version of demo-future is for Python 3.12: 1.0 Requires-Python >=3.99",
        ),
        (
            "local-python",
            "RequirementConflict",
            "demo-future requires Python >=3.99, and the base has 3.12.1",
        ),
        ("two-versions", "RequirementConflict", "demo-plain==1.0 is asked for; demo-plain==2.0 is asked for"),
        (
            "base-conflict",
            "RequirementConflict",
            "demo-conflict 1.0 requires llama-stack<0.2; the base image has llama_stack 0.7.3 (the release that it is"
            " made of)",
        ),
        (
            "invalid",
            "RequirementInvalid",
            "pip does not take the requirement 'demo plain': Expected semicolon (after name with no version specifier)"
            " or end",
        ),
        (
            "sources-only",
            "SourceDistributionRefused",
            "of demo-source there are only source distributions (demo_source-1.0.tar.gz, demo-source-0.9.zip), and"
            " only wheels are installed",
        ),
        ("build-fails", "SourceBuildFailed", "building demo-source-fails from source failed"),
        ("hashes", "HashMismatch", "demo-plain==1.0 is another file than its digest says"),
    ],
)
def test_each_of_pips_messages_has_its_reason(name: str, reason: str, message: str):
    failure = failure_of(lines(name), BASE, PROJECTS.get(name))

    assert (failure.reason, failure.message) == (reason, message)
    assert failure.hint
    assert not failure.retry


@pytest.mark.parametrize(
    ("name", "concerns"),
    [
        ("absent", ["demo-absent"]),
        ("required-version", ["demo-bad-need"]),
        ("two-versions", ["demo-plain", "demo-plain"]),
        ("base-conflict", ["demo-conflict"]),
        ("invalid", ["demo"]),
        ("sources-only", ["demo-source"]),
        ("build-fails", ["demo-source-fails"]),
        ("hashes", ["demo-plain"]),
    ],
)
def test_a_failure_is_about_the_packages_that_pip_names(name: str, concerns: list[str]):
    assert list(failure_of(lines(name), BASE, PROJECTS.get(name)).concerns) == concerns


def test_a_failure_is_about_what_asks_for_a_package_in_the_end():
    printed = [
        "Collecting c (from b->a==1.0)",
        "ERROR: Could not find a version that satisfies the requirement d==9 (from c->b->a) (from versions: none)",
        "ERROR: No matching distribution found for d==9 (from c->b->a)",
    ]
    assert failure_of(printed, BASE).concerns == ("a",)
    assert failure_of([*printed[:1], "  Failed to build c"], BASE).concerns == ("a",)


def test_a_full_disk_is_no_failed_build():
    output = [*lines("build-fails"), "OSError: [Errno 28] No space left on device"]

    failure = failure_of(output, BASE)

    assert failure.reason == "DiskFull"
    assert "spec.build.workspace.sizeLimit" in failure.hint


def test_what_is_not_known_shows_pips_last_error():
    failure = failure_of(["Collecting x", "ERROR: something new happened"], BASE)

    assert (failure.reason, failure.message) == ("BuildFailed", "pip failed: something new happened")


def test_a_missing_version_of_what_the_base_has_is_a_conflict_with_the_base():
    output = ["ERROR: No matching distribution found for llama-stack==9.9 (from demo)"]

    failure = failure_of(output, BASE)

    assert failure.reason == "RequirementConflict"
    assert failure.message == "llama-stack==9.9 (required by demo) is wanted, and the base image has llama_stack 0.7.3"


def test_the_project_to_ask_the_index_about():
    assert missing_project(lines("required-version")) == "demo-plain"
    assert missing_project(lines("base-conflict")) is None


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [("0.4.1", ["0.4.0", "0.4.2", "2.0"]), (None, ["0.4.0", "0.4.2", "2.0"]), ("x", ["0.4.0", "0.4.2", "2.0"])],
)
def test_the_nearest_versions_and_the_newest_are_named(wanted: str | None, nearest: list[str]):
    assert nearest_versions(wanted, ["0.1", "0.4.0", "0.4.2", "2.0"], limit=3) == nearest
