"""What is kept of an inline run config: the text that a ConfigMap will hold, compressed, and what is wrong with it.

The text is a fiftieth of the memory of the parsed tree. Making it takes longer than all else that is done with an
event, and stacks that were made from one template have the same: what was made of the last ones is kept, and shared.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.objects.slim_json import is_too_large, unpacked
from llamastack_operator.planning.stack.inputs.modules import has_modules
from llamastack_operator.planning.stack.inputs.run_config import depth_findings, report_shape, report_size
from llamastack_operator.workloads.run_config import TooLargeError, run_config_text
from llamastack_resolver.findings import Finding, Findings

_PATH = "spec.runConfig"
_SHARED = 64
"""How many run configs are kept to be shared."""
_LONGEST_SHARED = 1 << 15
"""Most characters of a packed run config that is kept."""


@dataclass(frozen=True, slots=True)
class InlineConfig:
    """An inline run config.

    Attributes:
        packed: its text, compressed; None where there is none, or none that a ConfigMap could hold.
        findings: what is wrong with it as a whole.
        modules: whether it names a module.
    """

    packed: bytes | None
    findings: tuple[Finding, ...] = ()
    modules: bool = False


def inline_config(run_config: Any) -> InlineConfig:
    """Return what is kept of a run config that is decoded; None is none."""
    findings = Findings()
    text = _text(run_config, findings)
    packed = None if text is None else zlib.compress(text.encode(errors="surrogatepass"), level=1)
    return InlineConfig(packed, tuple(findings), has_modules(run_config))


def packed_config(slim: Mapping[str, Any]) -> InlineConfig:
    """Return what is kept of the run config of a slim object (`objects/slim_json.py`).

    Args:
        slim: the object's field `PACKED`.
    """
    if is_too_large(slim):
        findings = Findings()
        report_size(_PATH, findings)
        return InlineConfig(None, tuple(findings))
    packed = slim["zlib"]
    return (_shared if len(packed) <= _LONGEST_SHARED else _unpacked)(packed)


def _unpacked(packed: str) -> InlineConfig:
    return inline_config(unpacked({"zlib": packed}))


_shared = functools.lru_cache(_SHARED)(_unpacked)


def _text(run_config: Any, findings: Findings) -> str | None:
    if run_config is None:
        return None
    if not isinstance(run_config, dict):
        report_shape(run_config, _PATH, findings)
        return None
    try:
        text = run_config_text(run_config)
    except TooLargeError:
        report_size(_PATH, findings)
        return None
    findings.extend(depth_findings(text, _PATH))
    return text
