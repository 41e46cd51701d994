"""What a spec takes over from ConfigMaps into its own: a run config, and the files of external providers and APIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.config_map import ConfigMapContent
from llamastack_operator.planning.stack.inputs.external import file_findings, referenced_run_config
from llamastack_operator.workloads.external import external_files
from llamastack_resolver.findings import Finding

_RUN_CONFIG = "spec.runConfigFrom.configMapKeyRef"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read.

    Attributes:
        run_config: the text of a referenced run config as the server gets it; None where there is none to use.
        files: the external files by their paths below the mount.
        findings: what is wrong with them.
    """

    run_config: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def texts_of(spec: LlamaStackSpec, namespace: str, contents: Mapping[Key, ConfigMapContent | None]) -> dict[str, str]:
    """Return the texts that a spec takes and that are there, by the path of the file, the run config's by its field.

    Args:
        spec: the spec.
        namespace: its namespace.
        contents: all ConfigMaps that it refers to.
    """
    wanted = external_files(spec)
    if spec.run_config_from is not None:
        wanted = {_RUN_CONFIG: spec.run_config_from.config_map_key_ref, **wanted}
    texts = {}
    for path, ref in wanted.items():
        content = contents[namespace, ref.name]
        text = content.data.get(ref.key) if content else None
        if text is not None:
            texts[path] = text
    return texts


def take(spec: LlamaStackSpec, texts: Mapping[str, str]) -> Taken:
    """Read texts; what is missing among them has its finding elsewhere."""
    files = dict(texts)
    text = files.pop(_RUN_CONFIG, None)
    findings = file_findings(spec, files)
    if text is None:
        return Taken(None, files, tuple(findings))
    run_config, problems = referenced_run_config(text, spec, _RUN_CONFIG)
    return Taken(run_config, files, (*problems, *findings))
