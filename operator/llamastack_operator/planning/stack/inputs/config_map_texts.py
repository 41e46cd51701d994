"""What a spec takes over from ConfigMaps into its own: a run config, and the files of external providers and APIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.config_map import ConfigMapContent
from llamastack_operator.planning.stack.inputs.run_config import report_size, text_size
from llamastack_operator.workloads.external import external_files
from llamastack_operator.workloads.run_config import SIZE_LIMIT
from llamastack_resolver.findings import Finding, Findings

_RUN_CONFIG = "spec.runConfigFrom.configMapKeyRef"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken.

    Attributes:
        run_config: the text of a referenced run config; None where there is none to use.
        files: the external files by their paths below the mount.
        findings: what is wrong with their sizes.
    """

    run_config: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def take(spec: LlamaStackSpec, namespace: str, contents: Mapping[Key, ConfigMapContent | None]) -> Taken:
    """Return the texts that a spec takes and that are there; what is missing among them has its finding elsewhere.

    Args:
        spec: the spec.
        namespace: its namespace.
        contents: all ConfigMaps that it refers to.
    """
    findings = Findings()
    wanted = external_files(spec)
    found = {path: _text(contents[namespace, ref.name], ref.key) for path, ref in wanted.items()}
    files = {path: text for path, text in found.items() if text is not None}
    if spec.run_config_from is None:
        return Taken(None, files)
    ref = spec.run_config_from.config_map_key_ref
    run_config = _text(contents[namespace, ref.name], ref.key)
    if run_config is not None and text_size(run_config) > SIZE_LIMIT:
        report_size(_RUN_CONFIG, findings)
        run_config = None
    return Taken(run_config, files, tuple(findings))


def _text(content: ConfigMapContent | None, key: str) -> str | None:
    return content.data.get(key) if content else None
