"""Writes the pins anew: `python -m tests.pins`, which asks the package index for the newest versions that fit.

`python -m tests.pins RELEASE ...` writes those of some releases, so that a new one leaves the others as they are.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

from llamastack_operator import catalog
from tests.conformance.releases import ALL, release
from tests.conformance.servers import planned
from tests.pins import FOLDER, HELD_FOR_RAGAS, MODULES, RAGAS, RAGAS_PINS, RAGAS_RELEASE
from tests.support.environments import UV

_PYTHONS = ("3.12", "3.13", "3.14")


def _for_linux(line: str) -> str:
    """Return a line for the Pythons that run the tests: without a marker that they all meet, empty if none does."""
    requirement = Requirement(line)
    if requirement.marker is None:
        return line
    systems = [
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
        | {"python_version": python, "python_full_version": f"{python}.0"}
        for python in _PYTHONS
    ]
    met = [requirement.marker.evaluate(system) for system in systems]
    return (line.partition(";")[0].strip() if all(met) else line) if any(met) else ""


def _compiled(requirements: Iterable[str], constraints: Iterable[str]) -> set[str]:
    """Return all that requirements bring, by wheels alone, with exact versions."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, held = Path(folder, "wanted.txt"), Path(folder, "held.txt")
        wanted.write_text("\n".join(requirements))
        held.write_text("\n".join(constraints))
        command = [UV, "pip", "compile", "--quiet", "--universal", "--python-version", _PYTHONS[0], "--no-build"]
        command += ["--no-header", "--no-annotate", "--no-emit-index-url", "-c", str(held), str(wanted)]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return set(filter(None, map(_for_linux, output.splitlines())))


def _write(name: str, lines: set[str]) -> None:
    file = FOLDER / f"{name}.txt"
    if lines:
        file.write_text("".join(f"{line}\n" for line in sorted(lines)))
    else:
        file.unlink(missing_ok=True)
    print(f"{name}: {len(lines)} pins")


def main() -> int:
    """Write every file, or those of the releases that are named."""
    named = sys.argv[1:]
    for name in named or ALL:
        known_good = catalog.load_release(release(name)).constraints.splitlines()
        names = [line.partition("==")[0] for line in known_good]
        requirements = [*planned(name, "http://127.0.0.1:9/v1").requirements, *MODULES.get(name, ()), *names]
        _write(name, _compiled(requirements, known_good) - set(known_good))
    if named:
        return 0
    wanted = release(RAGAS_RELEASE)
    constraints = catalog.load_release(wanted).constraints.splitlines()
    held = [line for line in constraints if line.partition("==")[0] in HELD_FOR_RAGAS]
    _write(RAGAS_PINS, _compiled([f"{wanted.package}=={wanted.version}", *RAGAS], held))
    return 0


if __name__ == "__main__":
    sys.exit(main())
