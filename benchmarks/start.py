"""What the start check adds to the start of a stack: `python -m benchmarks.start [--runs 3]`. It needs a node (root).

One server of 0.7.3 with two providers, in an image with bytecode and in one without, is applied again and again, each
time with another `startup.check`: `Skip` is the floor, the same server in the same image without a check. From the
creation of the LlamaStack to `Ready`, as the stack's own condition is first seen. Images are on the node before.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.buildah import build_image
from tests.cluster.images import STARTER_IMAGE
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.e2e.installation import REPOSITORY, install_operator

BARE_IMAGE = "registry.local/starter-without-bytecode:1"
_BARE = f"""FROM {STARTER_IMAGE}
USER root
RUN find / -xdev -name __pycache__ -type d -prune -exec rm -rf {{}} +
USER 1001
"""
CHECKS = ("Skip", "Import", "Instantiate")
PATIENCE = 120.0
"""Seconds after which a start counts as lost."""


def without_bytecode() -> None:
    """Build an image of the same files but for all compiled modules, Python's own included."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(_BARE)
        build_image(BARE_IMAGE, Path(folder))


def stack(name: str, image: str, check: str) -> dict[str, Any]:
    """Return the stack of the quickstart with another image and check."""
    body: dict[str, Any] = yaml.safe_load((REPOSITORY / "examples" / "quickstart.yaml").read_text())
    body["metadata"]["name"] = name
    body["spec"]["distribution"]["image"] = image
    return {**body, "spec": {**body["spec"], "startup": {"check": check}}}


def start(kubectl: Kubectl, body: dict[str, Any]) -> float:
    """Apply a stack, wait until it is ready, delete it; return the seconds from the one to the other."""
    name = body["metadata"]["name"]
    kubectl.apply(body)
    begin = time.monotonic()
    kubectl("wait", "--for=condition=Ready", f"llamastack/{name}", f"--timeout={PATIENCE:.0f}s", timeout=PATIENCE + 10)
    elapsed = time.monotonic() - begin
    kubectl("delete", "llamastack", name)
    kubectl("wait", "--for=delete", "pod", "-l", f"llamastack.dev/stack={name}", "--timeout=120s")
    return elapsed


def measure(kubectl: Kubectl, runs: int) -> None:
    """Start each kind of stack, one after the other, in turns; print medians and what a check adds."""
    images = {"with bytecode": STARTER_IMAGE, "without": BARE_IMAGE}
    for title, image in images.items():
        start(kubectl, stack("warm", image, "Skip"))
        found: dict[str, list[float]] = {check: [] for check in CHECKS}
        for run in range(runs):
            for check in CHECKS:
                found[check].append(start(kubectl, stack(f"run-{run}-{check.lower()}", image, check)))
        floor = statistics.median(found["Skip"])
        for check, times in found.items():
            middle = statistics.median(times)
            listed = " ".join(f"{one:.1f}" for one in times)
            added = f"{middle - floor:+.1f} s, ratio {middle / floor:.2f}"
            print(f"{title:14} {check:12} {middle:5.1f} s  {added}  [{listed}]")


def main() -> None:
    """Measure on a node of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    without_bytecode()
    with Node.create("bench-start") as node:
        install_operator(node)
        node.push(BARE_IMAGE)
        node.kubectl("create", "namespace", "bench")
        kubectl = node.kubectl.within("bench")
        kubectl("apply", "-f", str(REPOSITORY / "examples" / "model-server.yaml"))
        measure(kubectl, options.runs)


if __name__ == "__main__":
    main()
