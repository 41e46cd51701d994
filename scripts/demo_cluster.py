"""How the demo reaches a cluster: kubectl and helm as processes, as a user has them, and what a stack's status says."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.demo_questions import DemoError

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Cluster:
    """How kubectl and helm reach the cluster.

    Attributes:
        kubectl: the command and its connection options.
        helm: the command and its connection options.
        namespace: where the demo's stacks are.
        steps: titles of what was done, and the seconds that it took.
    """

    kubectl: list[str]
    helm: list[str]
    namespace: str
    steps: list[tuple[str, float]] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl and return what it printed."""
        return execute([*self.kubectl, *arguments], stdin)

    def within(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the demo's namespace and return what it printed."""
        return self.run("-n", self.namespace, *arguments, stdin=stdin)

    def status(self, stack: str) -> dict[str, Any]:
        """Return the status of a stack; empty where the operator has not written one about what is applied now."""
        found: dict[str, Any] = json.loads(self.within("get", f"llamastack/{stack}", "-o", "json"))
        status: dict[str, Any] = found.get("status") or {}
        return status if status.get("observedGeneration") == found["metadata"]["generation"] else {}

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Say what is done and time it."""
        print(f"==> {title}", flush=True)
        begin = time.monotonic()
        yield
        self.steps.append((title, time.monotonic() - begin))


def execute(command: list[str], stdin: str | None = None) -> str:
    """Run a command and return what it printed.

    Raises:
        DemoError: it failed; the message has its words.
    """
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    if result.returncode:
        raise DemoError(f"{Path(command[0]).name} {command[-1]}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def conditions(status: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the conditions of a status by type."""
    return {found["type"]: found for found in status.get("conditions", ())}
