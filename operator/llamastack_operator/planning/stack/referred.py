"""Puts together what a stack's references led to, wherever that was looked up: in a cluster, or in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llamastack_operator.objects.child import Key, digest
from llamastack_operator.objects.config_map import ConfigMapContent
from llamastack_operator.planning.stack.facts import Referred
from llamastack_operator.planning.stack.inputs.config_map_texts import Taken
from llamastack_operator.planning.stack.inputs.references import CA_PATH, SpecReference, report_missing
from llamastack_resolver.findings import Findings


def referred_of(
    references: Sequence[SpecReference],
    namespace: str,
    contents: Mapping[Key, ConfigMapContent | None],
    others: Mapping[SpecReference, Any],
    taken: Taken,
) -> Referred:
    """Return what references led to.

    Args:
        references: the references of a spec.
        namespace: its namespace.
        contents: every ConfigMap that it refers to, None for one that is not there.
        others: by reference to a Secret its keys, by reference to a claim its access modes; None where it is not there.
        taken: what was read of the ConfigMaps.
    """
    findings = Findings()
    for ref in references:
        value = contents[namespace, ref.name] if ref.kind == "ConfigMap" else others[ref]
        if not ref.optional and not leads_somewhere(ref, value):
            report_missing(ref, object_exists=value is not None, findings=findings)
    used = [(ref.path, _used(ref, contents[namespace, ref.name])) for ref in references if ref.kind == "ConfigMap"]
    # Certificates are for builds: pods need not be replaced for them.
    for_pods = [part for path, part in used if path != CA_PATH]
    for_builds = [part for path, part in used if path == CA_PATH]
    return Referred(
        findings=(*findings, *taken.findings),
        run_config=taken.run_config,
        files=taken.files,
        texts=_texts(references, namespace, contents),
        secrets={ref.name: frozenset(others[ref] or ()) for ref in references if _is_variable(ref, "Secret")},
        digest=digest(for_pods) if for_pods else "",
        certificates=digest(for_builds) if for_builds else "",
        claim_modes=next((others[ref] or () for ref in references if ref.path == "spec.server.storage.claimName"), ()),
    )


def leads_somewhere(ref: SpecReference, value: Any) -> bool:
    """Tell whether what a reference needs is there.

    Args:
        ref: the reference.
        value: what it led to; None for nothing.
    """
    if value is None or ref.key is None:
        return value is not None
    return ref.key in (value.data if ref.text else value)


def _texts(
    references: Sequence[SpecReference], namespace: str, contents: Mapping[Key, ConfigMapContent | None]
) -> dict[str, dict[str, str]]:
    """Return what a reading needs: the texts that the spec takes over, and what variables come from.

    An optional ConfigMap that is missing is known to have nothing; one that has to be there is left out.
    """
    texts: dict[str, dict[str, str]] = {}
    for ref in references:
        if not (ref.text or _is_variable(ref, "ConfigMap")):
            continue
        content = contents[namespace, ref.name]
        if content is None and not ref.optional:
            continue
        data = content.data if content else {}
        wanted = data if ref.key is None else {ref.key: data[ref.key]} if ref.key in data else {}
        texts.setdefault(ref.name, {}).update(wanted)
    return texts


def _is_variable(ref: SpecReference, kind: str) -> bool:
    return ref.kind == kind and ref.path.startswith("spec.server.env")


def _used(ref: SpecReference, content: ConfigMapContent | None) -> list[Any]:
    """Return what a reference takes from a ConfigMap, so that an edit of anything else changes nothing."""
    if content is None:
        return [ref.path, None]
    if ref.key is None:
        return [ref.path, dict(content.data), dict(content.binary)]
    return [ref.path, content.data.get(ref.key), content.binary.get(ref.key)]
