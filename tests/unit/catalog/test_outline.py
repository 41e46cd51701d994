"""What tells the releases from each other says of every config what the releases' own schemas say."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamastack_operator import catalog
from llamastack_operator.catalog import outline
from llamastack_operator.catalog.reader import DATA, read_core, read_shared
from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.documents.signs import entries_of
from llamastack_resolver.releases import Release
from llamastack_resolver.yaml_io import read_value

TEXTS = sorted({text for one in catalog.releases() for text in catalog.load_release(one).distributions.values()})


@cache
def bundled(text: str) -> dict[str, Any]:
    """Return the value of a bundled config."""
    value: dict[str, Any] = read_value(text)[0]
    return value


@cache
def unknown_keys(digest: str, text: str) -> frozenset[str]:
    """Return the paths of a JSON text that a schema does not know, read from the schema itself."""
    schema = read_shared(digest)
    return frozenset(_unknown("", json.loads(text), [schema], schema.get("$defs") or {}, outline.DEPTH))


def _unknown(
    path: str, value: Any, branches: list[Mapping[str, Any]], defs: Mapping[str, Any], depth: int
) -> Iterator[str]:
    objects = [one for branch in branches for one in outline.objects_of(branch, defs, depth)] if depth else []
    if not objects or any(outline.takes_anything(one) for one in objects):
        return
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from _unknown(f"{path}[{index}]", item, branches, defs, depth)
    for key, item in value.items() if isinstance(value, dict) else ():
        below = [
            known
            for one in objects
            for name, known in (one.get("properties") or {}).items()
            if key in (known.get("x-names") or [name])
        ] or [one["additionalProperties"] for one in objects if isinstance(one.get("additionalProperties"), dict)]
        if below:
            yield from _unknown(f"{path}.{key}", item, below, defs, depth - 1)
        elif item not in (None, [], {}, ""):
            yield f"{path}.{key}"


def unknown_to(release: Release, config: dict[str, Any]) -> set[str]:
    """Return what a release does not know of a config, from its own data alone."""
    core = read_core(release)
    sections = config["providers"] if isinstance(config.get("providers"), dict) else {}
    named = config["apis"] if isinstance(config.get("apis"), list) else []
    found = {api for api, entries in sections.items() if entries} | {api for api in named if isinstance(api, str)}
    found -= set(core["apis"])
    top = json.dumps({key: value for key, value in config.items() if key != "providers"}, default=str)
    found |= {path[1:] for path in unknown_keys(core["schemas"][core["run_config_class"]], top)}
    for entry in entries_of(config):
        spec = core["providers"].get(entry.api, {}).get(entry.provider_type)
        digest = core["schemas"].get(spec["config_class"]) if spec else None
        if spec is None:
            found.add(entry.path)
        elif digest and entry.config:
            found |= {
                f"{entry.path}.config{path}" for path in unknown_keys(digest, json.dumps(entry.config, default=str))
            }
    return found


def verdict_depends_on(release: Release, config: dict[str, Any]) -> object:
    """Return what the verdict on a config depends on, from a release's own data alone."""
    core = read_core(release)
    specs = [core["providers"].get(entry.api, {}).get(entry.provider_type) for entry in entries_of(config)]
    schemas = [core["schemas"].get(spec["config_class"]) if spec else None for spec in specs]
    rules = [core["schemas"][core["run_config_class"]], *(core.get(rule) for rule in outline.RULES)]
    return Behaviour.of(release), json.dumps([specs, schemas, rules])


def numbered(values: list[object]) -> list[int]:
    """Return the first place of each value's equals."""
    return [values.index(value) for value in values]


def hold_against_the_releases(config: dict[str, Any]) -> None:
    """Hold what the outlines say of a config against what each release says."""
    releases = catalog.outlines().releases

    assert catalog.outlines().unknown(config) == [unknown_to(release, config) for release in releases]
    keys = catalog.outlines().verdict_keys(config, range(len(releases)))
    assert numbered(keys) == numbered([verdict_depends_on(release, config) for release in releases])


def test_they_are_of_all_releases() -> None:
    assert tuple(catalog.outlines().releases) == catalog.releases()


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_of_a_bundled_config_they_say_what_the_releases_say(text: str) -> None:
    hold_against_the_releases(bundled(text))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TEXTS), st.sampled_from(TEXTS), st.data())
def test_of_a_spoilt_config_they_say_what_the_releases_say(text: str, other: str, data: st.DataObject) -> None:
    config = deepcopy(bundled(text))
    parts = list(_parts(bundled(other)))
    for _ in range(data.draw(st.integers(1, 4))):
        part = data.draw(st.sampled_from([one for one in _parts(config) if one]))
        place = data.draw(st.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        value = data.draw(st.sampled_from(["remote::vllm", 1, None, "", *parts]))
        if isinstance(part, dict) and data.draw(st.booleans()):
            place = data.draw(st.sampled_from(["config", "type", "", "x", "backend", "metadata_store", "safety"]))
        part[place] = deepcopy(value)

    hold_against_the_releases(config)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list)):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(item)


def test_the_file_is_what_is_made_of_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert outline.main([str(DATA), "--check"]) == 0, capsys.readouterr().err
