"""How long `llamastack validate` takes, against the floor of a Python process that imports yaml and pydantic.

Runs of both are interleaved, so that a busy machine slows both; what counts is their ratio, and the CPU time, which
other work changes least. The processes read compiled bytecode, as an installed package has it. Prints medians of wall
and CPU time (user and system), their ratios, and the peak memory of one run: one file, and two hundred files.

    .venv/bin/python -m benchmarks.validate [--runs 15]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from llamastack_operator import catalog

FLOOR = [sys.executable, "-c", "import yaml, pydantic"]
VALIDATE = [sys.executable, "-m", "llamastack_operator.cli", "validate"]


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds of wall and CPU time, and its peak resident memory in MiB."""

    wall: float
    cpu: float
    memory: float


def cost(command: list[str]) -> Cost:
    """Run a command and return what it took."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(costs: list[Cost]) -> Cost:
    """Return the medians of the times, and the largest memory."""
    return Cost(
        statistics.median(one.wall for one in costs),
        statistics.median(one.cpu for one in costs),
        max(one.memory for one in costs),
    )


def paired(command: list[str], runs: int) -> tuple[Cost, Cost]:
    """Return the medians of the command and of the floor, run in turns; the first run of each is not counted."""
    pairs = [(cost(command), cost(FLOOR)) for _ in range(runs + 1)][1:]
    return median([own for own, _ in pairs]), median([floor for _, floor in pairs])


def write_configs(folder: Path, count: int) -> list[str]:
    """Write bundled configs of different releases, over and over."""
    texts = [
        catalog.load_release(release).distributions["starter"]
        for release in catalog.releases()
        if "starter" in catalog.load_release(release).distribution_names
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
    print(
        f"{'':>9}  {'wall s':>6} {'floor':>6} {'ratio':>6}   {'CPU s':>6} {'floor':>6} {'ratio':>6}   {'peak MiB':>8}"
    )
    with tempfile.TemporaryDirectory() as folder:
        files = write_configs(Path(folder), 200)
        for label, given, times in (("1 file", files[-1:], runs), ("200 files", files, max(runs // 3, 3))):
            own, floor = paired([*VALIDATE, *given], times)
            wall = f"{own.wall:6.3f} {floor.wall:6.3f} {own.wall / floor.wall:6.2f}"
            cpu = f"{own.cpu:6.3f} {floor.cpu:6.3f} {own.cpu / floor.cpu:6.2f}"
            print(f"{label:>9}  {wall}   {cpu}   {own.memory:8.0f}")


if __name__ == "__main__":
    main()
