"""What a run config has to be before anything reads it: a mapping, small enough, and whole."""

from __future__ import annotations

import json
from typing import Any

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.bounded_json import CUT, MAX_DEPTH
from llamastack_operator.workloads.run_config import SIZE_LIMIT
from llamastack_resolver.findings import Finding, Findings
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.yaml_io import read_value


def inline_value(text: str) -> Any:
    """Read the text of an inline run config: JSON where YAML reads the same, and that in a hundredth of the time."""
    try:
        return json.loads(text)
    except ValueError:
        return read_value(text)[0]


def config_path(spec: LlamaStackSpec) -> str:
    """Return the field that the run config of a stack comes from."""
    return "spec.runConfig" if spec.run_config_from is None else "spec.runConfigFrom"


def report_size(path: str, findings: Findings, completed: bool = False) -> None:
    """Report a run config that is too large for a ConfigMap, or becomes so where the operator completes it."""
    words = "becomes larger" if completed else "is larger"
    _report(path, f"{words} than {SIZE_LIMIT} bytes", "Make it smaller.", findings)


def report_shape(run_config: Any, path: str, findings: Findings) -> None:
    """Report a run config that is no mapping."""
    _report(path, f"must be a mapping, not {_kind(run_config)}", "Start with `providers:`.", findings)


def depth_findings(text: str, path: str) -> list[Finding]:
    """Return what is wrong with a run config, given as the text that it became, of which something was cut out."""
    findings = Findings()
    if CUT in text:
        _report(path, f"is nested deeper than {MAX_DEPTH} levels", "Flatten it.", findings)
    return list(findings)


def _report(path: str, problem: str, hint: str, findings: Findings) -> None:
    findings.error(ConfigReason.INVALID_RUN_CONFIG, f"{path} {problem}", path, hint=hint)


def _kind(value: Any) -> str:
    names = {list: "a list", str: "text", bool: "a boolean"}
    return names.get(type(value), "a number")
