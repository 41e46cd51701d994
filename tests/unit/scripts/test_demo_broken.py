"""What `make demo` breaks is broken as it says and in no other way, and what does not come is told and ends the demo.

Statuses come from a fake kubectl: what is tested is what the demo makes of a status, and when it gives up; the show
itself, on a real node, is in tests/e2e/test_demo_on_node.py.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llamastack_operator.cli import main
from scripts.demo_broken import lines_of, remove, told, wait_told
from scripts.demo_cluster import Cluster
from scripts.demo_copies import Broken, lacking, misspelt
from scripts.demo_manifests import manifests
from scripts.demo_questions import DemoError
from tests.support.documented import write

MAKERS = [misspelt, lacking]
MESSAGE = "0.7.3 has no provider remote::vlm for `inference`"


def example(repository: str | None = None) -> dict[str, Any]:
    return next(body for body in manifests(repository) if body["kind"] == "LlamaStack")


def condition(kind: str, status: str, reason: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": MESSAGE}


ROW = {"api": "inference", "id": "vllm", "type": "remote::vlm", "state": "Failed"}
TOLD = {
    "conditions": [
        condition("ProvidersResolved", "False", "UnknownProviderType"),
        condition("Ready", "False", "UnknownProviderType"),
    ],
    "findings": [
        {"severity": "info", "reason": "ResolvedInImage", "message": "it is looked at where it is installed"},
        {
            "severity": "error",
            "reason": "UnknownProviderType",
            "message": MESSAGE,
            "hint": "did you mean remote::vllm?",
        },
    ],
    "providers": [{"api": "eval", "id": "csoai", "type": "remote::csoai", "state": "Unknown"}, ROW],
}
NEW: dict[str, Any] = {"observedGeneration": None}
STARTING = {"conditions": [condition("Ready", "False", "Progressing")]}
SERVES = {"conditions": [condition("Ready", "True", "Available")]}
STALLED = {"conditions": [condition("Ready", "False", "BuildFailed"), condition("Stalled", "True", "BuildFailed")]}


class Scripted(Cluster):
    """A cluster whose kubectl gives one status after another, and keeps what it was asked."""

    def __init__(self, *statuses: dict[str, Any]) -> None:
        super().__init__(["kubectl"], [], "demo")
        self.statuses, self.asked = list(statuses), list[tuple[tuple[str, ...], str]]()

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        self.asked.append((arguments, stdin or ""))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return json.dumps({"metadata": {"generation": 2}, "status": {"observedGeneration": 2, **status}})


@pytest.mark.parametrize("repository", ["registry.example/demo", None])
@pytest.mark.parametrize("make", MAKERS)
def test_a_copy_has_another_name_and_leaves_the_stack_as_it_was(
    make: Callable[[dict[str, Any]], Broken], repository: str | None
) -> None:
    stack = example(repository)
    before = copy.deepcopy(stack)

    broken = make(stack)

    assert stack == before
    body = broken.objects[-1]
    assert body["metadata"] == {"name": broken.name}
    assert broken.name != stack["metadata"]["name"]
    assert body["spec"]["distribution"] == stack["spec"]["distribution"]
    assert body["spec"].get("build", stack["spec"].get("build")) == stack["spec"].get("build"), "no image of its own"


def test_nothing_but_the_type_is_wrong_with_the_misspelt_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = misspelt(example())

    assert main(["validate", "-o", "json", write(tmp_path / "shown.yaml", broken.objects)]) == 1

    (document,) = json.loads(capsys.readouterr().out)["documents"]
    errors = [(one["reason"], one["message"]) for one in document["findings"] if one["severity"] == "error"]
    assert errors == [(broken.reason, MESSAGE)]


def test_nothing_is_wrong_with_the_other_copy_as_far_as_reading_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", write(tmp_path / "shown.yaml", lacking(example()).objects)]) == 0, capsys.readouterr().out


def test_what_is_told_is_printed_once_it_comes() -> None:
    """What the operator says of an earlier generation is not what was applied."""
    older = {**SERVES, "observedGeneration": 1}
    cluster = Scripted(NEW, NEW, older, STARTING, TOLD)

    first, *lines = told(cluster, misspelt(example()))

    assert first.endswith("by the operator, before anything was built or started:")
    assert [line.strip() for line in lines] == [
        "Ready=False UnknownProviderType, ProvidersResolved=False UnknownProviderType",
        MESSAGE,
        "-> did you mean remote::vllm?",
        "provider vllm (remote::vlm): Failed",
    ]
    assert cluster.asked[0][0][:3] == ("-n", "demo", "apply")


@pytest.mark.parametrize(
    ("status", "words"),
    [(SERVES, "Available"), (STALLED, "BuildFailed")],
    ids=["it serves", "something else is wrong with it"],
)
def test_another_end_is_not_waited_out(status: dict[str, Any], words: str) -> None:
    with pytest.raises(DemoError) as told:
        wait_told(Scripted(STARTING, status), lacking(example()))

    first, second, *_, last = str(told.value).splitlines()
    assert first == "lacks-a-method is not told as MissingMethod. Its status says:"
    assert words in second
    assert last.strip() == "kubectl describe -n demo llamastack/lacks-a-method"


@pytest.mark.parametrize(("status", "words"), [(NEW, "nothing"), (STARTING, "Progressing")])
def test_what_does_not_come_in_time_is_told_with_what_there_is(status: dict[str, Any], words: str) -> None:
    broken = replace(misspelt(example()), patience=0.0)

    with pytest.raises(DemoError, match=rf"not told as UnknownProviderType within 0 s\. Its status says:\n.*{words}"):
        wait_told(Scripted(status), broken)


def test_a_status_without_what_was_expected_is_printed_all_the_same() -> None:
    assert lines_of({}, lacking(example())) == ["Ready=- -, ProtocolCompliant=- -"]


def test_both_copies_and_the_code_of_one_are_removed_and_nothing_else() -> None:
    cluster, stack = Scripted(NEW), example()

    remove(cluster, [misspelt(stack), lacking(stack)])

    ((arguments, text),) = cluster.asked
    assert {"delete", "--ignore-not-found", "--timeout=2m"} <= set(arguments)
    names = [line.strip() for line in text.splitlines() if line.startswith("  name:")]
    assert sorted(names) == ["name: lacks-a-method", "name: lacks-a-method", "name: misspelt"]
