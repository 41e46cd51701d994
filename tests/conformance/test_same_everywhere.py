"""One config, one verdict: as a file of its own, in a manifest, as it is rendered, and in a pod of its release.

The configs are made from the schemas of real releases. The start check runs in the release's own environment, in a
process that takes one config after the other. What only one place can know stands in a table, with the reason.
"""

import contextlib
import io
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llamastack_operator.cli import main
from llamastack_operator.planning.reading.check import check_document
from llamastack_resolver.documents.read import read_inputs
from llamastack_resolver.findings import Severity
from tests.conformance.generated_configs import ABSENT_MODULE, VARIABLES, Config, run_configs
from tests.conformance.releases import ENVIRONMENT, RELEASES, ROOT, python_of, release
from tests.matrix import EVERYTHING
from tests.support.documented import rendered

EXAMPLES = 300 if EVERYTHING else 40
# Errors that only the start check can have, by reason, and why.
INSTALLED = {
    "ModuleNotFound": "only where the server runs one can see what is installed",
    "ModuleImportFailed": "only where the server runs its modules can be imported",
}
# Errors that a file of its own cannot have, by reason, and why.
VARIABLES_KNOWN = {"MissingEnv": "a manifest and a pod say which variables there are; nothing tells it of a file"}
# The error of a file that is not seen to be a run config: a manifest and a pod say that it is one.
UNRECOGNISED = ("InvalidManifest", ".")
# Keys whose absence is no error in a manifest, and why.
FILLED_IN = {
    "storage": "the operator fills it in, and a file of its own has to have it",
    "image_name": "the same",
    "distro_name": "the same",
    "version": "the same, where the server's module is started, which does not look at it",
}
CONDITION = re.compile(r"\bwhere \w+ is set")
type Errors = set[tuple[str, str]]
type StartCheck = Callable[[Config], Errors]


@pytest.fixture(scope="module", params=RELEASES)
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, StartCheck]]:
    """A release, and the start check in its environment."""
    name, home = request.param, tmp_path_factory.mktemp("installed")
    command = [str(python_of(name)), "-W", "ignore", "-m", "tests.conformance.start_checks"]
    paths = {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}", "HOME": str(home)}
    with subprocess.Popen(
        command,
        env={**ENVIRONMENT, **paths},
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin and process.stdout

        def start_check(config: Config) -> Errors:
            print(
                json.dumps({"config": config, "variables": VARIABLES | {"HOME": str(home)}}),
                file=process.stdin,
                flush=True,
            )
            return {(reason, path) for reason, path, _ in json.loads(process.stdout.readline())}

        yield name, start_check
        process.stdin.close()


def errors(text: str, name: str | None, conditional: bool = True) -> Errors:
    """Return the errors of the one document of a text; with or without those that hold only where a variable is set."""
    (document,) = read_inputs([("run.yaml", text)])
    checked = check_document(document, release(name) if name else None)
    prefix = f"{document.prefix}." if document.prefix else ""
    return {
        (str(one.reason), one.path.removeprefix(prefix))
        for one in checked.findings
        if one.severity is Severity.ERROR and (conditional or not CONDITION.search(one.message))
    }


def manifest(name: str, config: Config) -> dict[str, Any]:
    wanted = release(name)
    return {
        "apiVersion": "llamastack.dev/v1alpha1",
        "kind": "LlamaStack",
        "metadata": {"name": "made", "namespace": "team-a"},
        "spec": {
            "distribution": {"release": {"package": wanted.package, "version": wanted.version}},
            "server": {"env": [{"name": key, "value": value} for key, value in VARIABLES.items()]},
            "runConfig": config,
        },
    }


def config_of(bodies: list[dict[str, Any]]) -> str:
    """Return the run config among what was rendered."""
    (text,) = [body["data"]["run.yaml"] for body in bodies if "run.yaml" in (body.get("data") or {})]
    return text


MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # New examples belong to runs of everything: what they find is a day's work, not a reason to stop a change.
    derandomize=not EVERYTHING,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)


