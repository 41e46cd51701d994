"""Looks at the shape of a run config: what every release needs to read it at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llamastack_operator.api.conditions import Reason
from llamastack_operator.api.status import Finding
from llamastack_operator.objects.bounded_json import CUT, MAX_DEPTH
from llamastack_resolver.yaml_io import read_yaml

SIZE_LIMIT = 900_000
"""Most bytes of a run config: a ConfigMap holds 1 MiB in all."""


def run_config_findings(run_config: Any, path: str) -> list[Finding]:
    """Return what is wrong with the shape of a parsed run config.

    Args:
        run_config: the parsed run config.
        path: where it stands in the object, for example spec.runConfig.
    """
    if not isinstance(run_config, dict):
        return [_finding(path, f"must be a mapping, not {_kind(run_config)}", "Start with `providers:`.")]
    return [
        *_apis(run_config.get("apis"), f"{path}.apis"),
        *_providers(run_config.get("providers"), f"{path}.providers"),
    ]


def read_text(text: str, path: str) -> tuple[Any, list[Finding]]:
    """Return the run config in a YAML text, None where it cannot be read, and what is wrong with it; nothing in it can
    do harm."""
    if text_size(text) > SIZE_LIMIT:
        return None, [_finding(path, f"is larger than {SIZE_LIMIT} bytes", "Make it smaller.")]
    documents, problems = read_yaml(text)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        return None, [_finding(path, f"cannot be read: {problem.message}", "Correct the YAML.") for problem in errors]
    if len(documents) > 1:
        return None, [_finding(path, "holds more than one YAML document", "Leave only the run config.")]
    value = documents[0].value if documents else None
    return value, run_config_findings(value, path)


def text_size(text: str) -> int:
    """Return the bytes that a text takes in a ConfigMap."""
    return len(text.encode(errors="surrogatepass"))


def depth_findings(text: str, path: str) -> list[Finding]:
    """Return what is wrong with a run config, given as the text that it became, of which something was cut out."""
    if CUT not in text:
        return []
    return [_finding(path, f"is nested deeper than {MAX_DEPTH} levels", "Flatten it.")]


def _apis(apis: Any, path: str) -> Iterator[Finding]:
    if apis is None:
        return
    if not isinstance(apis, list):
        yield _finding(path, f"must be a list of API names, not {_kind(apis)}", "Write `apis: [inference]`.")
        return
    for index, api in enumerate(apis):
        if not isinstance(api, str):
            yield _finding(f"{path}[{index}]", f"must be the name of an API, not {_kind(api)}", "Quote it if need be.")


def _providers(providers: Any, path: str) -> Iterator[Finding]:
    if providers is None:
        yield _finding(path, "is missing", "Name at least one provider, for example under `providers.inference`.")
        return
    if not isinstance(providers, dict):
        yield _finding(path, f"must be a mapping from API to providers, not {_kind(providers)}", "Name the APIs.")
        return
    for api, entries in providers.items():
        if not isinstance(entries, list):
            yield _finding(
                f"{path}.{api}", f"must be a list of providers, not {_kind(entries)}", "Start items with `-`."
            )
            continue
        for index, entry in enumerate(entries):
            yield from _provider(entry, f"{path}.{api}[{index}]")


def _provider(entry: Any, path: str) -> Iterator[Finding]:
    if not isinstance(entry, dict):
        yield _finding(path, f"must be a mapping, not {_kind(entry)}", "Write provider_id, provider_type and config.")
        return
    if not isinstance(entry.get("provider_type"), str):
        hint = "Name the type, for example remote::vllm."
        yield _finding(f"{path}.provider_type", f"must be text, not {_kind(entry.get('provider_type'))}", hint)
    config = entry.get("config")
    if config is not None and not isinstance(config, dict):
        yield _finding(f"{path}.config", f"must be a mapping, not {_kind(config)}", "Write the provider's settings.")


def _finding(path: str, problem: str, hint: str) -> Finding:
    return Finding(
        severity="error", reason=Reason.INVALID_RUN_CONFIG, message=f"{path} {problem}", path=path, hint=hint
    )


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")
