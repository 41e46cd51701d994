"""Real external provider packages: those that work start, the others are told what is wrong with them.

Installed into environments of their own, so that the releases' environments stay as the catalog has them; or
into a folder that is laid over a release's environment, where a package needs nothing that the release lacks.
"""

from pathlib import Path

import pytest

from tests.conformance.checks import run_start_check
from tests.conformance.releases import RELEASES, python_of, release
from tests.matrix import EVERYTHING, full_matrix
from tests.pins import CSOAI, FMS, OLD_FMS, RAGAS, RAGAS_PINS, RAGAS_RELEASE, pins
from tests.support.environments import environment, overlay

# Packages that cannot be used: their dependencies are left out, since nothing of them is ever run.
GARAK, KFT = "llama-stack-provider-trustyai-garak==0.5.1", "llama-stack-provider-kft==0.1.0"
# It asks for torch, trl and peft (gigabytes), for llama-stack==0.2.14, and imports neither of them.
RAMALAMA = ("ramalama-stack==0.2.5", "ramalama==0.10.1", "argcomplete==3.7.2")
FMS_CONFIG = """{
      shields: {a: {type: content, confidence_threshold: 0.5, message_types: [user], detectors: {}}},
      orchestrator_url: "http://127.0.0.1:9"}"""
FMS_PROVIDERS = f"""
  safety:
  - {{provider_id: f, provider_type: "remote::trustyai_fms", module: llama_stack_provider_trustyai_fms,
      config: {FMS_CONFIG}}}
"""
RAMALAMA_PROVIDERS = """
  inference:
  - {provider_id: r, provider_type: "remote::ramalama", module: "ramalama-stack>=0.2.5",
      config: {url: "http://127.0.0.1:9"}}
"""
RAGAS_PROVIDERS = """
  inference:
  - {provider_id: vllm, provider_type: "remote::vllm", config: {base_url: "http://127.0.0.1:9/v1"}}
  files:
  - {provider_id: fs, provider_type: "inline::localfs",
      config: {storage_dir: files, metadata_store: {backend: sql_default, table_name: files}}}
  datasetio:
  - {provider_id: d, provider_type: "inline::localfs",
      config: {kvstore: {backend: kv_default, namespace: datasets}}}
  eval:
  - {provider_id: ragas, provider_type: "inline::trustyai_ragas", module: llama_stack_provider_ragas==0.7.0,
      config: {embedding_model: m}}
"""


def start_check(name: str, home: Path, providers: str, python: Path, *folders: Path) -> dict:
    config = home / "run.yaml"
    storage = f"""
storage:
  backends:
    kv_default: {{type: kv_sqlite, db_path: {home}/kv.db}}
    sql_default: {{type: sql_sqlite, db_path: {home}/sql.db}}
  stores:
    metadata: {{backend: kv_default, namespace: registry}}
    inference: {{backend: sql_default, table_name: inference}}
    conversations: {{backend: sql_default, table_name: conversations}}
"""
    config.write_text(
        f"version: 2\nimage_name: x\nproviders:\n{providers}{storage if release(name) >= release('0.3.0') else ''}"
    )
    options = ("--server-config", str(home / "server.yaml"))
    return run_start_check(python, home, *options, folders=folders)[1]


def errors(report: dict) -> list[tuple[str, str]]:
    return [(f["reason"], f["message"]) for f in report["findings"] if f["severity"] == "error"]


def test_working_packages_start_whatever_their_requirement_looks_like(tmp_path: Path):
    (tmp_path / "did.json").write_text("{}")
    providers = f"""
  eval:
  - {{provider_id: c, provider_type: "remote::csoai", module: "llama-stack-provider-csoai>=0.1,<1",
      config: {{did_json: {tmp_path}/did.json}}}}
  safety:
  - {{provider_id: f, provider_type: "remote::trustyai_fms", module: llama_stack_provider_trustyai_fms==0.4.0,
      config: {FMS_CONFIG}}}
"""
    report = start_check("0.7.3", tmp_path, providers, python_of("0.7.3", CSOAI, FMS))

    assert errors(report) == []
    states = [(p["id"], p["state"], p["moduleVersion"]) for p in report["providers"]]
    assert states == [("c", "Ready", "0.1.0"), ("f", "Ready", "0.4.0")]
    assert "module: llama_stack_provider_csoai\n" in (tmp_path / "server.yaml").read_text()


@pytest.mark.parametrize(
    ("module", "provider_type", "reason", "words"),
    [
        (
            "llama_stack_provider_trustyai_garak==0.5.1",
            "remote::trustyai_garak",
            "SpecMissing",
            "no `provider` module",
        ),
        ("llama_stack_provider_kft", "remote::kft", "ModuleImportFailed", "llama_stack.providers.datatypes"),
        ("llama-stack-provider-absent", "remote::absent", "ModuleNotFound", "not installed"),
    ],
)
def test_broken_packages_are_told_what_is_wrong(
    module: str, provider_type: str, reason: str, words: str, tmp_path: Path
):
    providers = f'  eval:\n  - {{provider_id: x, provider_type: "{provider_type}", module: "{module}"}}\n'

    broken = overlay("broken", GARAK, KFT)
    ((found, message),) = errors(start_check("0.7.3", tmp_path, providers, python_of("0.7.3"), broken))

    assert found == reason
    assert words in message


