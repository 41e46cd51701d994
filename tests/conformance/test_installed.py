"""What an installed release says is what the catalog says of it, and substitution is upstream's own."""

import json
import os
import random
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from llamastack_operator import catalog
from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.config.env import Environment, substitute
from llamastack_resolver.knowledge import ReleaseKnowledge
from tests.conformance.releases import ENVIRONMENT, RELEASES, ROOT, ask, python_of, release

VARIABLES = {
    "A": "1",
    "B": "text",
    "EMPTY": "",
    "T": "True",
    "H": "~/x",
    "F": "1e3",
    "DISABLED": "__disabled__",
}


def texts(count: int) -> list[object]:
    """Return generated configs; the seed is fixed, so that a failure can be repeated."""
    chance = random.Random(4)  # noqa: S311
    names = [*VARIABLES, "NOT_SET", "lower"]
    literals = ["", "a", "1", "true", "~/y", "$", "}", "${", "${env.", "__disabled__", " 5 ", "1_0", "nan"]

    def text() -> str:
        parts = []
        for _ in range(chance.randint(1, 3)):
            operator = chance.choice(["", ":=", ":+", ":=" + chance.choice(literals), ":+" + chance.choice(literals)])
            reference = f"${{env.{chance.choice(names)}{operator}}}"
            parts.append(chance.choice([reference, reference, chance.choice(literals)]))
        return "".join(parts)

    def value(depth: int) -> object:
        kind = chance.random()
        if depth == 0 or kind < 0.5:
            return text()
        if kind < 0.7:
            keys = ["provider_id", "model_id", "shield_id", "x", "config"]
            return {key: value(depth - 1) for key in chance.sample(keys, chance.randint(0, 3))}
        if kind < 0.95:
            return [value(depth - 1) for _ in range(chance.randint(0, 3))]
        return {"server": {"auth": {"provider_config": {"type": text(), "url": text()}}}}

    return [value(3) for _ in range(count)]


def expand(home: str, path: str) -> str:
    """Expand `~` as `os.path.expanduser` does with that home; other users' homes are not generated."""
    return home + path[1:] if path == "~" or path.startswith("~/") else path


@pytest.mark.parametrize("name", RELEASES)
def test_substitution_equals_upstreams(name: str, tmp_path: Path):
    inputs = texts(2000)

    answers = ask(name, {"substitutions": inputs}, VARIABLES, tmp_path)["substitutions"]

    behaviour = Behaviour.of(release(name))
    for given, answer in zip(inputs, answers, strict=True):
        result = substitute(given, Environment(VARIABLES), behaviour, partial(expand, str(tmp_path)))
        if "missing" in answer:
            assert answer["missing"] == result.missing[0][1], given
        else:
            assert (json.dumps(result.value), result.missing) == (json.dumps(answer["value"]), []), given


@pytest.mark.parametrize("name", RELEASES)
def test_catalog_and_installation_agree(name: str, tmp_path: Path):
    out = tmp_path / "release.json"
    command = [str(python_of(name)), "-W", "ignore", "-m", "llamastack_resolver.introspection", str(out)]
    variables = {**ENVIRONMENT, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "operator")}
    subprocess.run(command, env=variables, cwd=tmp_path, check=True, capture_output=True)
    parts = json.loads(out.read_text())

    installed = ReleaseKnowledge.from_dict(parts["core"])
    known = catalog.load_release(release(name))

    for field in (
        "apis",
        "providable_apis",
        "routed",
        "protocols",
        "compliance_protocols",
        "additional_protocols",
    ):
        assert getattr(installed, field) == getattr(known, field), field
    assert installed.specs_digest == known.specs_digest, "no pod of the release would be taken for one of it"
    assert dict(known.schemas) == parts["schemas"]
    assert dict(known.distributions) == parts["distributions"]


@pytest.mark.parametrize("name", RELEASES)
def test_the_start_check_runs_from_a_zipapp(name: str, tmp_path: Path):
    archive = tmp_path / "resolver.pyz"
    build = [sys.executable, "-c", ZIPAPP, str(ROOT / "operator"), str(archive)]
    subprocess.run(build, check=True, cwd=tmp_path)
    config = tmp_path / "run.yaml"
    config.write_text("version: 2\nimage_name: x\nproviders:\n  inference:\n  - {provider_id: a, provider_type: x}\n")
    command = [str(python_of(name)), "-W", "ignore", str(archive), "start-check", "--config", str(config)]

    done = subprocess.run(
        command,
        env={**ENVIRONMENT, "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["stackVersion"] == str(release(name))
    assert "providers.inference[0].provider_type" in [finding["path"] for finding in report["findings"]]
    assert os.fspath(tmp_path) not in done.stdout


INSERTED = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from llamastack_resolver.__main__ import run
run()
"""


@pytest.mark.parametrize("how", ["zipapp", "path", "inserted", "isolated"])
def test_the_start_check_starts_itself_again_from_wherever_it_is(how: str, tmp_path: Path):
    archive = tmp_path / "resolver.pyz"
    subprocess.run([sys.executable, "-c", ZIPAPP, str(ROOT / "operator"), str(archive)], check=True, cwd=tmp_path)
    (tmp_path / "run.yaml").write_text("version: 2\nimage_name: x\nproviders: {inference: 5}\n")
    # What is in the working folder is not imported: the server would not import it either.
    (tmp_path / "yaml.py").write_text("raise SystemExit('of the working folder')")
    program = {
        "zipapp": [str(archive)],
        "path": ["-P", "-m", "llamastack_resolver"],
        "inserted": ["-c", INSERTED, str(archive)],
        "isolated": ["-I", "-c", INSERTED, str(archive)],
    }
    variables = {"PYTHONPATH": str(archive)} if how == "path" else {}

    done = subprocess.run(
        [str(python_of("0.7.3")), "-W", "ignore", *program[how], "start-check", "--config", "run.yaml"],
        env={**ENVIRONMENT, "HOME": str(tmp_path), **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"], report["stackVersion"]) == (1, "Failed", "0.7.3"), done.stderr


ZIPAPP = """
import shutil, sys, zipapp, pathlib
source, target = sys.argv[1:]
root = pathlib.Path(target).with_suffix('.d')
for name in ('llamastack_contract', 'llamastack_resolver'):
    shutil.copytree(source + '/' + name, root / name)
zipapp.create_archive(root, target, main='llamastack_resolver.__main__:run')
"""
