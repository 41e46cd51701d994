"""What the demo asks a stack, through `kubectl port-forward`, as a client of its Service."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

MESSAGE = "Write to jane@example.com"
BENCHMARK = "evidence"


class DemoError(Exception):
    """A step failed; the message says what to look at."""


@contextmanager
def forwarded(kubectl: Sequence[str], namespace: str, service: str) -> Iterator[str]:
    """Reach a Service through `kubectl port-forward`; yield its address on this machine."""
    command = [*kubectl, "port-forward", "-n", namespace, f"service/{service}", ":http"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        port = re.search(r"127\.0\.0\.1:(\d+)", line)
        if port is None:
            raise DemoError(f"kubectl port-forward: {line.strip()}")
        yield f"http://127.0.0.1:{port[1]}"
    finally:
        process.terminate()
        process.wait()


def call(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send a request and return the JSON answer.

    Raises:
        DemoError: there is none.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - http, as given
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise DemoError(f"{url}: {error}: {error.read(2000).decode(errors='replace')}") from error
    except (OSError, ValueError) as error:
        raise DemoError(f"{url}: {error}") from error


def ask(base: str) -> list[str]:
    """Ask both external providers something that only they can answer; return what to print.

    Raises:
        DemoError: one of them is missing, or answers something else.
    """
    listed = {entry["provider_type"] for entry in call(f"{base}/v1/providers")["data"]}
    missing = {"remote::trustyai_fms", "remote::csoai"} - listed
    if missing:
        raise DemoError(f"/v1/providers does not list {', '.join(sorted(missing))}")
    return [
        f"asked the safety provider about {MESSAGE!r}:",
        f"    {shield(base)}",
        f"asked the eval provider about its signed evidence (benchmark {BENCHMARK!r}):",
        *(f"    {line}" for line in evidence(base)),
    ]


def shield(base: str) -> str:
    """Return what the shield says of the message."""
    body = {"shield_id": "personal-data", "messages": [{"role": "user", "content": MESSAGE}]}
    violation = call(f"{base}/v1/safety/run-shield", body).get("violation") or {}
    if violation.get("violation_level") != "error":
        raise DemoError(f"the shield found no e-mail address in {MESSAGE!r}: {violation}")
    return str(violation["user_message"])


def evidence(base: str) -> list[str]:
    """Run the benchmark and return a line for each of its results."""
    jobs = f"{base}/v1alpha/eval/benchmarks/{BENCHMARK}/jobs"
    # The API asks for a candidate model; this provider checks evidence and calls none.
    candidate = {"type": "model", "model": "none", "sampling_params": {}}
    job = call(jobs, {"benchmark_config": {"eval_candidate": candidate}})["job_id"]
    rows = call(f"{jobs}/{job}/result")["generations"]
    if not rows or any(row["verification"] != "VALID" for row in rows):
        raise DemoError(f"the signature of the evidence does not hold: {rows}")
    return [f"{row['subject']}: {row['state']} (signature {row['verification']})" for row in rows]
