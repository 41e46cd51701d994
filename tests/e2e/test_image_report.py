"""What a pod reported of an unknown image makes the next edit certain, and changes nothing that runs.

No pod runs here: the test writes what the kubelet would, which is what a start check left.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from llamastack_contract.paths import CHECK
from llamastack_contract.start_report import ReportedProvider, StartReport
from llamastack_operator import catalog
from llamastack_resolver.releases import Release
from tests.e2e.operator import OperatorProcess, Stacks, eventually
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

DIGEST, OTHER = (f"sha256:{digit * 64}" for digit in "12")
TAG, PINNED = "registry.example/ours:1", f"registry.example/ours@{DIGEST}"
SPECS = catalog.load_release(Release("llama-stack", "0.7.3")).specs_digest
VLLM = {"provider_id": "vllm", "provider_type": "remote::vllm", "config": {"base_url": "http://vllm:8000/v1"}}
TYPO = {"provider_id": "typo", "provider_type": "remote::vlm"}


def stack(name: str, image: str, *more: dict[str, Any]) -> dict[str, Any]:
    run_config = {"version": 2, "distro_name": name, "providers": {"inference": [VLLM, *more]}}
    return minimal(name, runConfig=run_config, distribution={"image": image})


def report(stacks: Stacks, name: str, digest: str, release: str = "0.7.3") -> None:
    """Have the newest pod of a stack report a release, as its check and the kubelet would."""
    revision = template(stacks, name)["metadata"]["annotations"]["llamastack.dev/revision"]

    def newest() -> str:
        pods = stacks.kubectl.json("get", "pods", "-l", f"llamastack.dev/stack={name}")["items"]
        metadata = [pod["metadata"] for pod in pods]
        (found,) = [one for one in metadata if one["annotations"]["llamastack.dev/revision"] == revision]
        return str(found["name"])

    provider = ReportedProvider("inference", "vllm", "remote::vllm", "Ready")
    said = StartReport("Passed", release, "", (), (provider,), total=1, specs=SPECS)
    times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"}
    ended = {"exitCode": 0, "message": said.to_text(), "reason": "Completed", **times}
    image = {"image": "", "imageID": f"registry.example/ours@{digest}", "restartCount": 0, "ready": True}
    status = {"initContainerStatuses": [{"name": CHECK, "state": {"terminated": ended}, **image}]}
    patch = json.dumps({"status": status})
    stacks.kubectl("patch", "pod", eventually(newest), "--subresource", "status", "--type", "merge", "-p", patch)


def template(stacks: Stacks, name: str) -> Any:
    return eventually(lambda: stacks.kubectl.json("get", "deployment", name))["spec"]["template"]


def known(stacks: Stacks, name: str) -> dict[str, Any]:
    found: dict[str, Any] = stacks.kubectl.json("get", "llamastack", name)["status"]["imageReport"]
    return found


def test_is_certain_at_the_next_edit_rolls_nothing_and_lasts_past_a_restart(
    stacks: Stacks, operator: OperatorProcess
) -> None:
    stacks.kubectl.apply(stack("ours", PINNED, TYPO))
    stacks.condition("ours", "ProvidersResolved", "Unknown", "UnknownProviderType")
    before = template(stacks, "ours")
    report(stacks, "ours", DIGEST)
    found = eventually(lambda: known(stacks, "ours"))
    assert (found["image"], found["digest"], found["release"]) == (PINNED, DIGEST, "0.7.3")
    # It is read anew with that: the pods have started with this, so it is still a warning.
    eventually(lambda: "their check decides" in _hints(stacks, "ours"))
    assert template(stacks, "ours") == before

    operator.stop()
    at_rest = stacks.kubectl.json("get", "llamastack", "ours")
    operator.start()
    stacks.kubectl.apply(stack("witness", TAG))
    eventually(lambda: template(stacks, "witness"))
    assert stacks.kubectl.json("get", "llamastack", "ours")["metadata"] == at_rest["metadata"]

    stacks.kubectl.apply(stack("ours", PINNED, {**TYPO, "provider_id": "another"}))
    told = stacks.condition("ours", "ProvidersResolved", "False", "UnknownProviderType")
    assert "remote::vlm" in told["message"]
    assert "A pod of this image reported 0.7.3." in _hints(stacks, "ours")
    assert template(stacks, "ours") == before
    stacks.kubectl.apply(stack("ours", PINNED))
    stacks.condition("ours", "ConfigValid", "True", "Valid")
    eventually(lambda: template(stacks, "ours") != before)


def test_of_a_tag_is_known_until_the_tag_is_moved_and_stops_nothing(stacks: Stacks) -> None:
    stacks.kubectl.apply(stack("tagged", TAG))
    report(stacks, "tagged", DIGEST)
    eventually(lambda: known(stacks, "tagged")["digest"] == DIGEST)
    stacks.kubectl.apply(stack("tagged", TAG, TYPO))
    stacks.condition("tagged", "ProvidersResolved", "Unknown", "UnknownProviderType")
    assert "whose pod reported 0.7.3" in _hints(stacks, "tagged")
    report(stacks, "tagged", OTHER, "the newest")
    eventually(lambda: "imageReport" not in stacks.kubectl.json("get", "llamastack", "tagged")["status"])
    eventually(lambda: "the image's release is not known" in _hints(stacks, "tagged"))


def _hints(stacks: Stacks, name: str) -> str:
    findings = stacks.kubectl.json("get", "llamastack", name)["status"].get("findings", [])
    return " ".join(one.get("hint", "") for one in findings)
