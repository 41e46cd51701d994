"""The example with external modules, outside Kubernetes: a real server with both packages answers with them."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.processes import free_port
from tests.conformance.releases import ENVIRONMENT, ROOT, python_of
from tests.pins import CSOAI, FMS

EXAMPLES = ROOT / "examples"


def objects(example: str) -> dict[str, Any]:
    """Objects of an example by kind."""
    return {body["kind"]: body for body in yaml.safe_load_all((EXAMPLES / example).read_text())}


def call(url: str, body: Any = None) -> Any:
    """Ask, patiently while the server starts."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


@contextmanager
def program(log: Path, *argv: str, **variables: str) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            env={**ENVIRONMENT, "HOME": str(log.parent), **variables},
            cwd=log.parent,
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[str]:
    """URL of a server with the example's run config; only paths and ports differ."""
    parts = objects("external-provider.yaml")
    for name, text in parts["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text)
    run_config = json.dumps(parts["LlamaStack"]["spec"]["runConfig"])
    for place in ("/etc/evidence", "/var/lib/llama-stack"):
        run_config = run_config.replace(place, str(tmp_path))
    (tmp_path / "run.yaml").write_text(run_config)
    port, detector_port = free_port(), free_port()
    detector = objects("detector.yaml")["ConfigMap"]["data"]["server.py"]
    (tmp_path / "detector.py").write_text(detector.replace("8000", str(detector_port)))
    python = python_of("0.7.3", CSOAI, FMS)
    resolver = {"PYTHONPATH": str(ROOT / "operator"), "DETECTOR_URL": f"http://127.0.0.1:{detector_port}"}
    check = [str(python), "-m", "llamastack_resolver", "start-check", "--config", "run.yaml"]
    checked = subprocess.run(
        [*check, "--server-config", "server.yaml"],
        env={**ENVIRONMENT, "HOME": str(tmp_path), **resolver},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    serve = (str(python.with_name("llama")), "stack", "run", "server.yaml", "--port", str(port))
    with (
        program(tmp_path / "detector.log", str(python), "detector.py"),
        program(tmp_path / "server.log", *serve, DETECTOR_URL=resolver["DETECTOR_URL"]),
    ):
        yield f"http://127.0.0.1:{port}"


def test_both_external_modules_of_the_example_answer(stack: str) -> None:
    listed = call(f"{stack}/v1/providers")["data"]
    assert sorted(entry["provider_type"] for entry in listed) == ["remote::csoai", "remote::trustyai_fms"]

    message = {"role": "user", "content": "Write to jane@example.com"}
    shield = {"shield_id": "personal-data", "messages": [message]}
    assert call(f"{stack}/v1/safety/run-shield", shield)["violation"]["violation_level"] == "error"

    jobs = f"{stack}/v1alpha/eval/benchmarks/evidence/jobs"
    candidate = {"type": "model", "model": "none", "sampling_params": {}}
    job = call(jobs, {"benchmark_config": {"eval_candidate": candidate}})
    rows = call(f"{jobs}/{job['job_id']}/result")["generations"]
    assert [(row["verification"], row["state"]) for row in rows] == [
        ("VALID", "REPRODUCED"),
        ("VALID", "NOT_REPRODUCED"),
    ]
