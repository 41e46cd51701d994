"""Our verdict on configs is the release's own, but for the differences in the table of docs/differences.md.

Every bundled config of a release, and single mutations of its starter, are judged offline by us and by the
release, which starts its own server with them (probe.py says what is replaced in it).
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from llamastack_operator import catalog
from llamastack_resolver.config.env import Environment
from llamastack_resolver.resolution import ExternalFiles, Resolution, resolve
from llamastack_resolver.yaml_io import read_yaml
from tests.conformance.differences import differences, untold
from tests.conformance.mutations import DEPENDING, MUTATIONS, Config, Depending, mutated, with_variables
from tests.conformance.releases import RELEASES, ask, release
from tests.matrix import EVERYTHING


def ours(
    name: str, raw: object, variables: dict[str, str] | None = None, unknown: frozenset[str] = frozenset()
) -> Resolution:
    environment = Environment({"HOME": "/home/none", **(variables or {})}, unknown=unknown)
    return resolve(raw, catalog.load_release(release(name)), environment, ExternalFiles({}, {}))


def bundled(name: str) -> dict[str, Config]:
    return {key: read_yaml(text)[0][0].value for key, text in catalog.load_release(release(name)).distributions.items()}


def starter(name: str) -> Config:
    return bundled(name)["starter"]


def compare(name: str, configs: Mapping[str, object], home: Path, variables: dict[str, str] | None = None) -> list[str]:
    """Return what contradicts the table of differences.

    Args:
        name: the release.
        configs: by what was changed in them; what follows a `/` tells places of one change apart.
        home: an empty folder.
        variables: those that are set.
    """
    theirs = ask(name, {"configs": configs}, variables or {}, home)["configs"]
    found = {}
    for key, raw in configs.items():
        said = ours(name, raw, variables).findings
        for one in differences(key.partition("/")[0], said, theirs[key]):
            first = next((f"{f.path}: {f.message}" for f in said if str(f.reason) == one.said), theirs[key])
            found[one] = f"{key}: {first}"
    return untold(release(name), found, [key.partition("/")[0] for key in configs])


@pytest.mark.parametrize("name", RELEASES)
def test_bundled_configs_are_judged_as_the_release_judges_them(name: str, tmp_path: Path):
    configs = {f"bundled {key.replace('/', ' ')}": raw for key, raw in bundled(name).items()}

    assert compare(name, configs, tmp_path) == []


@pytest.mark.parametrize("name", RELEASES)
def test_single_mutations_are_judged_as_the_release_judges_them(name: str, tmp_path: Path):
    names = [*MUTATIONS] if EVERYTHING else [*MUTATIONS][::3]

    configs = dict(mutated(starter(name), names))

    assert len(configs) > len(names) * 0.6
    assert compare(name, configs, tmp_path) == []


@pytest.mark.parametrize("name", RELEASES)
def test_ids_that_depend_on_a_variable_are_judged_as_the_release_judges_them(name: str, tmp_path: Path):
    """With the variable set, and with it unset. Where it may be either, there is no error that neither of them has, and
    every error that both of them have."""
    rounds = [[shape] for shape in DEPENDING] if EVERYTHING else [[*DEPENDING]]
    cases = [(one.shape, one) for shapes in rounds for one in with_variables(starter(name), shapes)]
    for which in ("set", "unset"):
        variables = {one.variable: one.value for _, one in cases} if which == "set" else {}
        configs = {f"id {shape} {which}/{one.place}": one.config for shape, one in cases}
        assert compare(name, configs, tmp_path, variables) == [], which

    assert len(cases) > 20
    assert [found for _, one in cases for found in against_both(name, one)] == []


def against_both(name: str, one: Depending) -> list[str]:
    key = f"{one.shape} {one.place}"
    is_set = errors_of(ours(name, one.config, {one.variable: one.value}))
    is_unset = errors_of(ours(name, one.config))
    unknown = errors_of(ours(name, one.config, unknown=frozenset({one.variable})))
    found = [f"{key}: an error that neither has: {path}" for path in unknown - is_set - is_unset]
    return found + [f"{key}: an error that both have is not told: {path}" for path in (is_set & is_unset) - unknown]


def errors_of(resolution: Resolution) -> set[str]:
    return {finding.path for finding in resolution.findings if finding.severity == "error"}


@pytest.mark.parametrize("name", [name for name in RELEASES if release(name) < release("0.4.0")])
def test_a_provider_that_the_compliance_check_refuses_ends_the_server(name: str, tmp_path: Path):
    """The one built-in provider that gets an error for what it lacks: its own factory is called here."""
    raw = {
        **bundled(name)["starter"],
        "providers": {
            "inference": [
                {
                    "provider_id": "passthrough",
                    "provider_type": "remote::passthrough",
                    "config": {"url": "http://127.0.0.1:9", "api_key": "none"},
                }
            ]
        },
        "apis": ["inference"],
        "registered_resources": {},
        "vector_stores": None,
    }
    if "registered_resources" not in bundled(name)["starter"]:
        del raw["registered_resources"], raw["vector_stores"]
        raw |= {key: [] for key in ("models", "shields", "vector_dbs", "datasets", "benchmarks", "tool_groups")}
    module = catalog.load_release(release(name)).providers["inference"]["remote::passthrough"].module

    answers = [
        ask(name, {"configs": {"passthrough": raw}, "real": real}, {}, tmp_path)["configs"]["passthrough"]
        for real in ([], [module])
    ]

    assert answers[0] is None
    assert "should_refresh_models" in answers[1] or "initialize" in answers[1]
