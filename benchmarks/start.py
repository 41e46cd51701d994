"""What the start check adds to the start of a stack: `python -m benchmarks.start [--runs 3]`. It needs a node (root).

A server of each `--release`, with as many providers as each of `--providers` says, in an image with bytecode and in one
without, is applied again and again, each time with another `startup.check`: `Skip` is the floor, the same server in the
same image without a check. From the creation of the LlamaStack to `Ready`, as the stack's own condition is first seen.

Images are on the node before. `warm`, their files are in the page cache, as after an earlier start; `cold`, they are
read from the disk, as after a pull that is some time ago. All of it takes most of an hour; options choose a part of it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.start_stacks import CHECKS, PROVIDERS, RELEASES, STATES, Setting, State, stack
from tests.cluster.buildah import build_image
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.cluster.releases import release_image
from tests.e2e.installation import REPOSITORY, install_operator

PATIENCE = 120.0
"""Seconds after which a start counts as lost."""
_BARE = """FROM {base}
USER root
RUN find / -xdev -name __pycache__ -type d -prune -exec rm -rf {{}} +
USER 1001
"""


def without_bytecode(release: str) -> str:
    """Build an image of the same files but for all compiled modules, Python's own included, and return its name."""
    image = f"registry.local/starter-without-bytecode:{release}"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(_BARE.format(base=release_image(release)))
        build_image(image, Path(folder))
    return image


def forget(node: Node) -> None:
    """Have the kernel forget what it holds of the files of all images; what runs keeps the pages that it uses."""
    for folder, _, names in os.walk(node.folder / "containerd"):
        for name in names:
            with suppress(OSError):  # a socket, or what has gone meanwhile
                file = os.open(Path(folder, name), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
                try:
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(file)


def start(node: Node, kubectl: Kubectl, body: dict[str, Any], state: State) -> float:
    """Apply a stack, wait until it is ready, delete it; return the seconds from the one to the other."""
    name = body["metadata"]["name"]
    if state == "cold":
        forget(node)
    kubectl.apply(body)
    begin = time.monotonic()
    kubectl("wait", "--for=condition=Ready", f"llamastack/{name}", f"--timeout={PATIENCE:.0f}s", timeout=PATIENCE + 10)
    elapsed = time.monotonic() - begin
    kubectl("delete", "llamastack", name)
    kubectl("wait", "--for=delete", "pod", "-l", f"llamastack.dev/stack={name}", "--timeout=120s")
    return elapsed


def measure(node: Node, kubectl: Kubectl, setting: Setting, runs: int) -> dict[str, list[float]]:
    """Start each kind of stack, one after the other, in turns; return the seconds of each check."""
    start(node, kubectl, stack("warm", setting, "Skip"), "warm")
    found: dict[str, list[float]] = {check: [] for check in CHECKS}
    for run, check in product(range(runs), CHECKS):
        body = stack(f"run-{run}-{check.lower()}", setting, check)
        found[check].append(start(node, kubectl, body, setting.state))
    return found


def show(title: str, found: dict[str, list[float]]) -> None:
    """Print medians, and what a check adds."""
    floor = statistics.median(found["Skip"])
    for check, times in found.items():
        middle = statistics.median(times)
        listed = " ".join(f"{one:.1f}" for one in times)
        added = f"{middle - floor:+.1f} s, ratio {middle / floor:.2f}"
        print(f"{title}  {check:12} {middle:5.1f} s  {added}  [{listed}]", flush=True)


def options() -> argparse.Namespace:
    """Read what is to be measured."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--runs", type=int, default=3, help="starts of each kind (%(default)s)")
    made.add_argument("--release", nargs="+", default=RELEASES, help="releases, such as 0.7.3 or ogx-1.5.0")
    made.add_argument("--providers", nargs="+", type=int, choices=PROVIDERS, default=PROVIDERS, help="how many")
    made.add_argument("--state", nargs="+", choices=STATES, default=STATES, help="of the page cache")
    made.add_argument("--bytecode", nargs="+", choices=("with", "without"), default=("with", "without"), help="images")
    return made.parse_args()


def images_of(release: str, kinds: Sequence[str]) -> dict[str, str]:
    """Build the images of a release, and return each by whether it has bytecode."""
    makers = {"with": release_image, "without": without_bytecode}
    return {kind: makers[kind](release) for kind in kinds}


def main() -> None:
    """Measure on a node of its own."""
    chosen = options()
    images = {release: images_of(release, chosen.bytecode) for release in chosen.release}
    with Node.create("bench-start") as node:
        install_operator(node)
        node.kubectl("create", "namespace", "bench")
        kubectl = node.kubectl.within("bench")
        kubectl("apply", "-f", str(REPOSITORY / "examples" / "model-server.yaml"))
        for image in (image for made in images.values() for image in made.values()):
            node.push(image)
        for release, made in images.items():
            for (kind, image), count, state in product(made.items(), chosen.providers, chosen.state):
                title = f"{release:9} {count} providers  {kind + ' bytecode':16} {state}"
                show(title, measure(node, kubectl, Setting(release, image, count, state), chosen.runs))


if __name__ == "__main__":
    main()
