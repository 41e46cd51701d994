"""The compliance check on every built-in implementation of every release: what it finds of them as they are
shipped, and of each with one method damaged."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from llamastack_resolver.start.deviations import DEVIATIONS
from tests.conformance.releases import RELEASES, release, run
from tests.matrix import EVERYTHING

PROGRAM = Path(__file__).with_name("implementations.py")
# How many built-in implementations are looked at, for each release: all whose class is found; of these, with
# every package that they import installed; of these, as instances.
LOOKED_AT = {
    "0.2.16": (59, 38, 32),
    "0.2.17": (60, 39, 33),
    "0.2.23": (65, 46, 40),
    "0.3.5": (61, 42, 40),
    "0.4.4": (63, 41, 41),
    "0.5.0": (64, 44, 43),
    "0.6.0": (67, 46, 45),
    "0.7.3": (66, 49, 48),
    "ogx-0.8.0": (59, 43, 42),
    "ogx-1.0.0": (54, 35, 35),
    "ogx-1.2.0": (57, 35, 35),
    "ogx-1.5.0": (64, 42, 42),
}
_TGI = "`huggingface` sets a field of OpenAIMixin without its type, which pydantic refuses"
# Implementations that cannot be imported anywhere: the release's own mistakes. First and last release.
BROKEN = {
    "vector_io/inline::qdrant": ("0.2.16", "0.2.16", "the module has no get_provider_impl()"),
    "inference/remote::hf::endpoint": ("0.3.0", "0.6.1", _TGI),
    "inference/remote::hf::serverless": ("0.3.0", "0.6.1", _TGI),
    "inference/remote::tgi": ("0.3.0", "0.6.1", _TGI),
}
_MODEL = "`model` where the protocol says `model_id`: the release's own check refuses it"
# Errors that are right: the release's server does not start with these providers (test_verdicts.py shows it).
RIGHT_ERRORS = {
    "inference/remote::passthrough": (
        "0.2.16",
        "0.3.5",
        {"should_refresh_models", "list_models"},
        "the routing table of models calls should_refresh_models() of every provider at the start",
    ),
    "inference/remote::databricks": ("0.2.16", "0.2.22", {"chat_completion", "completion"}, _MODEL),
    "inference/remote::runpod": ("0.2.16", "0.2.23", {"chat_completion", "completion", "embeddings"}, _MODEL),
}
_POSITION = "the routing table passes it by position"
# Parameters that implementations call otherwise than the protocol: by API and method, first and last release.
RENAMED_PARAMETERS = {
    ("datasetio", "register_dataset"): ("0.2.16", "0.7.3", _POSITION),
    ("eval", "register_benchmark"): ("0.2.16", "0.7.3", _POSITION),
    ("scoring", "register_scoring_function"): ("0.2.16", "0.7.3", _POSITION),
    ("inference", "chat_completion"): ("0.2.16", "0.2.23", _MODEL),
    ("inference", "completion"): ("0.2.16", "0.2.23", _MODEL),
    ("inference", "embeddings"): ("0.2.16", "0.2.23", _MODEL),
    ("inference", "rerank"): ("0.5.0", "0.5.4", "nvidia: the parameters of the time before request objects"),
    ("datasetio", "append_rows"): ("0.5.0", "0.7.3", "the router unpacks the request object for its providers"),
    ("datasetio", "iterrows"): ("0.5.0", "0.7.3", "the router unpacks the request object for its providers"),
}
# Methods that a protocol gives a body, so that who lacks them may: first release.
OPTIONAL = {
    "rerank": "0.2.23",
    "openai_chat_completions_with_reasoning": "0.7.0",
    "anthropic_messages": "ogx-1.1.0",
    "anthropic_count_tokens": "ogx-1.1.0",
}
CHECKS_NOTHING_SINCE = "0.7.0"


@cache
def records(name: str) -> dict[str, dict[str, Any]]:
    """Return what is found of every built-in provider of a release, and of its damaged classes."""
    with TemporaryDirectory() as home:
        return json.loads(run(name, [str(PROGRAM), *(["all"] if EVERYTHING else [])], Path(home)))


def within(name: str, first: str, last: str) -> bool:
    return release(first) <= release(name) <= release(last)


def found(name: str, reasons: set[str]) -> list[tuple[str, str, str, str]]:
    """Return severity, provider, method and message of each finding of the shipped implementations."""
    return [
        (severity, key, message.split()[0].rpartition(".")[2], message)
        for key, record in records(name).items()
        for severity, reason, message in record.get("findings", [])
        if reason in reasons
    ]


@pytest.mark.parametrize("name", RELEASES)
def test_nearly_every_built_in_implementation_is_looked_at(name: str):
    counts = Counter[str]()
    for record in records(name).values():
        counts["class"] += "class" in record
        counts["installed"] += "class" in record and not record["absent"]
        counts["instance"] += bool(record.get("instance"))

    failed = {key for key, record in records(name).items() if "failed" in record}

    assert failed == {key for key, (first, last, _) in BROKEN.items() if within(name, first, last)}
    assert (counts["class"], counts["installed"]) >= LOOKED_AT[name][:2]
    assert counts["instance"] >= LOOKED_AT[name][2]
    assert all(record.get("same", True) for record in records(name).values())


@pytest.mark.parametrize("name", RELEASES)
def test_no_shipped_implementation_gets_a_false_error(name: str):
    errors = {
        (key, method)
        for severity, key, method, _ in found(name, {"MissingMethod", "NotImplemented", "SignatureMismatch"})
        if severity == "error"
    }

    right = {
        (key, method)
        for key, (first, last, methods, _) in RIGHT_ERRORS.items()
        for method in methods
        if within(name, first, last)
    }
    assert errors == right


@pytest.mark.parametrize("name", RELEASES)
def test_what_shipped_implementations_lack_is_known(name: str):
    lacking = {
        (key, method)
        for severity, key, method, _ in found(name, {"MissingMethod", "NotImplemented"})
        if severity == "warning" and not (method in OPTIONAL and release(name) >= release(OPTIONAL[method]))
    }

    known = {
        (f"{deviation.api}/{provider_type}", method)
        for deviation in DEVIATIONS
        for provider_type in deviation.provider_types
        for method in deviation.methods
        if deviation.since <= release(name) < deviation.until
    }
    assert lacking == known


@pytest.mark.parametrize("name", RELEASES)
def test_parameters_that_shipped_implementations_rename_are_known(name: str):
    renamed = {(key.split("/")[0], method) for _, key, method, _ in found(name, {"SignatureMismatch"})}

    assert renamed == {key for key, (first, last, _) in RENAMED_PARAMETERS.items() if within(name, first, last)}


def expected(damage: dict[str, Any]) -> list[list[str]]:
    """Return severity and reason of the finding that a damaged method of an external provider gets.

    Whatever the release itself refuses to start with is an error.
    """
    if damage["way"] == "parameters":
        if damage["upstream"]:
            return [["error", "SignatureMismatch"]]
        # Where nothing is handed over, the further parameter makes every call fail.
        certain = not damage["parameters"] and not damage["unstable"]
        return [["error" if certain else "warning", "SignatureMismatch"]]
    if damage["upstream"]:
        return [["error", "NotImplemented" if damage["way"] == "inherited" else "MissingMethod"]]
    if damage["way"] == "inherited":
        if damage["body"]:
            return []
        return [["warning" if damage["private"] or damage["unstable"] else "error", "NotImplemented"]]
    lenient = damage["unstable"] or (damage["body"] and damage["way"] != "value")
    return [["warning" if lenient else "error", "MissingMethod"]]


@pytest.mark.parametrize("name", RELEASES)
def test_a_damaged_method_gets_its_finding_and_no_other_does(name: str):
    damages = [(key, damage) for key, record in records(name).items() for damage in record.get("damages", [])]

    wrong = [(key, damage) for key, damage in damages if damage["found"] != expected(damage) or damage["others"]]

    assert wrong == []
    apis = {key.split("/")[0] for key, _ in damages}
    assert {"inference", "vector_io", "tool_runtime", "files"} <= apis
    private = {damage["protocol"] for _, damage in damages if damage["private"]}
    assert {"ModelsProtocolPrivate", "ToolGroupsProtocolPrivate"} <= private
    assert len(damages) >= (1400 if EVERYTHING else 250)


@pytest.mark.parametrize("name", [name for name in RELEASES if release(name) >= release(CHECKS_NOTHING_SINCE)])
def test_the_releases_own_check_finds_none_of_it_since_0_7(name: str):
    damages = [damage for record in records(name).values() for damage in record.get("damages", [])]

    assert damages
    assert [damage for damage in damages if damage["upstream"]] == []
