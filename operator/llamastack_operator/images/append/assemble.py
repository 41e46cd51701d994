"""Makes the config and the manifest of a built image: those of its base, and the layers that a build made.

Pure, and free of time and place: the same base, layer and inputs give the same digest. The result is always an OCI
image, since only its manifests carry annotations; the layers of a Docker schema 2 base have the same bytes under
their OCI names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from llamastack_contract.paths import packages_of
from llamastack_operator.images.append.base import Base
from llamastack_operator.images.append.inputs import PushInputs
from llamastack_operator.images.layer.pack import PackedLayer
from llamastack_operator.images.registry.media import OCI_CONFIG, OCI_LAYER_GZIP, OCI_LAYERS, OCI_MANIFEST
from llamastack_operator.images.registry.reference import parse_reference
from llamastack_operator.images.registry.referrers import canonical_json, descriptor

EPOCH = "1970-01-01T00:00:00Z"
"""When every image was created: a real time would make each build another image."""
KEY_ANNOTATION = "llamastack.dev/build-key"
"""Annotation that holds the key of the build."""
_RUNTIME_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Image:
    """A built image.

    Attributes:
        config: bytes of its config.
        manifest: bytes of its manifest.
        descriptor: of the manifest.
        config_descriptor: of the config.
        size: bytes of all its blobs.
    """

    config: bytes
    manifest: bytes
    descriptor: dict[str, Any]
    config_descriptor: dict[str, Any]
    size: int


def assemble(base: Base, made: Sequence[PackedLayer], inputs: PushInputs, python: str) -> Image:
    """Put layers on a base.

    Args:
        base: what the build started from.
        made: what it made, the lower one first.
        inputs: of the build.
        python: major and minor version of the layers' interpreter, for example `3.13`.
    """
    config = canonical_json(_config(base, made, inputs, python))
    layers = [_oci_layer(known) for known in base.layers]
    layers += [{"mediaType": OCI_LAYER_GZIP, "digest": layer.digest, "size": layer.size} for layer in made]
    config_descriptor = descriptor(OCI_CONFIG, config)
    manifest = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config_descriptor,
            "layers": layers,
            "annotations": image_annotations(base, inputs),
        }
    )
    size = len(config) + sum(known["size"] for known in layers)
    return Image(config, manifest, descriptor(OCI_MANIFEST, manifest), config_descriptor, size)


def image_annotations(base: Base, inputs: PushInputs) -> dict[str, str]:
    """Return the annotations of a built image: what the operator asks for, its key and its base."""
    return {
        **inputs.labels,
        KEY_ANNOTATION: inputs.written_key,
        "org.opencontainers.image.base.name": str(parse_reference(inputs.base.image)),
        "org.opencontainers.image.base.digest": base.digest,
    }


def _config(base: Base, made: Sequence[PackedLayer], inputs: PushInputs, python: str) -> dict[str, Any]:
    config = deepcopy(base.config)
    config["created"] = EPOCH
    below = config["rootfs"]["diff_ids"]
    config["rootfs"] = {"type": "layers", "diff_ids": [*below, *(layer.diff_id for layer in made)]}
    run: dict[str, Any] = config.get("config") or {}
    config["config"] = run
    run["Env"] = _environment(run.get("Env") or [], inputs.layer.kind, inputs.layer.root, python)
    run["Labels"] = {**(run.get("Labels") or {}), **inputs.labels, KEY_ANNOTATION: inputs.written_key}
    history = config.get("history")
    # A history that does not count the layers right would stop counting wrong with one entry more, and then mislead.
    if isinstance(history, list) and _counted(history) == len(base.layers):
        what = ["dependencies of modules", "modules"] if len(made) > 1 else [inputs.layer.kind]
        config["history"] = [*history, *(_step(name, inputs) for name in what)]
    return config


def _step(what: str, inputs: PushInputs) -> dict[str, str]:
    return {"created": EPOCH, "created_by": f"llamastack-operator: {what} {inputs.written_key}"}


def _environment(pairs: list[str], kind: str, root: str, python: str) -> list[str]:
    """Let the layer's programs and packages be found: a stack's before the base's own, modules after them."""
    values = dict(pair.partition("=")[::2] for pair in pairs)
    path = values.get("PATH") or _RUNTIME_PATH
    programs = f"{root}/bin"
    if kind == "stack":
        values["PATH"] = _joined(programs, path)
        return [f"{name}={value}" for name, value in values.items()]
    values["PATH"] = _joined(path, programs)
    values["PYTHONPATH"] = _joined(f"{root}/{packages_of(python)}", values.get("PYTHONPATH", ""))
    return [f"{name}={value}" for name, value in values.items()]


def _joined(*paths: str) -> str:
    return ":".join(dict.fromkeys(part for path in paths for part in path.split(":") if part))


def _counted(history: list[Any]) -> int:
    return sum(1 for entry in history if isinstance(entry, dict) and not entry.get("empty_layer"))


def _oci_layer(known: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: known[name] for name in ("digest", "size", "annotations") if name in known}
    return {"mediaType": OCI_LAYERS[known["mediaType"]], **kept}
