"""Puts together what a stack's references led to, wherever that was looked up: in a cluster, or in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llamastack_operator.objects.child import Key, digest
from llamastack_operator.objects.config_map import ConfigMapContent, ConfigMapDigests
from llamastack_operator.planning.stack.facts import Referred
from llamastack_operator.planning.stack.inputs.config_map_texts import (
    Taken,
    Texts,
    exceeds,
    is_variable,
    report_exceeding,
    texts_of,
)
from llamastack_operator.planning.stack.inputs.references import CA_PATH, SpecReference, report_missing
from llamastack_resolver.findings import Findings

_LITTLE = 1 << 20
"""Bytes of ConfigMaps that are read once more at each change of one of them."""


def referred_of(
    references: Sequence[SpecReference],
    namespace: str,
    config_maps: Mapping[Key, ConfigMapDigests | None],
    others: Mapping[SpecReference, Any],
    texts: Texts,
    taken: Taken,
) -> Referred:
    """Return what references led to.

    Args:
        references: the references of a spec.
        namespace: its namespace.
        config_maps: every ConfigMap that it refers to, None for one that is not there.
        others: by reference to a Secret its keys, by reference to a claim its access modes; None where it is not there.
        texts: the texts that were read of ConfigMaps.
        taken: what the spec took of them.
    """
    findings = Findings()
    for ref in references:
        if ref.kind == "ConfigMap":
            value: Any = config_maps[namespace, ref.name]
            leads = value is not None and _is_there(ref, value)
        else:
            value = others[ref]
            leads = leads_somewhere(ref, value)
        if not ref.optional and not leads:
            report_missing(ref, object_exists=value is not None, findings=findings)
    if exceeds(config_maps, texts_of(references, namespace, variables=True)):
        report_exceeding(findings)
    for_builds = [_used(ref, config_maps[namespace, ref.name]) for ref in references if ref.path == CA_PATH]
    for_pods = [_used(ref, config_maps[namespace, ref.name]) for ref in references if _is_for_pods(ref)]
    return Referred(
        findings=(*findings, *taken.findings),
        run_config=taken.run_config,
        files=taken.files,
        texts=texts_by_name(references, namespace, texts),
        secrets={ref.name: frozenset(others[ref] or ()) for ref in references if is_variable(ref, "Secret")},
        digest=digest(for_pods) if for_pods else "",
        certificates=digest(for_builds) if for_builds else "",
        claim_modes=next((others[ref] or () for ref in references if ref.path == "spec.server.storage.claimName"), ()),
    )


def tells_by_contents(config_maps: Mapping[Key, ConfigMapDigests | None]) -> bool:
    """Tell whether the digest of what pods use is made of contents, and not of their digests.

    It stands in the pods' annotation, and was made so when contents were kept: another one would replace all pods at an
    upgrade of the operator. Where there is much to read again at each change, it is not.

    Args:
        config_maps: every ConfigMap that a spec refers to.
    """
    return sum(held.size for held in config_maps.values() if held) <= _LITTLE


def digest_of_contents(
    references: Sequence[SpecReference], namespace: str, contents: Mapping[Key, ConfigMapContent | None]
) -> str:
    """Return the digest of what pods use of ConfigMaps, made of their contents; empty where they use none.

    Args:
        references: the references of a spec.
        namespace: its namespace.
        contents: every ConfigMap that it refers to, None for one that is not there.
    """
    for_pods = [_content(ref, contents[namespace, ref.name]) for ref in references if _is_for_pods(ref)]
    return digest(for_pods) if for_pods else ""


def leads_somewhere(ref: SpecReference, value: Any) -> bool:
    """Tell whether what a reference to a Secret or a claim needs is there.

    Args:
        ref: the reference.
        value: what it led to; None for nothing.
    """
    return value is not None and (ref.key is None or ref.key in value)


def _is_there(ref: SpecReference, config_map: ConfigMapDigests) -> bool:
    part = config_map.part(ref.key)
    return part is not None and (part.is_text or not ref.text)


def texts_by_name(references: Sequence[SpecReference], namespace: str, texts: Texts) -> dict[str, dict[str, str]]:
    """Return what a reading needs: the texts that the spec takes over, and what variables come from.

    An optional ConfigMap that is missing is known to have nothing; one that has to be there is left out.

    Args:
        references: the references of a spec.
        namespace: its namespace.
        texts: the texts that were read of ConfigMaps.
    """
    found: dict[str, dict[str, str]] = {}
    for ref in references:
        key = (namespace, ref.name)
        if key not in texts or not (ref.text or is_variable(ref, "ConfigMap")):
            continue
        content = texts[key]
        if content is None and not ref.optional:
            continue
        data = content or {}
        wanted = data if ref.key is None else {ref.key: data[ref.key]} if ref.key in data else {}
        found.setdefault(ref.name, {}).update(wanted)
    return found


def _is_for_pods(ref: SpecReference) -> bool:
    """Tell whether pods use a ConfigMap: they need not be replaced for certificates, which are for builds."""
    return ref.kind == "ConfigMap" and ref.path != CA_PATH


def _content(ref: SpecReference, content: ConfigMapContent | None) -> list[Any]:
    if content is None:
        return [ref.path, None]
    if ref.key is None:
        return [ref.path, dict(content.data), dict(content.binary)]
    return [ref.path, content.data.get(ref.key), content.binary.get(ref.key)]


def _used(ref: SpecReference, config_map: ConfigMapDigests | None) -> list[Any]:
    """Return what tells of a change of what a reference takes from a ConfigMap; an edit of anything else is none."""
    part = config_map.part(ref.key) if config_map is not None else None
    # That there is a ConfigMap is a change of its own, where the key is missing in it.
    return [ref.path, config_map is not None, part and part.digest]
