"""What a running operator tells of itself."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.controlplane import ControlPlane
from tests.e2e.fixtures import grant_rights
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def test_stacks_passes_and_requests_are_told_and_it_is_ready(
    stacks: Stacks, served: ControlPlane, tmp_path: Path
) -> None:
    stacks.kubectl.apply(minimal("fine"))
    wrong = {"inference": [{"provider_id": "vllm", "provider_type": "remote::vlm"}]}
    stacks.kubectl.apply(minimal("wrong", runConfig={"version": 2, "providers": wrong}))
    for name in ("fine", "wrong"):
        stacks.settled(name)
    namespace = stacks.kubectl.json("get", "llamastack", "fine")["metadata"]["namespace"]
    metrics, ready = free_port(), free_port()
    arguments = ("--namespace", namespace, "--metrics-port", str(metrics), "--ready-port", str(ready))
    with OperatorProcess(grant_rights(served), tmp_path, *arguments):
        assert eventually(lambda: get(ready, "/readyz")) == "ok\n"

        def told() -> dict[tuple[str, ...], float]:
            families = text_string_to_metric_families(get(metrics, "/metrics"))
            samples = [sample for family in families for sample in family.samples]
            found = {(one.name, *(one.labels[name] for name in sorted(one.labels))): one.value for one in samples}
            assert found["llamastack_stacks_known",] == 2
            assert found["llamastack_passes_total", "stack", "true"] >= 2
            return found

        found = eventually(told)
        assert found["llamastack_stacks", "ProvidersResolved", "UnknownProviderType", "False"] == 1
        assert found["llamastack_findings", "UnknownProviderType", "error"] == 1
        assert found["llamastack_informer_lists_total", "deployments"] == 1
        assert found["llamastack_api_requests_total", "200", "deployments", "GET"] >= 2, "a list and a watch"
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", metrics), timeout=2)
