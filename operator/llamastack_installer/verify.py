"""Verifies what was installed: nothing of the base is hidden or replaced, and what is new goes together.

A layer's packages come before the base's when Python imports, and before Python's own too. A package that
brings a folder `llama_stack` of its own would change the release without anybody seeing it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from llamastack_contract.names import canonical
from llamastack_installer.facts import Facts, installed
from llamastack_installer.failure import FailureError

# Folders that careless packages leave at the top; nobody imports them from the base.
_HARMLESS = frozenset({"test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks"})
_SHARED = re.compile(rb"extend_path|declare_namespace")
_PROBLEM = re.compile(
    r"^(?P<who>\S+) \S+ (?:requires|has requirement) (?P<what>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
)
_HEAD = 4096


def verify_base(base: Facts, packages: Path) -> None:
    """See that nothing of the base is hidden.

    Args:
        base: the base.
        packages: the layer's folder of packages.

    Raises:
        FailureError: something is, naming each.
    """
    theirs = {item.key: item for item in base.distributions}
    ours = installed([str(packages)])
    hidden = [
        f"{item.name} {item.version} would replace the base's {item.name} {theirs[item.key].version}"
        for item in ours
        if item.key in theirs
    ]
    new = top_level(packages) - _HARMLESS
    hidden += [f"the package {name} would hide the base's" for name in sorted(new & _names(base.sites))]
    hidden += [f"the module {name} would hide Python's own" for name in sorted(new & sys.stdlib_module_names)]
    if hidden:
        found = owners(packages, hidden)
        brought = f" (brought by {', '.join(f'{name} {version}' for name, version in found)})" if found else ""
        about = [item.name for item in ours if item.key in theirs] + [name for name, _ in found]
        hint = "leave that package out, or use a version of it without those files"
        raise FailureError("RequirementConflict", "; ".join(hidden) + brought, hint, tail=hidden, concerns=about)


def verify_requirements(problems: Iterable[str], packages: Path, loose: Iterable[str]) -> None:
    """See that the new packages have what they require, and are what the base's packages require.

    What is wrong within the base alone was so before, and its users live with it.

    Args:
        problems: lines of `pip check`.
        packages: the layer's folder of packages.
        loose: names of packages that were asked for without what they require.

    Raises:
        FailureError: a requirement is not met.
    """
    new = {item.key for item in installed([str(packages)])}
    exempt = {canonical(name) for name in loose}
    found, about = [], list[str]()
    for line in sorted(problems):
        match = _PROBLEM.match(line)
        who, what = (canonical(match["who"]), canonical(match["what"])) if match else ("", "")
        if who in new - exempt or (what in new and who not in exempt):
            found.append(line.rstrip("."))
            about += [who, what]
    if found:
        hint = "use versions that go together; spec.build.pip.constraints can name them"
        raise FailureError("RequirementConflict", "; ".join(found[:3]), hint, tail=found, concerns=about)


def top_level(packages: Path) -> set[str]:
    """Return the import names at the top of a folder that are not shared between folders."""
    names = set()
    for path in packages.iterdir() if packages.is_dir() else ():
        name = path.name.split(".")[0]
        if not name.isidentifier():
            continue
        if path.is_dir():
            start = path / "__init__.py"
            if start.is_file() and not _SHARED.search(_head(start)):
                names.add(name)
        elif path.suffix in (".py", ".so"):
            names.add(name)
    return names


def owners(packages: Path, hidden: Iterable[str]) -> list[tuple[str, str]]:
    """Return name and version of the distributions whose files hide something."""
    names = {match[1] for text in hidden if (match := re.search(r"the (?:package|module) (\w+) would", text))}
    found = set()
    for record in packages.glob("*.dist-info/RECORD"):
        starts = tuple(f"{name}{end}" for name in names for end in ("/", ".py,", "."))
        if starts and any(line.startswith(starts) for line in record.read_text("utf-8").splitlines()):
            name, _, version = record.parent.name.removesuffix(".dist-info").partition("-")
            found.add((name, version))
    return sorted(found)


def _names(sites: Iterable[Path]) -> set[str]:
    return {name for site in sites for name in top_level(site)}


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_HEAD)
