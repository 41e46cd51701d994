"""Configs of the first format: each old key is answered with its new place, and the rest is checked where the
file has it."""

from typing import Any

import pytest

from llamastack_resolver.config.env import Environment
from llamastack_resolver.resolution import resolve
from tests.support.small_release import knowledge


def first_format(**changes: Any) -> dict[str, Any]:
    """Return a config as they were before November 2024."""
    return {
        "version": 2,
        "distro_name": "small",
        "built_at": "2024-10-08T17:40:45",
        "apis_to_serve": ["inference", "models", "safety"],
        "routing_table": {"inference": [{"provider_type": "remote::vllm", "config": {"url": "http://vllm:8000"}}]},
        "api_providers": {"safety": {"provider_type": "inline::llama-guard", "config": {}}},
        **changes,
    }


def findings(raw: dict[str, Any], package: str = "llama-stack", version: str = "0.7.3") -> list[tuple[str, str, str]]:
    found = resolve(raw, knowledge(package, version), Environment()).findings
    return [(f.severity.value, f.reason.value, f.path) for f in found]


def test_each_old_key_is_an_error_with_its_new_place_and_nothing_follows_from_it():
    raw = first_format()

    assert findings(raw) == [
        ("error", "UnknownField", "routing_table"),
        ("error", "UnknownField", "api_providers"),
        ("error", "UnknownField", "apis_to_serve"),
        ("warning", "UnknownField", "built_at"),
    ]
    hints = [f.hint for f in resolve(raw, knowledge(), Environment()).findings]
    assert hints == [
        "list each entry in `providers.<api>`, with a provider_id of its own",
        "list each entry in `providers.<api>`, with a provider_id of its own",
        "call it `apis`",
        "remove it",
    ]


def test_ogx_converts_it_on_load():
    resolution = resolve(first_format(), knowledge("ogx", "1.0.0"), Environment())

    assert not resolution.has_errors
    assert {f.path for f in resolution.findings} == {"routing_table", "api_providers", "apis_to_serve", "built_at"}
    ids = [(p.provider_id, p.provider_type) for step in resolution.plan for p in step.providers if p.entry]
    assert ids == [("remote::vllm", "remote::vllm"), ("inline::llama-guard", "inline::llama-guard")]


def test_ogx_cannot_convert_it_without_the_list_of_apis():
    raw = first_format()
    del raw["apis_to_serve"]

    assert ("error", "InvalidRunConfig", "routing_table") in findings(raw, "ogx", "1.0.0")


@pytest.mark.parametrize(("package", "version"), [("llama-stack", "0.7.3"), ("ogx", "1.0.0")])
def test_mistakes_inside_are_found_where_the_file_has_them(package: str, version: str):
    raw = first_format(
        routing_table={
            "inference": [
                {"provider_type": "remote::vllm", "config": {"max_tokens": 0}},
                {"provider_type": "remote::vlm", "config": {}},
            ]
        },
        api_providers={"safety": {"provider_type": "inline::lama-guard", "config": {}}},
        apis_to_serve=["inference", "infernce"],
    )

    errors = {path: reason for severity, reason, path in findings(raw, package, version) if severity == "error"}

    assert (
        errors.items()
        >= {
            "routing_table.inference[0].config.max_tokens": "InvalidProviderConfig",
            "routing_table.inference[1].provider_type": "UnknownProviderType",
            "api_providers.safety.provider_type": "UnknownProviderType",
            "apis_to_serve[1]": "UnknownApi",
        }.items()
    )


def test_a_routing_table_that_is_no_mapping_is_an_unknown_key():
    raw = first_format(routing_table=[])

    assert ("warning", "UnknownField", "routing_table") in findings(raw)
