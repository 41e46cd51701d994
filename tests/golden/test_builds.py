"""The Jobs of builds and what their programs read, as files that a change of the operator shows up in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llamastack_operator.workloads.build_inputs import inputs_text
from llamastack_operator.workloads.build_job import inputs_config_map, job, text_digest
from tests.golden.files import check, dump
from tests.support.build_attempts import INPUTS, SETTINGS, build

FOLDER = Path(__file__).parent / "builds"
EVERYTHING = {
    "pushSecretRef": {"name": "push"},
    "pullSecretRef": {"name": "pull"},
    "indexSecretRef": {"name": "index"},
    "caBundleRef": {"name": "ca", "key": "bundle.pem"},
    "resources": {"limits": {"memory": "4Gi"}},
    "timeoutSeconds": 600,
    "workspaceMedium": "Memory",
    "workspaceSizeLimit": "8Gi",
}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "everything": {"access": EVERYTHING},
    "installed-at-start": {"strategy": "Start", "inputs": {**INPUTS, "repository": None}},
}


@pytest.mark.parametrize("case", CASES)
def test_a_build_becomes_just_this_job(case: str) -> None:
    owner = build(CASES[case])
    text = inputs_text(owner, SETTINGS.images, [], None)
    made = [inputs_config_map(owner, 1, text), job(owner, 1, SETTINGS, text_digest(text))]
    check(FOLDER / f"{case}.yaml", dump(made))
