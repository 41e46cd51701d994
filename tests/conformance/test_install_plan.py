"""The stack layer installs what the release itself would: `llama stack build --print-deps-only`, `list-deps`.

Every bundled run config of a real release is given to that release's own command, and its answer is compared with the
plan, package by package and call by call.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_contract.layer import Layer
from llamastack_operator import catalog
from llamastack_operator.planning.install.install_plan import install_plan
from llamastack_operator.planning.install.requirements import Wanted
from llamastack_operator.planning.install.upstream import forgotten_packages, release_packages
from llamastack_resolver.config.env import Environment
from llamastack_resolver.documents.build_config import build_entries
from llamastack_resolver.findings import Findings
from llamastack_resolver.yaml_io import read_yaml
from tests.conformance.releases import python_of, release
from tests.matrix import EVERYTHING

REPRESENTATIVE = ("0.2.23", "0.7.3", "ogx-1.5.0")
EVERY = (
    *("0.2.16", "0.2.17", "0.2.23", "0.3.5", "0.4.4", "0.5.0", "0.6.0", "0.7.3"),
    *("ogx-0.8.0", "ogx-1.0.0", "ogx-1.2.0", "ogx-1.5.0"),
)
RELEASES = EVERY if EVERYTHING else REPRESENTATIVE
# Releases whose command reads build configs, which have neither ids nor variables; later ones read run configs.
READS_BUILD_CONFIGS = ("0.2.", "0.3.")
# Bundled configs that the release's own command refuses, and why; the plan installs what the starter's does.
REFUSED = {
    f"{name}/starter/run-with-postgres-store": "list-deps checks numbers before it substitutes variables"
    for name in ("0.7.3", "ogx-0.8.0", "ogx-1.0.0")
}


def upstream(name: str, config: dict[str, Any], home: Path) -> tuple[set[str], set[tuple[str, ...]]] | str:
    """Return the packages of the first call and the arguments of the others; the error's text where it fails."""
    file = home / "config.yaml"
    if name.startswith(READS_BUILD_CONFIGS) and "providers" in config:
        entries = {
            api: [{"provider_type": item["provider_type"]} for item in items]
            for api, items in config["providers"].items()
        }
        config = {"version": 2, "distribution_spec": {"providers": entries}, "image_type": "venv"}
    file.write_text(yaml.safe_dump(config))
    program = python_of(name).with_name("ogx" if name.startswith("ogx") else "llama")
    command = ["stack", "list-deps", str(file)]
    if name.startswith("0.2."):
        command = ["stack", "build", "--config", str(file), "--print-deps-only"]
    variables = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"}
    done = subprocess.run([program, *command], env=variables, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr
    plain = (line.removeprefix("uv pip install ").replace("'", "") for line in done.stdout.splitlines())
    lines = [line for line in plain if line and not line.startswith("#")]
    return set(lines[0].split()), {tuple(symbolic(line).split()) for line in lines[1:]}


def symbolic(text: str) -> str:
    """Put the catalog's one name in place of the address that upstream writes."""
    return re.sub(r"(index-url[ =])https?://\S+", r"\1${index.pytorch-cpu}", text)


def forgotten(name: str, providers: dict[str, list[dict[str, Any]]]) -> set[str]:
    """What the release's own command forgets, so that a server that it installed for does not start."""
    types = [None, *((api, entry["provider_type"]) for api, entries in providers.items() for entry in entries)]
    return {package for provider in types for package in forgotten_packages(release(name), provider)}


def stack_layer(name: str, config: dict[str, Any], **more: Any) -> Layer:
    wanted = release(name)
    plan = install_plan(
        config, catalog.load_release(wanted), image=None, release=wanted, environment=Environment(), **more
    )
    found = plan.layer("stack")
    assert found is not None
    return found


@pytest.mark.parametrize("name", RELEASES)
def test_bundled_configs_install_what_the_release_lists(name: str, tmp_path: Path):
    compared = 0
    for distribution, text in catalog.load_release(release(name)).distributions.items():
        config = read_yaml(text)[0][0].value
        theirs = upstream(name, config, tmp_path)
        if f"{name}/{distribution}" in REFUSED:
            assert isinstance(theirs, str), f"{distribution}: the release lists it by now"
            continue
        ours = stack_layer(name, config)
        own = set(ours.requirements) - set(release_packages(release(name)))
        assert (own, set(ours.special)) == (theirs[0] | forgotten(name, config["providers"]), theirs[1]), distribution
        compared += 1
    assert compared >= 6


@pytest.mark.parametrize("name", [name for name in RELEASES if name.startswith("0.2.")])
def test_bundled_build_configs_install_what_the_release_lists(name: str, tmp_path: Path):
    """Upstream puts `additional_pip_packages` beside the providers' packages; here they are in the upper layer."""
    folder = python_of(name).parents[1] / "lib"
    files = sorted(folder.glob("python*/site-packages/llama_stack/*/*/build.yaml"))
    assert files
    for file in files:
        config = read_yaml(file.read_text())[0][0].value
        theirs = upstream(name, config, tmp_path)
        providers = build_entries(config["distribution_spec"]["providers"], Findings())
        wanted = release(name)
        extra = [Wanted(text) for text in config.get("additional_pip_packages") or ()]
        plan = install_plan(
            {"providers": providers}, catalog.load_release(wanted), image=None, release=wanted, requirements=extra
        )
        normal = {text for layer in plan.layers for text in layer.requirements} - set(release_packages(wanted))
        special = {call for layer in plan.layers for call in layer.special}
        assert (normal, special) == (theirs[0] | forgotten(name, providers), theirs[1]), file.parent.name


@pytest.mark.parametrize("name", [name for name in RELEASES if not name.startswith(READS_BUILD_CONFIGS)])
def test_disabled_providers_are_treated_as_the_release_treats_them(name: str, tmp_path: Path):
    entries = [
        {"provider_id": provider_id, "provider_type": "inline::faiss", "config": {}}
        for provider_id in ("__disabled__", "${env.NOT_SET:=__disabled__}")
    ]
    starter = read_yaml(catalog.load_release(release(name)).distributions["starter"])[0][0].value
    config = {**starter, "providers": {"vector_io": entries}}
    ours = stack_layer(name, config)
    own = set(ours.requirements) - set(release_packages(release(name)))
    theirs = upstream(name, config, tmp_path)
    assert (own, set(ours.special)) == (theirs[0] | forgotten(name, config["providers"]), theirs[1])
