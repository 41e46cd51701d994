"""Objects of other operators of Llama Stack and OGX: what they say of the run configs in ConfigMaps beside them.

Their specs are not checked here. But they name the image that a run config is for, and variables that it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from llamastack_resolver.config.env import Environment
from llamastack_resolver.documents.config_maps import ConfigMaps, may_be_one
from llamastack_resolver.documents.environment import read_entries
from llamastack_resolver.documents.input import Input
from llamastack_resolver.documents.kubernetes import FOREIGN_KINDS, KubernetesObject
from llamastack_resolver.findings import DOCUMENT
from llamastack_resolver.reasons import ConfigReason

_IMAGES = (("server", "distribution", "image"), ("distribution", "image"), ("image",))
_REFERENCES = ("userConfig", "overrideConfig", "baseConfig")
_ENVIRONMENTS = (("server", "containerSpec", "env"), ("workload", "overrides", "env"), ("env",))


@dataclass(frozen=True)
class ForeignObjects:
    """The objects of other operators among all that was handed in.

    Attributes:
        by_config_map: the first that refers to a ConfigMap, by namespace and name of that.
        by_namespace: those of a namespace.
    """

    by_config_map: dict[tuple[str, str], KubernetesObject] = field(default_factory=dict)
    by_namespace: dict[str, list[KubernetesObject]] = field(default_factory=dict)

    @classmethod
    def among(cls, objects: Iterable[KubernetesObject]) -> ForeignObjects:
        """Return those among the objects."""
        found = cls()
        for one in objects:
            if one.kind in FOREIGN_KINDS:
                found.by_namespace.setdefault(one.namespace, []).append(one)
                for name in _config_maps(one):
                    found.by_config_map.setdefault((one.namespace, name), one)
        return found

    def of(self, config_map: KubernetesObject) -> KubernetesObject | None:
        """Return the one that refers to a ConfigMap, else the only one that may be in its namespace."""
        own, name = config_map.namespace, config_map.name
        exact = self.by_config_map.get((own, name))
        if exact is not None:
            return exact
        referring = [
            one
            for (namespace, named), one in self.by_config_map.items()
            if named == name and may_be_one(namespace, own)
        ]
        beside = [one for space, some in self.by_namespace.items() if may_be_one(space, own) for one in some]
        return next((some[0] for some in (referring, beside) if len(some) == 1), None)


def image_of(foreign: KubernetesObject) -> str | None:
    """Return the image that an object names; None where it names a distribution, or nothing."""
    found = (_at(foreign.spec, path) for path in _IMAGES)
    return next((image for image in found if isinstance(image, str) and image), None)


def environment_of(foreign: KubernetesObject) -> Environment:
    """Return what an object says of the server's variables; the image may set others."""
    entries = (_at(foreign.spec, path) for path in _ENVIRONMENTS)
    return read_entries(next((one for one in entries if isinstance(one, list)), []), "unknown")


def read_foreign(foreign: KubernetesObject, config_maps: ConfigMaps) -> Input:
    """Return the document of an object of another operator: it says so, and that nothing else was looked at."""
    result = Input(foreign.file, "Other", foreign.name, object_kind=foreign.kind, passed_over=True)
    result.document = foreign.document
    named = sorted(_config_maps(foreign))
    missing = [name for name in named if not config_maps.has(foreign.namespace, name)]
    config = f"the ConfigMap {', '.join(named)}" if named else "a ConfigMap"
    message = f"{foreign.kind} is another operator's kind: nothing of it is checked but the run config in {config}"
    hint = f"hand in the ConfigMap {', '.join(missing)} as well" if missing else None
    result.findings.info(ConfigReason.PASSED_OVER, message, DOCUMENT, hint=hint)
    return result


def _config_maps(foreign: KubernetesObject) -> set[str]:
    return set(_names(foreign.spec)) | set(_names(_at(foreign.spec, ("server",))))


def _names(holder: Any) -> Iterator[str]:
    for key in _REFERENCES if isinstance(holder, dict) else ():
        source = holder.get(key)
        found = (_at(source, ("configMapName",)), _at(source, ("configMapRef", "name")), _at(source, ("name",)))
        yield from (name for name in found if isinstance(name, str))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
