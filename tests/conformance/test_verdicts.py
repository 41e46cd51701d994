"""Our verdict on configs is the release's own, but for the differences in the table below.

Every bundled config of a release, and single mutations of its starter, are judged offline by us and by the
release, which starts its own server with them (probe.py says what is replaced in it).
"""

from pathlib import Path

import pytest

from llamastack_operator import catalog
from llamastack_resolver.config.env import Environment
from llamastack_resolver.resolution import ExternalFiles, Resolution, resolve
from llamastack_resolver.yaml_io import read_yaml
from tests.conformance.mutations import MUTATIONS, mutated
from tests.conformance.releases import RELEASES, ask, release
from tests.matrix import EVERYTHING

# Where we refuse what the release starts: by the reason of our error, why that is right.
STRICTER = {
    "DuplicateProviderId": "the release starts the last provider of that id, and silently loses the others",
    "SpecMismatch": "the release uses a spec of another type than the config names",
    "UnknownField": "the release ignores content that used to configure something: the stack lacks it",
}
# Where we accept what the release refuses: by mutation, why.
LAXER: dict[str, str] = {}


def ours(name: str, raw: object) -> Resolution:
    files = ExternalFiles({}, {})
    return resolve(raw, catalog.load_release(release(name)), Environment({"HOME": "/home/none"}), files)


def bundled(name: str) -> dict[str, object]:
    return {key: read_yaml(text)[0][0].value for key, text in catalog.load_release(release(name)).distributions.items()}


def compare(name: str, configs: dict[str, object], home: Path) -> list[str]:
    theirs = ask(name, {"configs": configs}, {}, home)["configs"]
    differences = []
    for key, raw in configs.items():
        errors = [f for f in ours(name, raw).findings if f.severity == "error"]
        if theirs[key] is None and any(f.reason.value not in STRICTER for f in errors):
            first = next(f for f in errors if f.reason.value not in STRICTER)
            differences.append(f"{key}: starts, and we say {first.reason}: {first.path}: {first.message}")
        if theirs[key] is not None and not errors and key.partition("/")[0] not in LAXER:
            differences.append(f"{key}: we accept, and the release says {theirs[key]}")
    return differences


@pytest.mark.parametrize("name", RELEASES)
def test_bundled_configs_are_judged_as_the_release_judges_them(name: str, tmp_path: Path):
    assert compare(name, bundled(name), tmp_path) == []


@pytest.mark.parametrize("name", RELEASES)
def test_single_mutations_are_judged_as_the_release_judges_them(name: str, tmp_path: Path):
    starter = bundled(name)["starter"]
    names = [*MUTATIONS] if EVERYTHING else [*MUTATIONS][::3]

    configs = {f"{key}/starter": raw for key, raw in mutated(starter, names)}

    assert len(configs) > len(names) * 0.6
    assert compare(name, configs, tmp_path) == []


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
