"""The facts about a stack as files tell them: what else is in the files stands for what else is in its namespace.

What only a cluster has is taken for there, and a finding says what depends on it: so what is rendered is what the
operator would apply, or it is told what may differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from llamastack_operator.api.base import API_VERSION
from llamastack_operator.objects.builds import BuildRecord, build_from
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.config_map import ConfigMapContent
from llamastack_operator.objects.resources import LLAMASTACKBUILDS
from llamastack_operator.planning.stack.facts import NOTHING_REFERRED, StackFacts
from llamastack_operator.planning.stack.inputs.config_map_texts import exceeds, take, texts_of, used_of
from llamastack_operator.planning.stack.inputs.references import CA_PATH, SpecReference, references_of
from llamastack_operator.planning.stack.referred import digest_of_contents, referred_of, tells_by_contents
from llamastack_operator.planning.stack.stack import Stack, stack_from
from llamastack_resolver.findings import Findings
from llamastack_resolver.reasons import ConfigReason

_HAND_IN = "hand the {} in as well"
NO_UID = "none"
"""What stands for the UID of an object that has none: only a cluster gives it."""


@dataclass(frozen=True)
class FilesAsCluster:
    """What files hold beside the stacks.

    Attributes:
        namespace: the namespace of what names none.
        config_maps: the ConfigMaps.
        claims: the access modes of the PersistentVolumeClaims.
        builds: the LlamaStackBuilds.
    """

    namespace: str
    config_maps: Mapping[Key, ConfigMapContent]
    claims: Mapping[Key, tuple[str, ...]]
    builds: tuple[BuildRecord, ...]

    @classmethod
    def among(cls, bodies: Iterable[Any], namespace: str) -> FilesAsCluster:
        """Return what there is among the values of YAML documents."""
        config_maps, claims, builds = {}, {}, []
        for value in bodies:
            if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
                continue
            body = as_served(value, namespace)
            key, kind = (body["metadata"]["namespace"], body["metadata"]["name"]), value.get("kind")
            if kind == "ConfigMap":
                config_maps[key] = ConfigMapContent(0, _texts(body, "data"), _texts(body, "binaryData"))
            elif kind == "PersistentVolumeClaim":
                claims[key] = tuple(_mapping(body.get("spec")).get("accessModes") or ())
            elif kind == LLAMASTACKBUILDS.kind and value.get("apiVersion") == API_VERSION:
                builds.append(build_from(body))
        return cls(namespace, config_maps, claims, tuple(builds))

    def facts(self, value: Mapping[str, Any], findings: Findings) -> StackFacts:
        """Return the facts about a stack.

        Args:
            value: the LlamaStack as its document has it.
            findings: where it goes what is not in the files.
        """
        stack = stack_from(as_served(value, self.namespace))
        if stack.spec is None:
            return StackFacts(stack, (), (), NOTHING_REFERRED)
        references = [self._as_far_as_known(stack, ref, findings) for ref in references_of(stack.spec)]
        namespace = stack.key[0]
        uses, wanted = used_of(references, namespace), texts_of(references, namespace, variables=True)
        held = {key: content for key in uses if (content := self.config_maps.get(key)) is not None}
        digests = {key: held[key].digests(parts) if key in held else None for key, parts in uses.items()}
        texts: dict[Key, Mapping[str, str] | None] = {
            key: held[key].texts(keys) if key in held else None for key, keys in wanted.items()
        }
        others: dict[SpecReference, Any] = {ref: self._other(namespace, ref) for ref in references}
        if exceeds(digests, wanted):
            texts = {}
        taken = take(stack.spec, namespace, texts)
        referred = referred_of(references, namespace, digests, others, texts, taken)
        if tells_by_contents(digests):
            contents = {key: held.get(key) for key in uses}
            referred = replace(referred, digest=digest_of_contents(references, namespace, contents))
        return StackFacts(stack, (), (), referred)

    def builds_of(self, namespace: str) -> tuple[BuildRecord, ...]:
        """Return the builds of a namespace."""
        return tuple(build for build in self.builds if build.key[0] == namespace)

    def _as_far_as_known(self, stack: Stack, ref: SpecReference, findings: Findings) -> SpecReference:
        """Take what is not in the files for there, unless its text becomes part of what is rendered."""
        key = (stack.key[0], ref.name)
        if ref.kind == "ConfigMap" and key not in self.config_maps and not ref.text:
            depends = "the name of builds" if ref.path == CA_PATH else "the digest in the pods' annotation"
            message = f"ConfigMap {ref.name} is not in these files: with it {depends} is another one"
            findings.info(ConfigReason.MISSING_REFERENCE, message, ref.path, hint=_HAND_IN.format("ConfigMap"))
            return replace(ref, optional=True)
        if ref.path == "spec.server.storage.claimName" and key not in self.claims:
            message = f"the claim {ref.name} is not in these files: it is taken for one that one node holds at a time"
            findings.info(ConfigReason.MISSING_REFERENCE, message, ref.path, hint=_HAND_IN.format("claim"))
        return ref

    def _other(self, namespace: str, ref: SpecReference) -> Any:
        if ref.kind == "Secret":
            return frozenset() if ref.key is None else frozenset({ref.key})
        return self.claims.get((namespace, ref.name), ())


def as_served(value: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """Return an object of a file as the API server would serve it: what only the server knows is left empty."""
    body: dict[str, Any] = _json(value)
    metadata = _mapping(body.get("metadata"))
    generation = metadata.get("generation")
    body["status"] = _mapping(body.get("status"))
    body["metadata"] = {
        **metadata,
        "namespace": str(metadata.get("namespace") or namespace),
        "name": str(metadata.get("name") or ""),
        "uid": str(metadata.get("uid") or NO_UID),
        "resourceVersion": "0",
        "generation": generation if isinstance(generation, int) else 0,
        "annotations": _mapping(metadata.get("annotations")),
    }
    return body


def _json(value: Any) -> Any:
    """Return a value of YAML as JSON has it, as `kubectl apply` sends it: dates and keys are text."""
    if isinstance(value, Mapping):
        return {str(key): _json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(body: Mapping[str, Any], key: str) -> dict[str, str]:
    return {name: text for name, text in _mapping(body.get(key)).items() if isinstance(text, str)}
