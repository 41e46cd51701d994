"""What `make demo` shows of a pod's start check, in a real install: the class of its provider lacks run_shield."""

from __future__ import annotations

from pathlib import Path

import yaml

from scripts.demo_copies import lacking
from scripts.demo_manifests import manifests
from tests.conformance.checks import run_start_check
from tests.conformance.releases import python_of
from tests.conformance.test_start_check import STORAGE


def test_the_check_tells_which_method_the_demos_provider_lacks(tmp_path: Path) -> None:
    """Without the example's modules, which are no part of the release's environment."""
    broken = lacking(next(body for body in manifests(None) if body["kind"] == "LlamaStack"))
    code, stack = broken.objects
    guard = stack["spec"]["runConfig"]["providers"]["safety"][-1]
    files = tmp_path / "providers.d" / "remote" / "safety"
    files.mkdir(parents=True)
    (files / "guard.yaml").write_text(code["data"]["guard.yaml"])
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "guard.py").write_text(code["data"]["guard.py"])
    raw = {"version": 2, "image_name": "demo", "external_providers_dir": str(tmp_path / "providers.d")}
    raw |= {
        "apis": ["safety"],
        "providers": {"safety": [guard]},
        **yaml.safe_load(STORAGE.replace("HOME", str(tmp_path))),
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(raw))

    status, report = run_start_check(python_of("0.7.3"), tmp_path, folders=(tmp_path / "code",))

    errors = [one for one in report["findings"] if one["severity"] == "error"]
    assert status == 1
    assert [one["reason"] for one in errors] == [broken.reason]
    assert "run_shield" in errors[0]["message"]
    assert [row["state"] for row in report["providers"]] == ["NonCompliant"]
