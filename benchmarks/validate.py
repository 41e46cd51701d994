"""How long `llamastack validate` takes, against the floor of a Python process that imports yaml and pydantic.

Runs of both are interleaved, so that a busy machine slows both; what counts is their ratio. Prints medians,
the ratio and the peak memory: one file, and two hundred files.

    .venv/bin/python benchmarks/validate.py [--runs 15]
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from llamastack_operator import catalog

FLOOR = [sys.executable, "-c", "import yaml, pydantic"]
VALIDATE = [sys.executable, "-m", "llamastack_operator.cli", "validate"]


def seconds(command: list[str]) -> float:
    """Return how long a process takes."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


def paired(command: list[str], runs: int) -> tuple[float, float]:
    """Return the medians of the command and of the floor, run in turns."""
    pairs = [(seconds(command), seconds(FLOOR)) for _ in range(runs)]
    return statistics.median(own for own, _ in pairs), statistics.median(floor for _, floor in pairs)


def write_configs(folder: Path, count: int) -> list[str]:
    """Write bundled configs of different releases, over and over."""
    texts = [
        catalog.load(release).distributions["starter"]
        for release in catalog.releases()
        if "starter" in catalog.load(release).distribution_names
    ]
    names = []
    for index in range(count):
        path = folder / f"{index:03}.yaml"
        path.write_text(texts[index % len(texts)], "utf-8")
        names.append(str(path))
    return names


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        files = write_configs(Path(folder), 200)
        for label, given, times in (("1 file", files[-1:], runs), ("200 files", files, max(runs // 3, 3))):
            own, floor = paired([*VALIDATE, *given], times)
            print(f"{label:>9}: {own:.3f} s, floor {floor:.3f} s, ratio {own / floor:.2f}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the largest run: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
