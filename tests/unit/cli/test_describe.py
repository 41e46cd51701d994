"""`llamastack describe` and `llamastack status`, which ask a cluster through kubectl.

kubectl is a script that prints what the test has, and notes its arguments: that the real one gives such objects is
shown in tests/e2e/test_verdict.py.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llamastack_operator.cli import main
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.plan import findings_of
from llamastack_operator.planning.stack.status import status_of
from tests.support.conditions import NOW
from tests.support.world import deployment, judged, llamastack, pod, read_facts, snapshot

Capture = pytest.CaptureFixture[str]
Kubectl = Callable[..., Path]
STARTER = {
    "image": "docker.io/llamastack/distribution-starter:0.7.3",
    "release": {"package": "llama-stack", "version": "0.7.3"},
}


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    def answering(answer: Any = None, error: str = "") -> Path:
        """Have kubectl print this, or fail with these words; return the file that gets its arguments."""
        called = tmp_path / "called"
        script = tmp_path / "kubectl"
        (tmp_path / "answer").write_text(json.dumps(answer))
        end = f"echo {shlex.quote(error)} >&2; exit 1" if error else f"cat {tmp_path / 'answer'}"
        script.write_text(f'#!/bin/sh\necho "$@" > {called}\n{end}\n')
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return called

    return answering


def ready(name: str = "bot") -> dict[str, Any]:
    seen = snapshot(llamastack(), deployment(), pod(ready=True))
    body = llamastack()
    body["metadata"]["name"] = name
    return {**body, "status": status_of(seen, PassOutcome(asked=True, release="0.7.3"), NOW)}


def wrong(name: str = "bot", **entry: Any) -> dict[str, Any]:
    """Return a stack with a mistake, as the operator leaves it."""
    provider = {"provider_id": "typo", "provider_type": "remote::vlm", **entry}
    run_config = {"version": 2, "distro_name": "a", "providers": {"inference": [provider]}}
    body = llamastack(runConfig=run_config, distribution=STARTER)
    body["metadata"]["name"] = name
    seen = judged(read_facts(body))
    return {**body, "status": status_of(seen, PassOutcome(findings=findings_of(seen), applied=False), NOW)}


class TestDescribe:
    def test_says_what_is_wrong_where_and_what_to_do(self, kubectl: Kubectl, capsys: Capture) -> None:
        called = kubectl(wrong())
        assert main(["describe", "bot", "-n", "team-a", "--context", "mine"]) == 1
        out = capsys.readouterr().out
        assert "team-a/bot" in out
        assert "UnknownProviderType  spec.runConfig.providers.inference[0].provider_type" in out
        assert "-> did you mean remote::vllm?" in out
        assert "inference/typo  remote::vlm  Failed" in out
        assert "nothing will change without you" in out
        expected = "get llamastacks.llamastack.dev bot --namespace team-a -o json --context=mine"
        assert called.read_text().strip() == expected

    def test_says_what_serves(self, kubectl: Kubectl, capsys: Capture) -> None:
        kubectl(ready())
        assert main(["describe", "bot"]) == 0
        out = capsys.readouterr().out
        assert "serves     yes: 1 of 1 pods are available, 0.7.3" in out
        assert "newest     yes: Ready" in out

    @pytest.mark.parametrize(("state", "colour"), [("Ready", 32), ("NonCompliant", 31), ("Failed", 31)])
    def test_paints_what_pods_made_of_a_provider(
        self, kubectl: Kubectl, capsys: Capture, state: str, colour: int
    ) -> None:
        body = ready()
        body["status"]["providers"] = [{"api": "inference", "id": "a", "type": "remote::vllm", "state": state}]
        kubectl(body)
        main(["describe", "bot", "--color", "always"])
        assert f"\x1b[{colour}m{state}" in capsys.readouterr().out

    @pytest.mark.parametrize(("health", "colour"), [("OK", 32), ("Error", 31)])
    def test_shows_the_health_that_a_server_tells_of_a_provider(
        self, kubectl: Kubectl, capsys: Capture, health: str, colour: int
    ) -> None:
        body = ready()
        row = {"api": "inference", "id": "a", "type": "remote::vllm", "state": "Ready"}
        body["status"]["providers"] = [{**row, "health": health}, {**row, "id": "b"}]
        kubectl(body)
        main(["describe", "bot", "--color", "always"])
        told, untold = [line for line in capsys.readouterr().out.splitlines() if "remote::vllm" in line]
        assert f"health \x1b[{colour}m{health}" in told
        assert "health" not in untold

    def test_does_not_take_an_older_generation_for_the_newest(self, kubectl: Kubectl, capsys: Capture) -> None:
        body = ready()
        body["metadata"]["generation"] += 1
        kubectl(body)
        assert main(["describe", "bot"]) == 1
        assert "edited since" in capsys.readouterr().out

    def test_of_a_stack_that_nobody_looked_at_says_so(self, kubectl: Kubectl, capsys: Capture) -> None:
        kubectl({**llamastack(), "status": {}})
        assert main(["describe", "bot"]) == 1
        assert "no operator has looked at it yet" in capsys.readouterr().out

    def test_as_json_is_the_status(self, kubectl: Kubectl, capsys: Capture) -> None:
        kubectl(wrong())
        main(["describe", "bot", "-o", "json"])
        assert json.loads(capsys.readouterr().out) == wrong()["status"]

    def test_shows_nothing_that_moves_a_terminals_cursor(self, kubectl: Kubectl, capsys: Capture) -> None:
        kubectl(wrong(provider_id="\x1b[2J\r\x07evil"))
        main(["describe", "bot"])
        assert not set("\x1b\r\x07") & set(capsys.readouterr().out)

    def test_tells_why_kubectl_cannot(self, kubectl: Kubectl, capsys: Capture) -> None:
        kubectl(error='Error from server (NotFound): llamastacks.llamastack.dev "bot" not found')
        assert main(["describe", "bot"]) == 2
        assert '"bot" not found' in capsys.readouterr().err

    def test_without_kubectl_says_what_is_missing(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        assert main(["describe", "bot"]) == 2
        assert "kubectl is not in PATH" in capsys.readouterr().err


class TestStatus:
    def test_has_what_is_in_trouble_first(self, kubectl: Kubectl, capsys: Capture) -> None:
        waits = {**llamastack(), "status": {}}
        waits["metadata"]["name"] = "new"
        called = kubectl({"items": [ready("fine"), waits, wrong("broken")]})
        assert main(["status", "--all"]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[:2] for line in lines[1:4]] == [
            ["team-a/broken", "stalled"],
            ["team-a/new", "waiting"],
            ["team-a/fine", "serving"],
        ]
        assert lines[-1] == "1 of 3 stacks serve"
        assert "--all-namespaces" in called.read_text()

    def test_of_stacks_that_all_serve_is_a_success(self, kubectl: Kubectl, capsys: Capture) -> None:
        kubectl({"items": [ready()]})
        assert main(["status", "-o", "json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["stacks"]
        assert (row["stack"], row["state"], row["release"]) == ("team-a/bot", "serving", "0.7.3")

    def test_of_no_stack_says_so(self, kubectl: Kubectl, capsys: Capture) -> None:
        kubectl({"items": []})
        assert main(["status"]) == 0
        assert "there are no LlamaStacks" in capsys.readouterr().out
