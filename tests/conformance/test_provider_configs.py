"""Every required key of every provider's config, and every key that another release calls otherwise.

The release's own config class is asked, with no server around it: it refuses a config, or ignores a key of it. What
the release fills in itself from other parts of the run config is asked of its server.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llamastack_operator import catalog
from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Finding, Findings
from llamastack_resolver.providers.config import check_provider_config
from llamastack_resolver.providers.validation import ProviderWithSpec
from tests.conformance.differences import Difference, differences, untold
from tests.conformance.mutations import first_entry
from tests.conformance.provider_configs import Case, renamed, right_configs, without_a_required_key
from tests.conformance.releases import RELEASES, ask, release
from tests.conformance.test_verdicts import bundled, compare


def theirs(name: str, cases: list[Case], home: Path) -> list[tuple[str | None, bool]]:
    """Return what the config class of each case says against it, and whether it takes no notice of the foreign key."""
    of = [case.spec.config_class for case in cases]
    classes = [[dotted, case.config, case.spec.module] for dotted, case in zip(of, cases, strict=True)]
    alike = [[dotted, case.config, case.without_foreign] for dotted, case in zip(of, cases, strict=True)]
    answer = ask(name, {"classes": classes, "alike": alike}, {}, home)
    return [*zip(answer["classes"], answer["alike"], strict=True)]


def ours(name: str, case: Case) -> list[Finding]:
    findings = Findings()
    spec = case.spec
    entry = ProviderEntry(spec.api, "x", spec.provider_type, case.config, None, f"providers.{spec.api}[0]")
    provider = ProviderWithSpec("x", spec.provider_type, spec, entry)
    check_provider_config(provider, {}, catalog.load_release(release(name)), None, findings)
    return list(findings)


def compared(name: str, change: str, cases: list[Case], home: Path) -> list[str]:
    """Return what contradicts the table of differences, and what is said of keys to which the release says another
    thing."""
    found: dict[Difference, str] = {}
    wrong = []
    for case, (refusal, ignores) in zip(cases, theirs(name, cases, home), strict=True):
        findings = ours(name, case)
        text = "; ".join(f"{one.path}: {one.message}" for one in findings)
        for one in differences(change, findings, refusal):
            found[one] = f"{case.name}: {refusal or text}"
        if refusal or not case.foreign:
            continue
        # A class that keeps what it does not know (milvus hands it to its client) ignores nothing.
        keeps = catalog.load_release(release(name)).schemas[case.spec.config_class].get("x-extra") == "allow"
        if ignores and not findings and not keeps:
            wrong.append(f"{case.name}: the class ignores it, and we say nothing")
        if not ignores and findings:
            wrong.append(f"{case.name}: the class has it, and we say {text}")
    return untold(release(name), found, [change]) + wrong


@pytest.mark.parametrize("name", RELEASES)
def test_configs_with_what_is_required_are_taken(name: str, tmp_path: Path):
    cases = [*right_configs(catalog.load_release(release(name)))]

    assert len(cases) > 50
    assert compared(name, "config with what is required", cases, tmp_path) == []


@pytest.mark.parametrize("name", RELEASES)
def test_each_required_key_is_missed_where_the_release_misses_it(name: str, tmp_path: Path):
    knowledge = catalog.load_release(release(name))
    cases = [one for case in right_configs(knowledge) for one in without_a_required_key(case, knowledge)]

    assert len(cases) > 20
    assert compared(name, "required key dropped", cases, tmp_path) == []


@pytest.mark.parametrize("name", RELEASES)
def test_each_key_of_another_release_is_told_where_the_release_ignores_or_refuses_it(name: str, tmp_path: Path):
    knowledge = catalog.load_release(release(name))
    first = {(case.spec.api, case.spec.provider_type): case for case in reversed([*right_configs(knowledge)])}
    cases = [one for case in first.values() for one in renamed(case, knowledge)]

    assert len(cases) > 20
    assert compared(name, "key of another release", cases, tmp_path) == []


@pytest.mark.parametrize("name", RELEASES)
def test_sinks_are_split_at_commas_as_the_release_does(name: str, tmp_path: Path):
    types = catalog.load_release(release(name)).providers.get("telemetry", {})
    texts = ("console,sqlite", " console , sqlite", "consol,jaeger", "", "console,", "otel_trace")
    cases = [Case(spec, {"sinks": text}, text) for spec in types.values() for text in texts]

    for case, (refusal, _) in zip(cases, theirs(name, cases, tmp_path), strict=True):
        assert bool(refusal) == any(f.severity == "error" for f in ours(name, case)), (case, refusal)
        assert refusal or ours(name, case) == [], case


def _file_search(config: dict[str, Any]) -> dict[str, Any]:
    types = ("inline::file-search", "inline::rag-runtime")
    entry = next(e for e in config["providers"]["tool_runtime"] if e["provider_type"] in types)
    return entry.setdefault("config", {})


def _files(config: dict[str, Any]) -> dict[str, Any]:
    return first_entry(config, "files")["config"]


STORE = {"backend": "sql_default", "table_name": "vector_stores"}
WRONG = {"file_search_params": "none"}
FILLED: dict[str, Callable[[dict[str, Any]], object]] = {
    "files_without_store": lambda c: _files(c).pop("metadata_store"),
    "files_with_null_store": lambda c: _files(c).update(metadata_store=None),
    "files_without_store_beside_vector_stores": lambda c: (
        _files(c).pop("metadata_store"),
        c["storage"]["stores"].update(vector_stores=STORE),
    ),
    "files_with_null_store_beside_vector_stores": lambda c: (
        _files(c).update(metadata_store=None),
        c["storage"]["stores"].update(vector_stores=STORE),
    ),
    "files_without_store_beside_null_vector_stores": lambda c: (
        _files(c).pop("metadata_store"),
        c["storage"]["stores"].update(vector_stores=None),
    ),
    "wrong_vector_stores_config": lambda c: (_file_search(c).update(vector_stores_config=WRONG), c["vector_stores"]),
    "wrong_vector_stores_config_alone": lambda c: (
        c.pop("vector_stores", None),
        _file_search(c).update(vector_stores_config=WRONG),
    ),
    "null_vector_stores_config_alone": lambda c: (
        c.pop("vector_stores", None),
        _file_search(c).update(vector_stores_config=None),
    ),
}


@pytest.mark.parametrize("name", [name for name in RELEASES if release(name) >= release("0.3.0")])
def test_fields_that_the_release_fills_in_are_not_missed(name: str, tmp_path: Path):
    configs = {}
    for key, change in FILLED.items():
        raw = bundled(name)["starter"]
        change(raw)
        configs[f"{key}/starter"] = raw

    assert compare(name, configs, tmp_path) == []
