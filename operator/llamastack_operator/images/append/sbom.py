"""The bill of materials of a built image, as CycloneDX 1.6 JSON: what is in it, from the installer's record.

It has no time and no random serial number: the same image gives the same document, so a build that is repeated
attaches nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from llamastack_contract.lock import Locked
from llamastack_contract.names import canonical
from llamastack_contract.record import Distribution, Record
from llamastack_operator.images.append.base import Base
from llamastack_operator.images.registry.reference import ImageReference, parse_reference
from llamastack_operator.images.registry.referrers import canonical_json

type Component = dict[str, Any]


def sbom(record: Record, base: Base, image: ImageReference) -> bytes:
    """Render the bill of materials.

    Args:
        record: of the layer that the build added.
        base: what it was added to.
        image: the result, by digest.
    """
    files = {(canonical(locked.name), locked.version): locked for locked in record.lock}
    ours = [_package(entry, files.get((canonical(entry.name), entry.version))) for entry in record.installed]
    theirs = [_package(entry, None) for entry in record.base]
    ground = _container(parse_reference(base.reference).at(base.digest))
    result = _container(image)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": result,
            "tools": {"components": [{"type": "application", "name": "llamastack-operator"}]},
        },
        "components": [ground, *_unique([*ours, *theirs])],
        "dependencies": [
            {"ref": result["bom-ref"], "dependsOn": [ground["bom-ref"], *_references(ours)]},
            {"ref": ground["bom-ref"], "dependsOn": _references(theirs)},
        ],
    }
    return canonical_json(document)


def _package(entry: Distribution, locked: Locked | None) -> Component:
    purl = f"pkg:pypi/{canonical(entry.name)}@{quote(entry.version, safe='')}"
    component: Component = {
        "type": "library",
        "bom-ref": purl,
        "name": entry.name,
        "version": entry.version,
        "purl": purl,
    }
    if locked is not None:
        component["hashes"] = [{"alg": "SHA-256", "content": locked.sha256}]
    if entry.license:
        component["licenses"] = [{"license": {"name": entry.license}}]
    return component


def _container(reference: ImageReference) -> Component:
    name = reference.repository.rpartition("/")[2]
    digest = reference.digest or ""
    purl = f"pkg:oci/{name}@{quote(digest, safe='')}?repository_url={quote(reference.name, safe='/')}"
    component: Component = {
        "type": "container",
        "bom-ref": purl,
        "name": reference.name,
        "version": digest,
        "purl": purl,
    }
    algorithm, _, value = digest.partition(":")
    component["hashes"] = [{"alg": f"SHA-{algorithm.removeprefix('sha')}", "content": value}]
    return component


def _unique(components: Iterable[Component]) -> list[Component]:
    known: dict[str, Component] = {}
    for component in components:
        known.setdefault(component["bom-ref"], component)
    return [known[name] for name in sorted(known)]


def _references(components: Iterable[Component]) -> list[str]:
    return sorted({component["bom-ref"] for component in components})
