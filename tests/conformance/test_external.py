"""Real external provider packages: those that work start, the others are told what is wrong with them.

Installed into environments of their own, so that the releases' environments stay as the catalog has them.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llamastack_operator import catalog
from tests.conformance.releases import ENVIRONMENT, ROOT, cache, release

CSOAI, FMS = "llama-stack-provider-csoai==0.1.0", "llama-stack-provider-trustyai-fms==0.4.0"
# Packages that cannot be used: their dependencies are left out, since nothing of them is ever run.
GARAK, KFT = "llama-stack-provider-trustyai-garak==0.5.1", "llama-stack-provider-kft==0.1.0"
FMS_CONFIG = """{
      shields: {a: {type: content, confidence_threshold: 0.5, message_types: [user], detectors: {}}},
      orchestrator_url: "http://127.0.0.1:9"}"""


def environment(name: str) -> Path:
    """Return the interpreter of an environment with the release and the packages."""
    folder = cache() / "venvs" / f"{name}-external"
    python = folder / "bin" / "python"
    if (folder / ".installed").exists():
        return python
    uv, wanted = str(ROOT / ".venv" / "bin" / "uv"), release(name)
    constraints = folder.with_suffix(".constraints.txt")
    folder.parent.mkdir(parents=True, exist_ok=True)
    constraints.write_text(catalog.load(wanted).constraints)
    subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
    install = [uv, "pip", "install", "-q", "--python", str(python)]
    working = [CSOAI, FMS] if name == "0.7.3" else [FMS]
    own = f"{wanted.package}=={wanted.version}"
    subprocess.run([*install, "-c", str(constraints), own, *working], check=True)
    subprocess.run([*install, "--no-deps", GARAK, KFT], check=True)
    (folder / ".installed").touch()
    return python


def start_check(name: str, home: Path, providers: str) -> dict:
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
    config.write_text(f"version: 2\nimage_name: x\nproviders:\n{providers}{storage if name > '0.3' else ''}")
    command = [str(environment(name)), "-W", "ignore", "-m", "llamastack_resolver", "start-check"]
    extra = ["--server-config", str(home / "server.yaml")]
    variables = {**ENVIRONMENT, "HOME": str(home), "PYTHONPATH": str(ROOT / "operator")}
    done = subprocess.run(
        [*command, "--config", str(config), *extra],
        env=variables,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-2000:]
    return json.loads(done.stdout)


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
    report = start_check("0.7.3", tmp_path, providers)

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

    ((found, message),) = errors(start_check("0.7.3", tmp_path, providers))

    assert found == reason
    assert words in message


def test_a_package_for_newer_releases_is_told_apart_from_a_broken_one(tmp_path: Path):
    providers = f"""
  safety:
  - {{provider_id: f, provider_type: "remote::trustyai_fms", module: llama_stack_provider_trustyai_fms,
      config: {FMS_CONFIG}}}
"""
    report = start_check("0.2.17", tmp_path, providers)

    assert errors(report) == [("SpecMissing", "the spec of remote::trustyai_fms names no module")]
