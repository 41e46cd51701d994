"""How long packing a layer takes, against `tar` piped into `gzip` over the same files.

Runs of all are interleaved, so that a busy machine slows all; what counts is their ratio. Packs a tree of its own
making in the size of two provider modules (7,000 files, 68 MB) or any that is named. Prints medians per level.

    .venv/bin/python -m benchmarks.layer [--tree FOLDER] [--levels 4,5,6] [--runs 5]
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import statistics
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from llamastack_operator.images.layer import compress
from llamastack_operator.images.layer.pack import pack

ROOT = "/opt/llamastack/modules"


def make_tree(folder: Path) -> Path:
    """Copy files of this environment's own packages until the tree has the wanted size."""
    packages = Path(sysconfig.get_path("purelib"))
    found = [path for path in sorted(packages.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    small = itertools.cycle(path for path in found if path.stat().st_size <= 16_000)
    large = itertools.cycle(path for path in found if 16_000 < path.stat().st_size <= 2_000_000)
    size = 0
    number = 0
    while number < 6500 or size < 68_000_000:
        source = next(small if number < 6500 else large)
        target = folder / str(number // 500) / f"{number}-{source.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        size += source.stat().st_size
        number += 1
    return folder


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path)
    parser.add_argument("--levels", default="4,5,6")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    levels = [int(level) for level in given.levels.split(",")]
    with tempfile.TemporaryDirectory() as name:
        tree = given.tree or make_tree(Path(name) / "tree")
        archive = Path(name) / "tar.gz"
        times: dict[int, list[float]] = {level: [] for level in levels}
        sizes: dict[int, int] = {}
        floor: list[float] = []
        for _ in range(given.runs):
            command = f"tar -C {tree} --exclude=__pycache__ -cf - . | gzip -6 > {archive}"
            floor.append(seconds(lambda command=command: subprocess.run(command, shell=True, check=True)))  # type: ignore[misc]  # noqa: S602
            for level in levels:
                compress.LEVEL = level
                times[level].append(seconds(lambda: pack(tree, ROOT, Path(name))))
                sizes[level] = (Path(name) / "layer.tar.gz").stat().st_size
        base = statistics.median(floor)
        files = [path.stat().st_size for path in tree.rglob("*") if path.is_file()]
        print(f"{len(files)} files, {sum(files) / 1e6:.0f} MB")
        print(f"tar | gzip -6: {base:.2f} s, {archive.stat().st_size / 1e6:.1f} MB")
        for level in levels:
            middle = statistics.median(times[level])
            print(f"level {level}: {middle:.2f} s ({middle / base:.2f} of the floor), {sizes[level] / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
