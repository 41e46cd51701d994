"""All that the answer about a stack depends on, and nothing else: who asks the same shares the answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.known_image import KnownImage, known_image
from llamastack_resolver.documents.environment import Secrets

_SPEC = ("distribution", "runConfigFrom", "externalProviders", "externalApis")
_SERVER = ("env", "envFrom")
_PIP = ("requirements", "constraints")


@dataclass(frozen=True)
class ReadingQuestion:
    """What is asked.

    Attributes:
        spec: the parts of the spec that matter, in wire form, without an inline run config.
        pip: what `spec.build.pip` asks for beside the run config, by the names of its fields; it decides about what is
            installed alone.
        image: what the stack's own pods have told of its image; it decides about what is said alone, and so changes
            neither what pods get, nor what tells these inputs from others.
        run_config: the text of an inline run config; None where it is referred to, or there is none.
        config_maps: the texts of ConfigMaps that matter, by name and key.
        secrets: the keys of Secrets that matter, by name.
    """

    spec: Mapping[str, Any]
    run_config: str | None
    config_maps: Mapping[str, Mapping[str, str]]
    secrets: Secrets
    pip: Mapping[str, Sequence[str]] = field(default_factory=dict)
    image: KnownImage | None = None

    @cached_property
    def text(self) -> str:
        """The question as JSON; the same question is the same text."""
        known = {} if self.image is None else {"image": asdict(self.image)}
        return _text({**self._judged, **known, "pip": {name: list(texts) for name, texts in self.pip.items()}})

    @cached_property
    def key(self) -> str:
        """What tells this question from others."""
        return _digest(self.text)

    @cached_property
    def digest(self) -> str:
        """What tells the inputs that the resolver judges from others."""
        return _digest(_text(self._judged))

    @property
    def _judged(self) -> dict[str, Any]:
        return {
            "spec": self.spec,
            "runConfig": self.run_config,
            "configMaps": {name: dict(texts) for name, texts in self.config_maps.items()},
            "secrets": {name: sorted(keys) for name, keys in self.secrets.items()},
        }

    @classmethod
    def of_text(cls, text: str) -> ReadingQuestion:
        """Return the question that was written as JSON."""
        value = json.loads(text)
        secrets = {name: frozenset(keys) for name, keys in value["secrets"].items()}
        image = KnownImage(**value["image"]) if "image" in value else None
        return cls(value["spec"], value["runConfig"], value["configMaps"], secrets, value["pip"], image)


def question_of(facts: StackFacts) -> ReadingQuestion | None:
    """Return what is to be asked about a stack; None where its spec or its run config cannot be."""
    stack, referred = facts.stack, facts.referred
    if stack.spec is None or (stack.spec.run_config_from is None and stack.run_config is None):
        return None
    wire = stack.spec.to_wire()
    spec = {key: wire[key] for key in _SPEC if key in wire}
    written = wire.get("server") or {}
    server = {key: written[key] for key in _SERVER if key in written}
    mounts = (written.get("podTemplate") or {}).get("volumeMounts")
    if mounts:
        server["podTemplate"] = {"volumeMounts": mounts}
    pip = (wire.get("build") or {}).get("pip") or {}
    asked = {key: pip[key] for key in _PIP if pip.get(key)}
    said = {**spec, "server": server}
    return ReadingQuestion(said, stack.run_config, referred.texts, referred.secrets, asked, known_image(stack))


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
