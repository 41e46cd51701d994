"""What a spec takes over from ConfigMaps into its own: a run config, and the files of external providers and APIs.

And what a reading needs beside that: the values of variables. Texts are read for a pass or a reading, and then dropped;
how much of them one stack may take is bounded, for one spec can name hundreds of ConfigMaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.config_map import WHOLE, ConfigMapDigests, text_size
from llamastack_operator.planning.stack.inputs.references import SpecReference
from llamastack_operator.planning.stack.inputs.run_config import report_size
from llamastack_operator.planning.stack.reading import report_exceeded
from llamastack_operator.workloads.external import external_files
from llamastack_operator.workloads.run_config import SIZE_LIMIT
from llamastack_resolver.findings import Finding, Findings

TEXTS_LIMIT = 3 << 20
"""Most bytes of texts that one stack takes from ConfigMaps: a run config with its files, which share a ConfigMap, and
the 2 MiB that Linux gives a process for its variables."""
Texts = Mapping[Key, Mapping[str, str] | None]
"""The texts that a stack takes from each ConfigMap; None for one that is not there."""
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


def used_of(references: Sequence[SpecReference], namespace: str) -> dict[Key, Set[str | None]]:
    """Return what a spec uses of each ConfigMap that it refers to: keys, or `WHOLE`.

    Args:
        references: the references of the spec.
        namespace: its namespace.
    """
    return _by_key([ref for ref in references if ref.kind == "ConfigMap"], namespace)


def texts_of(references: Sequence[SpecReference], namespace: str, variables: bool) -> dict[Key, Set[str | None]]:
    """Return of which ConfigMaps a spec takes texts, and of which keys.

    Args:
        references: the references of the spec.
        namespace: its namespace.
        variables: whether the values of variables are wanted too.
    """
    return _by_key([ref for ref in references if ref.text or (variables and is_variable(ref, "ConfigMap"))], namespace)


def is_variable(ref: SpecReference, kind: str) -> bool:
    """Tell whether variables come from an object of a kind."""
    return ref.kind == kind and ref.path.startswith("spec.server.env")


def exceeds(config_maps: Mapping[Key, ConfigMapDigests | None], wanted: Mapping[Key, Set[str | None]]) -> bool:
    """Tell whether texts are more than one stack may take.

    Args:
        config_maps: what is known of the ConfigMaps.
        wanted: of which ConfigMaps texts are taken, and of which keys.
    """
    return sum(_size(held, wanted[key]) for key, held in config_maps.items() if held and key in wanted) > TEXTS_LIMIT


def report_exceeding(findings: Findings) -> None:
    """Report that texts are more than one stack may take."""
    report_exceeded(f"more than {TEXTS_LIMIT >> 20} MiB of texts in ConfigMaps", findings)


def take(spec: LlamaStackSpec, namespace: str, texts: Texts) -> Taken:
    """Return the texts that a spec takes and that are there; what is missing among them has its finding elsewhere.

    Args:
        spec: the spec.
        namespace: its namespace.
        texts: the texts of the ConfigMaps that it refers to.
    """
    findings = Findings()
    wanted = external_files(spec)
    found = {path: _text(texts, (namespace, ref.name), ref.key) for path, ref in wanted.items()}
    files = {path: text for path, text in found.items() if text is not None}
    if spec.run_config_from is None:
        return Taken(None, files)
    ref = spec.run_config_from.config_map_key_ref
    run_config = _text(texts, (namespace, ref.name), ref.key)
    if run_config is not None and text_size(run_config) > SIZE_LIMIT:
        report_size(_RUN_CONFIG, findings)
        run_config = None
    return Taken(run_config, files, tuple(findings))


def _by_key(references: Sequence[SpecReference], namespace: str) -> dict[Key, Set[str | None]]:
    found: dict[Key, set[str | None]] = {}
    for ref in references:
        found.setdefault((namespace, ref.name), set()).add(ref.key)
    return {key: frozenset(parts) for key, parts in found.items()}


def _size(held: ConfigMapDigests, wanted: Set[str | None]) -> int:
    parts = [held.part(key) for key in ({WHOLE} if WHOLE in wanted else wanted)]
    return sum(part.size for part in parts if part is not None)


def _text(texts: Texts, key: Key, name: str) -> str | None:
    content = texts.get(key)
    return content.get(name) if content else None
