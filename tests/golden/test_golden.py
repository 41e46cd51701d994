"""What each stack becomes, object by object, as files that a change of the operator shows up in.

`UPDATE_GOLDEN=1 pytest tests/golden` accepts the changes; the diff is for the reviewer.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_operator.api.status import FindingStatus
from llamastack_operator.packed.bootstrap import BOOTSTRAP
from llamastack_operator.planning.stack.facts import NOTHING_REFERRED
from llamastack_operator.planning.stack.plan import plan
from llamastack_operator.workloads.desired import Owner
from llamastack_operator.workloads.preflight import preflight_job
from llamastack_operator.workloads.runtime import StartProgram
from llamastack_operator.workloads.settings import WorkloadSettings
from tests.golden.files import check, dump
from tests.support.full_example import API, PROVIDER, referred_by, stacks
from tests.support.world import IMAGES, built, facts, read_facts, referred

FOLDER = Path(__file__).parent
IDENTITY: dict[str, Any] = {
    "namespace": "team-a",
    "uid": "11111111-2222-3333-4444-555555555555",
    "resourceVersion": "7",
    "generation": 3,
}
SETTINGS = {"openshift": WorkloadSettings(run_as=None)}
READ = ("wrong-run-config",)
"""Stacks of which the resolver is asked too; the others are about objects, and not every config is one that serves."""
# What the cluster holds beside the stack.
FILES = {
    "providers.d/remote/inference/custom_ollama.yaml": PROVIDER,
    "providers.d/inline/weather/sunny.yaml": "module: sunny\nconfig_class: sunny.Config\n",
    "apis.d/weather.yaml": API,
}
REFERRED = {
    "external-providers": referred(files=FILES, digest="0123456789abcdef"),
    **{name: referred(**referred_by(name)) for name in stacks()},
    "storage-existing-claim": referred(claim_modes=("ReadWriteOnce",)),
    "run-config-from": referred(run_config="version: 2\nproviders: {}\n", digest="0123456789abcdef"),
}


def cases() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/stack.yaml"))


def manifest(case: str) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((FOLDER / case / "stack.yaml").read_text())
    return body


def rendered(body: dict[str, Any], case: str = "", program: StartProgram | None = None) -> Any:
    known = {**body, "metadata": {**body["metadata"], **IDENTITY}}
    gather = read_facts if case in READ else facts
    snapshot = built(gather(known, referred=REFERRED.get(case, NOTHING_REFERRED)))
    decided = plan(snapshot, replace(SETTINGS.get(case, WorkloadSettings(images=IMAGES)), program=program))
    if decided.desired is None:
        return {"findings": [FindingStatus.of(finding).to_wire() for finding in decided.findings]}
    return [item.body for item in decided.desired]


@pytest.mark.parametrize("case", cases())
def test_a_stack_becomes_just_these_objects(case: str) -> None:
    """Without the program that checks and runs servers: as pods were before there was one, for these run on."""
    check(FOLDER / case / "plan.yaml", dump(rendered(manifest(case), case)))


CHECKED = ("minimal", "installed-at-start", "built-image", "replicas-and-service")
PROGRAM = StartProgram("0123456789abcdef" * 4)


@pytest.mark.parametrize("case", CHECKED)
def test_its_pods_are_checked_and_run_by_the_program(case: str) -> None:
    (deployment,) = (body for body in rendered(manifest(case), case, PROGRAM) if body["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        container["command"] = ["<the bootstrap>" if one == BOOTSTRAP else one for one in container["command"]]
    check(FOLDER / case / "checked.yaml", dump(deployment["spec"]))


PREFLIGHTS = ("installed-at-start", "storage-kept")


@pytest.mark.parametrize("case", PREFLIGHTS)
def test_its_preflight_has_scratch_storage_and_no_label_of_its_pods(case: str) -> None:
    """The command of the check is that of `checked.yaml`."""
    (deployment,) = (body for body in rendered(manifest(case), case, PROGRAM) if body["kind"] == "Deployment")
    job = preflight_job(Owner(("team-a", "bot"), IDENTITY["uid"]), deployment["spec"]["template"], 150)
    for container in job["spec"]["template"]["spec"]["containers"]:
        container["command"] = ["<the check>"]
    check(FOLDER / case / "preflight.yaml", dump(job))


def test_the_example_with_every_field_becomes_just_these_objects() -> None:
    objects = [body for name, stack in stacks().items() for body in rendered(stack, name)]
    check(FOLDER / "full-example.yaml", dump(objects))


RELEASES = ["llama-stack 0.2.16", "llama-stack 0.2.23", "llama-stack 0.3.5", "llama-stack 0.7.3"]
RELEASES += ["ogx 0.8.0", "ogx 1.0.0", "ogx 1.5.0", ""]


def test_each_release_is_started_in_its_own_way() -> None:
    commands = {}
    for release in RELEASES:
        body = manifest("minimal")
        if release:
            package, version = release.split()
            body["spec"]["distribution"]["release"] = {"package": package, "version": version}
        (deployment,) = [item for item in rendered(body) if item["kind"] == "Deployment"]
        commands[release or "unknown"] = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
    check(FOLDER / "start-commands.yaml", dump(commands))


@pytest.mark.parametrize("case", cases())
def test_rendering_twice_gives_the_same_bytes(case: str) -> None:
    assert dump(rendered(manifest(case), case)) == dump(rendered(manifest(case), case))
