"""What the report of a preflight proves of pods that will have the user's volume, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.planning.stack.proof import proved
from llamastack_operator.planning.vocabulary import RESOLVERS_REASONS
from tests.support.start_checks import found, report

SCRATCH = ("/var/lib/llama-stack", "/data")


def spec(**server: Any) -> LlamaStackSpec:
    return LlamaStackSpec.model_validate({"distribution": {"image": "a"}, "server": server})


def certain(*findings: ReportedFinding, **server: Any) -> list[str]:
    """Return the reasons of the errors that are proved."""
    said = proved(report(*findings, state="Failed"), spec(**server), SCRATCH)
    return [] if said is None else [one.reason for one in said.findings if one.severity == "error"]


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("MissingMethod", "Mine.rerank is missing (Inference)"),
        ("MissingMethod", "Mine.open_connection at /data is missing"),
        ("SignatureMismatch", "Mine.rerank takes other arguments"),
        ("ModuleNotFound", "No module named 'mine'"),
        ("ModuleImportFailed", "importing remote::mine failed: ModuleNotFoundError: No module named 'not_installed'"),
        ("ModuleImportFailed", "importing remote::mine failed: SyntaxError: invalid syntax (mine.py:3)"),
        ("InvalidProviderConfig", "token: Field required"),
        ("InvalidProviderConfig", "connection_string: Field required"),
        ("SpecMissing", "mine has no get_adapter_impl()"),
        ("UnknownProviderType", "llama-stack 0.7.3 has no remote::vlm"),
        ("MissingEnv", "${env.TOKEN} is not set"),
        ("DependencyCycle", "providers depend on each other: a -> b -> a"),
    ],
)
def test_what_is_about_config_or_code_is_proved(reason: str, message: str) -> None:
    assert certain(found("error", reason, message)) == [reason]


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("InstantiationFailed", "starting remote::vllm failed: ConnectionError: refused"),
        ("InstantiationFailed", "get_adapter_impl() has to be async: it returns Mine"),
        ("DependencyFailed", "not started: it needs files, which is not there"),
        ("ServerCannotStart", "storage cannot be initialized: OperationalError: unable to open database file"),
        ("MissingReference", "there is no backend `sql`"),
        ("ModuleImportFailed", "importing remote::mine failed: FileNotFoundError: [Errno 2] No such file: 'w.bin'"),
        ("ModuleImportFailed", "importing inline::big failed: ImportError: libcuda.so.1: cannot open shared object"),
        ("ModuleImportFailed", "importing remote::mine failed: RuntimeError: /data/index is empty"),
        ("InvalidProviderConfig", "path: Path does not point to a file"),
        ("InvalidProviderConfig", "db: ConnectionRefusedError: no server"),
        ("NotAWordOfOurs", "something new"),
    ],
)
def test_what_may_come_of_scratch_storage_is_not(reason: str, message: str) -> None:
    assert certain(found("error", reason, message)) == []


IMPORT = found("error", "ModuleImportFailed", "importing remote::mine failed: No module named 'mine'")
UNKNOWN = found("error", "UnknownProviderType", "there is no remote::mine")
METHOD = found("error", "MissingMethod", "Mine.rerank is missing")


class TestCode:
    @pytest.mark.parametrize("path", ["/data/code", "/code:/var/lib/llama-stack/site", "/data"])
    def test_that_may_lie_on_a_claim_is_not_known_to_lack(self, path: str) -> None:
        env = [{"name": "PYTHONPATH", "value": path}]
        assert certain(IMPORT, METHOD, env=env) == ["MissingMethod"]

    def test_whose_place_is_not_known_here_is_not_either(self) -> None:
        source = {"configMapKeyRef": {"name": "settings", "key": "path"}}
        assert certain(IMPORT, env=[{"name": "PYTHONPATH", "valueFrom": source}]) == []

    def test_where_a_claim_hides_the_images_packages_is_not_either(self) -> None:
        said = proved(report(IMPORT), spec(), ("/usr/lib/python3.12/site-packages",))
        assert said is None

    def test_in_another_place_is(self) -> None:
        assert certain(IMPORT, env=[{"name": "PYTHONPATH", "value": "/code:/database"}]) == ["ModuleImportFailed"]

    def test_and_specs_are_not_known_where_their_directory_was_not_there(self) -> None:
        absent = found("warning", "SpecMissing", "/data/providers.d is not there", path="external_providers_dir")
        assert certain(UNKNOWN, IMPORT, METHOD, absent) == ["MissingMethod"]


def test_a_provider_that_failed_for_nothing_that_is_proved_is_not_known_to_fail() -> None:
    refused = found("error", "InstantiationFailed", "ConnectionError: refused", provider="b")
    rows = (ReportedProvider("inference", "a", "remote::mine", "Failed"),)
    rows += (ReportedProvider("inference", "b", "remote::vllm", "Failed"),)
    rows += (ReportedProvider("inference", "c", "remote::vllm", "NonCompliant"),)
    said = proved(StartReport.of("Failed", "0.7.3", (IMPORT, refused), rows), spec(), SCRATCH)
    assert said is not None
    assert [one.state for one in said.providers] == ["Failed", "Unproven", "NonCompliant"]
    assert (said.errors, said.failed) == (1, 2)


def test_whatever_may_pass_by_itself_proves_nothing() -> None:
    """A kubelet would have its pod try again: nobody can say that it will not start."""
    passing = [word for word, reason in RESOLVERS_REASONS.items() if reason.declaration.passing]
    assert passing
    assert [word for word in passing if certain(found("error", word))] == []
