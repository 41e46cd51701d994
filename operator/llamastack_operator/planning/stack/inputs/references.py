"""Which other objects a spec refers to, and what a missing one means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from llamastack_operator.api.base import KeyReference
from llamastack_operator.api.build import BuildSettings
from llamastack_operator.api.pods import EnvFromSource, EnvVar, Volume
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_resolver.findings import Findings
from llamastack_resolver.reasons import ConfigReason

CA_PATH = "spec.build.caBundleRef"
_DOCKER_KEYS = dict.fromkeys(("spec.build.pushSecretRef", "spec.build.pullSecretRef"), ".dockerconfigjson")


@dataclass(frozen=True, slots=True)
class SpecReference:
    """One reference of a spec to an object of its namespace.

    Attributes:
        kind: what is referred to.
        name: its name.
        key: the key that is needed in it, or None for the whole object.
        path: the referring field.
        optional: whether the stack starts without it.
        text: whether the key must hold text.
    """

    kind: Literal["ConfigMap", "Secret", "PersistentVolumeClaim"]
    name: str
    key: str | None
    path: str
    optional: bool = False
    text: bool = False


def references_of(spec: LlamaStackSpec) -> list[SpecReference]:
    """Return all references of a spec, in the order of its fields."""
    found: list[SpecReference] = []
    if spec.run_config_from is not None:
        ref = spec.run_config_from.config_map_key_ref
        found.append(_text(ref, "spec.runConfigFrom"))
    for index, provider in enumerate(spec.external_providers or []):
        found.append(_text(provider.config_map_key_ref, f"spec.externalProviders[{index}]"))
    for index, api in enumerate(spec.external_apis or []):
        found.append(_text(api.config_map_key_ref, f"spec.externalApis[{index}]"))
    found += _build(spec.build)
    server = spec.server
    if server is None:
        return found
    for index, entry in enumerate(server.env or []):
        found += _env(entry, f"spec.server.env[{index}].valueFrom")
    for index, source in enumerate(server.env_from or []):
        found += _env_from(source, f"spec.server.envFrom[{index}]")
    if server.storage and server.storage.claim_name:
        path = "spec.server.storage.claimName"
        found.append(SpecReference("PersistentVolumeClaim", server.storage.claim_name, None, path))
    for index, volume in enumerate((server.pod_template and server.pod_template.volumes) or []):
        found += _volume(volume, f"spec.server.podTemplate.volumes[{index}]")
    return found


def report_missing(reference: SpecReference, object_exists: bool, findings: Findings) -> None:
    """Report a reference that leads nowhere."""
    what = f"the {reference.kind} {reference.name!r}"
    if object_exists:
        message = f"{reference.path}: {what} has no key {reference.key!r}{' in its `data`' if reference.text else ''}"
        hint = f"Add the key to {what}, or name one that it has."
    else:
        message = f"{reference.path}: {what} does not exist"
        hint = "Create it in the stack's namespace; it is picked up when it arrives."
    findings.error(ConfigReason.MISSING_REFERENCE, message, reference.path, hint=hint)


def _text(ref: KeyReference, path: str) -> SpecReference:
    return SpecReference("ConfigMap", ref.name, ref.key, f"{path}.configMapKeyRef", text=True)


def _build(build: BuildSettings | None) -> Iterator[SpecReference]:
    if build is None:
        return
    secrets = {
        "spec.build.pushSecretRef": build.push_secret_ref,
        "spec.build.pullSecretRef": build.pull_secret_ref,
        "spec.build.pip.secretRef": build.pip.secret_ref if build.pip else None,
    }
    for path, secret in secrets.items():
        if secret is not None:
            yield SpecReference("Secret", secret.name, _DOCKER_KEYS.get(path), path)
    if build.ca_bundle_ref is not None:
        yield SpecReference("ConfigMap", build.ca_bundle_ref.name, build.ca_bundle_ref.key, CA_PATH)


def _env(entry: EnvVar, path: str) -> Iterator[SpecReference]:
    source = entry.value_from
    if source is None:
        return
    if (ref := source.config_map_key_ref) is not None:
        yield SpecReference("ConfigMap", ref.name, ref.key, f"{path}.configMapKeyRef", bool(ref.optional))
    if (ref := source.secret_key_ref) is not None:
        yield SpecReference("Secret", ref.name, ref.key, f"{path}.secretKeyRef", bool(ref.optional))


def _env_from(source: EnvFromSource, path: str) -> Iterator[SpecReference]:
    if (ref := source.config_map_ref) is not None:
        yield SpecReference("ConfigMap", ref.name, None, f"{path}.configMapRef", bool(ref.optional))
    if (ref := source.secret_ref) is not None:
        yield SpecReference("Secret", ref.name, None, f"{path}.secretRef", bool(ref.optional))


def _volume(volume: Volume, path: str) -> Iterator[SpecReference]:
    if (config := volume.config_map) is not None:
        keys: list[str | None] = [item.key for item in config.items or []] or [None]
        for key in keys:
            yield SpecReference("ConfigMap", config.name, key, f"{path}.configMap", bool(config.optional))
    if (secret := volume.secret) is not None:
        needed: list[str | None] = [item.key for item in secret.items or []] or [None]
        for key in needed:
            yield SpecReference("Secret", secret.secret_name, key, f"{path}.secret", bool(secret.optional))
    if (claim := volume.persistent_volume_claim) is not None:
        yield SpecReference("PersistentVolumeClaim", claim.claim_name, None, f"{path}.persistentVolumeClaim")