def without(found: Errors, reasons: Mapping[str, str]) -> Errors:
    return {one for one in found if one[0] not in reasons}


def filled_in(found: Errors, config: Config) -> Errors:
    """Return errors about keys that the operator fills in; a name is there under either key."""
    named = any(config.get(key) is not None for key in ("distro_name", "image_name"))
    there = (config.keys() - {"distro_name"}) | ({"distro_name"} if named else set())
    return {one for one in found if one[1] in FILLED_IN and one[1] not in there}


def comparable(found: Errors, config: Config) -> Errors:
    """Leave out what is missed where a module is not there: only a pod knows that, and then judges neither what depends
    on its API nor an entry that has the same id."""
    if ABSENT_MODULE not in str(config.get("providers")):
        return found
    return {one for one in found if one[0] != "MissingDependency"}


@MANY
@given(data=st.data())
def test_every_place_gives_the_same_errors(data: st.DataObject, installed: tuple[str, StartCheck], tmp_path: Path):
    name, start_check = installed
    config = data.draw(run_configs(name, references=False))
    stack = manifest(name, config)

    own = comparable(errors(yaml.safe_dump(config), name), config)
    in_a_manifest = comparable(errors(yaml.safe_dump(stack), None), config)

    there = comparable(without(start_check(config), INSTALLED), config)
    assert own in (there, {UNRECOGNISED})
    assert in_a_manifest == there - filled_in(there, config)
    if errors(yaml.safe_dump(stack), None):
        assert refused(tmp_path, stack)
        return
    text = config_of(rendered(tmp_path / "stack.yaml", [stack]))
    assert errors(text, name) == set()
    assert without(start_check(yaml.safe_load(text)), INSTALLED) == set()


@MANY
@given(data=st.data())
def test_places_that_know_the_variables_agree(data: st.DataObject, installed: tuple[str, StartCheck]):
    """And a file of its own blames nothing more, but for what it says is so "where X is set"."""
    name, start_check = installed
    config = data.draw(run_configs(name, references=True))

    there = comparable(without(start_check(config), INSTALLED), config)
    in_a_manifest = comparable(errors(yaml.safe_dump(manifest(name, config)), None), config)
    own = comparable(errors(yaml.safe_dump(config), name, conditional=False), config)

    assert in_a_manifest == there - filled_in(there, config)
    assert own == {UNRECOGNISED} or hidden_by(there, own) <= there
    assert not {reason for reason, _ in own} & VARIABLES_KNOWN.keys()


def hidden_by(there: Errors, own: Errors) -> Errors:
    """Leave out what the values of variables hide, which is told instead.

    What is in an entry or section that is none with them; an id that stands twice in such a section; what an entry
    misses whose id stands twice only with them; and what anything misses where they break an entry that may be what is
    missed, or an entry of `apis`.
    """
    shapes = {path for reason, path in there if reason == "InvalidRunConfig"}
    entries = tuple(path.partition("]")[0] for path in shapes)
    broken = {path.partition("[")[0] for path in shapes}
    repeated = {path.partition("[")[0] for reason, path in there if reason == "DuplicateProviderId"}
    hidden = {"DuplicateProviderId": broken, "MissingDependency": repeated}
    seen = {one for one in own if one[1].partition("[")[0] not in hidden.get(one[0], ())}
    broken_ones = any(path.startswith("providers.") for path in shapes)
    if broken_ones or any(path.startswith("apis[") for _, path in there):
        seen = {one for one in seen if one[0] not in ("MissingDependency", "MissingReference")}
    return {one for one in seen if not one[1].startswith(entries)}


def refused(folder: Path, body: dict[str, Any]) -> bool:
    file = folder / "refused.yaml"
    file.write_text(yaml.safe_dump(body))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return main(["render", "--operator-image", "operator:1", str(file)]) == 1