def fms_state(name: str) -> str:
    """What becomes of 0.4.0, which is made for the request objects of 0.5."""
    if release(name) < release("0.2.23"):
        return "SpecMissing: the spec of remote::trustyai_fms names no module"
    if release("0.4.0") <= release(name) < release("0.5.0"):
        return "ModuleImportFailed: No module named 'llama_stack.apis'"
    if release(name) >= release("ogx-0.8.0"):
        return "ModuleImportFailed: No module named 'llama_stack'"
    if release(name) < release("0.4.0"):
        return "SignatureMismatch: it takes request (Safety)"
    return "Ready"


@pytest.mark.parametrize("name", [name for name in RELEASES if release(name) < release("ogx-1.0.0")])
def test_fms_starts_on_its_releases_and_is_told_apart_on_the_others(name: str, tmp_path: Path):
    report = start_check(name, tmp_path, FMS_PROVIDERS, python_of(name), overlay("fms", FMS))

    state = fms_state(name)
    if state == "Ready":
        assert (errors(report), [p["state"] for p in report["providers"]]) == ([], ["Ready"])
    else:
        reason, _, words = state.partition(": ")
        assert {(found, words in message) for found, message in errors(report)} == {(reason, True)}
        hints = [f["hint"] for f in report["findings"] if f["severity"] == "error"]
        assert all("of Llama Stack" in hint or "made for the release" in hint for hint in hints)
        assert {p["state"] for p in report["providers"]} <= {"Failed"}


@full_matrix
@pytest.mark.parametrize("name", [name for name in RELEASES if release("0.2.23") <= release(name) < release("0.5.0")])
def test_an_earlier_fms_starts_on_the_releases_that_it_was_made_for(name: str, tmp_path: Path):
    report = start_check(name, tmp_path, FMS_PROVIDERS, python_of(name), overlay("fms-032", OLD_FMS))

    assert (errors(report), [p["state"] for p in report["providers"]]) == ([], ["Ready"])


RAMALAMA_RELEASES = ("0.2.16", "0.2.17", "0.2.23") if EVERYTHING else ("0.2.16",)


@pytest.mark.parametrize("name", RAMALAMA_RELEASES)
def test_ramalama_starts_up_to_0_2_22(name: str, tmp_path: Path):
    """The package without the dependencies that it asks for and does not import: torch, trl and peft are
    gigabytes, and its pin of llama-stack is older than every release here. It runs as it is, its factory
    included."""
    report = start_check(name, tmp_path, RAMALAMA_PROVIDERS, python_of(name), overlay("ramalama", *RAMALAMA))

    if release(name) < release("0.2.23"):
        assert errors(report) == []
        states = [(p["id"], p["state"], p["moduleVersion"]) for p in report["providers"]]
        assert states == [("r", "Ready", "0.2.5")]
        missing = {f["message"].split()[0] for f in report["findings"] if f["reason"] == "NotImplemented"}
        assert missing == {
            "RamalamaInferenceAdapter.list_models",
            "RamalamaInferenceAdapter.should_refresh_models",
        }
    else:
        ((reason, message),) = errors(report)
        assert reason == "ModuleImportFailed"
        assert "cannot import name 'AdapterSpec'" in message


if EVERYTHING:  # half a gigabyte

    def ragas() -> Path:
        own = f"llama-stack=={RAGAS_RELEASE}"
        return environment("ragas", (own, *RAGAS), pins(RAGAS_PINS))

    def test_ragas_starts_on_0_6_with_an_older_langchain(tmp_path: Path):
        report = start_check(RAGAS_RELEASE, tmp_path, RAGAS_PROVIDERS, ragas())

        assert errors(report) == []
        assert {p["id"]: p["state"] for p in report["providers"]}["ragas"] == "Ready"
        (cycle,) = [f["message"] for f in report["findings"] if f["reason"] == "DependencyCycle"]
        assert cycle.startswith("eval (ragas) depends on the API that it provides")

    def test_ragas_with_a_newer_langchain_is_told_what_is_missing(tmp_path: Path):
        """Upstream says "get_provider_spec not found"."""
        newer = overlay("langchain", "langchain-community==0.4.2")

        report = start_check(RAGAS_RELEASE, tmp_path, RAGAS_PROVIDERS, ragas(), newer)

        ((reason, message),) = errors(report)
        assert reason == "ModuleImportFailed"
        assert "No module named 'langchain_community.chat_models.vertexai'" in message
        assert "ragas 0.4.3 asks for it" in message and "langchain-community 0.4.2 has it not" in message
        assert [p["state"] for p in report["providers"]] == ["Ready", "Ready", "Ready"]
