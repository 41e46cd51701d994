"""Looks at the shape of a run config: what every release needs to read it at all."""

from __future__ import annotations

from typing import Any

from llamastack_operator.objects.bounded_json import CUT, MAX_DEPTH
from llamastack_resolver.findings import Finding, Findings, Severity
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.yaml_io import read_yaml

SIZE_LIMIT = 900_000
"""Most bytes of a run config: a ConfigMap holds 1 MiB in all."""


def run_config_findings(run_config: Any, path: str) -> list[Finding]:
    """Return what is wrong with the shape of a parsed run config.

    Args:
        run_config: the parsed run config.
        path: where it stands in the object, for example spec.runConfig.
    """
    findings = Findings()
    if isinstance(run_config, dict):
        _check_apis(run_config.get("apis"), f"{path}.apis", findings)
        _check_providers(run_config.get("providers"), f"{path}.providers", findings)
    else:
        _report(path, f"must be a mapping, not {_kind(run_config)}", "Start with `providers:`.", findings)
    return list(findings)


def read_text(text: str, path: str) -> tuple[Any, list[Finding]]:
    """Return the run config in a YAML text, None where it cannot be read, and what is wrong with it; nothing in it can
    do harm."""
    findings = Findings()
    if text_size(text) > SIZE_LIMIT:
        _report(path, f"is larger than {SIZE_LIMIT} bytes", "Make it smaller.", findings)
        return None, list(findings)
    documents, problems = read_yaml(text)
    for problem in problems:
        if problem.severity is Severity.ERROR:
            _report(path, f"cannot be read: {problem.message}", "Correct the YAML.", findings)
    if not findings.has_errors and len(documents) > 1:
        _report(path, "holds more than one YAML document", "Leave only the run config.", findings)
    if findings.has_errors:
        return None, list(findings)
    value = documents[0].value if documents else None
    return value, run_config_findings(value, path)


def text_size(text: str) -> int:
    """Return the bytes that a text takes in a ConfigMap."""
    return len(text.encode(errors="surrogatepass"))


def depth_findings(text: str, path: str) -> list[Finding]:
    """Return what is wrong with a run config, given as the text that it became, of which something was cut out."""
    findings = Findings()
    if CUT in text:
        _report(path, f"is nested deeper than {MAX_DEPTH} levels", "Flatten it.", findings)
    return list(findings)


def _check_apis(apis: Any, path: str, findings: Findings) -> None:
    if apis is None:
        return
    if not isinstance(apis, list):
        _report(path, f"must be a list of API names, not {_kind(apis)}", "Write `apis: [inference]`.", findings)
        return
    for index, api in enumerate(apis):
        if not isinstance(api, str):
            message = f"must be the name of an API, not {_kind(api)}"
            _report(f"{path}[{index}]", message, "Quote it if need be.", findings)


def _check_providers(providers: Any, path: str, findings: Findings) -> None:
    if providers is None:
        hint = "Name at least one provider, for example under `providers.inference`."
        _report(path, "is missing", hint, findings)
        return
    if not isinstance(providers, dict):
        message = f"must be a mapping from API to providers, not {_kind(providers)}"
        _report(path, message, "Name the APIs.", findings)
        return
    for api, entries in providers.items():
        if not isinstance(entries, list):
            message = f"must be a list of providers, not {_kind(entries)}"
            _report(f"{path}.{api}", message, "Start items with `-`.", findings)
            continue
        for index, entry in enumerate(entries):
            _check_provider(entry, f"{path}.{api}[{index}]", findings)


def _check_provider(entry: Any, path: str, findings: Findings) -> None:
    if not isinstance(entry, dict):
        hint = "Write provider_id, provider_type and config."
        _report(path, f"must be a mapping, not {_kind(entry)}", hint, findings)
        return
    if not isinstance(entry.get("provider_type"), str):
        hint = "Name the type, for example remote::vllm."
        _report(f"{path}.provider_type", f"must be text, not {_kind(entry.get('provider_type'))}", hint, findings)
    config = entry.get("config")
    if config is not None and not isinstance(config, dict):
        hint = "Write the provider's settings."
        _report(f"{path}.config", f"must be a mapping, not {_kind(config)}", hint, findings)


def _report(path: str, problem: str, hint: str, findings: Findings) -> None:
    findings.error(ConfigReason.INVALID_RUN_CONFIG, f"{path} {problem}", path, hint=hint)


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")
