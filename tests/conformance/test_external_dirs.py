"""External directories that are there, are not, or may not be read: the start check says what the release does.

Root passes by the permissions of files; the processes that look at these give that up first.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llamastack_resolver.releases import start_command
from tests.conformance.differences import NOTHING, Difference, untold
from tests.conformance.releases import RELEASES, ROOT, release, run
from tests.conformance.servers import run_config
from tests.conformance.test_external_apis import laid_out, specs_module
from tests.matrix import EVERYTHING

PROGRAM = Path(__file__).with_name("directories.py")


def removed(path: Path) -> None:
    for part in sorted(path.rglob("*"), reverse=True):
        part.unlink() if part.is_file() else part.rmdir()
    path.rmdir()


STATES: dict[str, Callable[[Path], object]] = {
    "there": lambda path: None,
    "with an unreadable file": lambda path: next(path.rglob("*.yaml")).chmod(0),
    "absent": removed,
    "in an unreadable folder": lambda path: path.parent.chmod(0),
    "absent where nothing can be made": lambda path: (removed(path), path.parent.chmod(0o555)),
    "unreadable": lambda path: path.chmod(0),
    "that nobody may enter": lambda path: path.chmod(0o444),
    "a file": lambda path: (removed(path), path.write_text("")),
    "a link to nothing": lambda path: (removed(path), path.symlink_to("nowhere")),
}
CASES = [(kind, state, use) for kind in ("providers", "apis") for state in STATES for use in ("used", "unused")]


def folders(name: str, home: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is the matter with a directory, and a folder with the run config that names it.

    On each change every second case, others with each of the releases."""
    for number, (kind, state, use) in enumerate(CASES):
        if not EVERYTHING and (number // 2 + number + RELEASES.index(name)) % 2:
            continue
        folder = home / str(number)
        config = laid_out(name, folder / "outer")
        if use == "unused":
            config |= {key: run_config(name, "http://127.0.0.1:9/v1")[key] for key in ("apis", "providers")}
        (folder / "run.yaml").write_text(json.dumps(config))
        STATES[state](folder / "outer" / f"{kind}.d")
        yield f"{kind} {state}, {use}", folder


def answers(name: str, cases: dict[str, Path], home: Path) -> dict[str, Any]:
    """Return what the release and the start check say of each folder."""
    code = home / "code"
    laid_out(name, code)
    task = {folder.name: start_command(release(name), str(folder / "run.yaml"), 1) for folder in cases.values()}
    path = os.pathsep.join(map(str, (ROOT / "operator", ROOT, code)))
    answer: dict[str, Any] = json.loads(run(name, [str(PROGRAM)], home, {"PYTHONPATH": path}, json.dumps(task)))
    return {change: answer[folder.name] for change, folder in cases.items()}


def contradictions(name: str, cases: dict[str, Path], home: Path) -> list[str]:
    """Return what contradicts the table of differences."""
    found: dict[Difference, str] = {}
    for change, answer in answers(name, cases, home).items():
        errors = {reason: text for severity, reason, *text in answer["ours"] if severity == "error"}
        if answer["theirs"] is None:
            found |= {Difference(change, reason): f"the release starts, and {text}" for reason, text in errors.items()}
        elif not errors:
            found[Difference(change, NOTHING)] = answer["theirs"]
    return untold(release(name), found, cases)


@pytest.mark.parametrize("name", RELEASES)
def test_directories_are_judged_as_the_release_finds_them(name: str, tmp_path: Path):
    assert contradictions(name, dict(folders(name, tmp_path)), tmp_path) == []


MODULE = """
from {specs} import Api, InlineProviderSpec
def get_provider_spec():
    keys = {{"module": "kaze", "config_class": "kaze.Config", "pip_packages": []}}
    return InlineProviderSpec(api=Api.inference, provider_type="inline::mine", **keys)
"""


@pytest.mark.parametrize("name", RELEASES)
def test_modules_are_judged_as_the_release_takes_them(name: str, tmp_path: Path):
    """The module is there, is not, and its spec is of the type of the entry or of another one."""
    modules = {
        "module of the type": {"module": "mine", "provider_type": "inline::mine"},
        "module of another type": {"module": "mine", "provider_type": "inline::another"},
        "module that is absent": {"module": "absent", "provider_type": "inline::absent"},
    }
    cases = {}
    for change, entry in modules.items():
        folder = cases[change] = tmp_path / change.replace(" ", "-")
        folder.mkdir()
        config = run_config(name, "http://127.0.0.1:9/v1")
        config["providers"]["inference"].append({"provider_id": "m", "config": {}, **entry})
        (folder / "run.yaml").write_text(json.dumps(config))
    (tmp_path / "code" / "mine").mkdir(parents=True)
    (tmp_path / "code" / "mine" / "provider.py").write_text(MODULE.format(specs=specs_module(name)))

    assert contradictions(name, cases, tmp_path) == []
