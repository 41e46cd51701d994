"""What one release ships, as plain data: the contract between the resolver and whoever knows a release.

Two sources fill these classes: the operator's catalog (offline: command line, webhook, controller) and
introspection of an installed release (image build, pod start). The resolver asks the same questions of both,
so their verdicts cannot drift apart.

JSON shape of a release (the `core` part)::

    {"format": 1, "package": "llama-stack", "version": "0.7.3",
     "apis": ["providers", "inference", ...],             every value of the Api enum, sorted
     "providable_apis": ["inference", ...],               those with a registry module
     "routed": [{"table": "models", "router": "inference",
                 "requires": ["models"], "optional": []}],   api_dependencies of the auto-routed spec
     "routers_module": "llama_stack.core.routers",
     "run_config_class": "llama_stack.core.datatypes.StackConfig",
     "bundled_top_level_keys": ["apis", "version", ...],  seen in the bundled configs
     "providers": {"inference": {"remote::vllm": {
         "kind": "remote" | "inline" | "other", "module": ..., "config_class": ...,
         "api_dependencies": [], "optional_api_dependencies": [], "pip_packages": [],
         "deprecation_warning": null, "deprecation_error": null, "provider_data_validator": null,
         "adapter_type": null, "toolgroup_id": null, "description": null, "container_image": null}}},
     "protocols": {"inference": PROTOCOL, ...},           api_protocol_map()
     "compliance_protocols": {"inference": PROTOCOL},     where a provider implements another one:
     InferenceProvider "additional_protocols": {"inference": {"api": "models", "private": PROTOCOL}},
     "distributions": ["starter", ...],
     "python": ">=3.12"}

    PROTOCOL = {"class": "llama_stack_api.inference.InferenceProvider", "methods": {"rerank": {
        "parameters": [{"name": "request", "kind": "keyword", "required": true}], "async": true,
        "route": {"method": "POST", "path": "/v1alpha/inference/rerank"} | null}}}
    parameter kinds: positional_only, positional_or_keyword, var_positional, keyword_only, var_keyword;
    `self` is left out; absent keys mean null, false or empty.

The part `schemas` maps the dotted name of a config class (and of the run config class) to its JSON schema in
validation mode, `$defs` included. Objects carry `x-extra` (ignore, forbid, allow; absent: ignore); objects
and properties carry `x-validators`, the list of before, wrap, plain or after validators that JSON schema
cannot express; a property that accepts several input names (aliases) lists them in `x-names`.
The part `distributions` maps a name to the text of its run config, the part `constraints` is a constraints
file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, cast

from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.releases import Release

FORMAT = 1
ProviderKind = Literal["remote", "inline", "other"]


class KnowledgeFormatError(ValueError):
    """The data about a release does not have the shape that this version reads."""


class Parameter(NamedTuple):
    """One parameter of a protocol method, without `self`."""

    name: str
    kind: str = "positional_or_keyword"
    required: bool = False

    @property
    def named(self) -> bool:
        """Whether the parameter has a name that callers use (neither `*args` nor `**kwargs`)."""
        return self.kind not in ("var_positional", "var_keyword")


class Route(NamedTuple):
    """The HTTP route that serves a protocol method; `path` is complete, with `{name}` placeholders."""

    method: str
    path: str


class Method(NamedTuple):
    """A public method of a protocol."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    is_async: bool = True
    route: Route | None = None

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Any]) -> Method:
        """Read the JSON shape."""
        route = data.get("route")
        return cls(
            name=name,
            parameters=tuple(
                Parameter(p["name"], p.get("kind", "positional_or_keyword"), bool(p.get("required")))
                for p in data.get("parameters") or ()
            ),
            is_async=bool(data.get("async")),
            route=Route(route["method"], route["path"]) if route else None,
        )


class Protocol(NamedTuple):
    """The methods that an implementation of an API must have.

    Attributes:
        class_name: dotted name of the protocol class in the release.
        methods: its public methods by name, inherited ones included.
    """

    class_name: str
    methods: Mapping[str, Method]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Protocol:
        """Read the JSON shape."""
        methods = data.get("methods") or {}
        return cls(data["class"], {name: Method.from_dict(name, value or {}) for name, value in methods.items()})


class AdditionalProtocol(NamedTuple):
    """A private protocol that a provider of an API implements for the API of its routing table."""

    api: str
    private: Protocol


class RoutedPair(NamedTuple):
    """A routing table API and the router API in front of the providers."""

    table: str
    router: str
    requires: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProviderSpec:
    """What a release, a module or a providers directory says about one provider type.

    The fields are those of upstream's ProviderSpec family, flattened; `kind` says which class it was.
    """

    api: str
    provider_type: str
    kind: ProviderKind = "inline"
    module: str | None = None
    config_class: str | None = None
    api_dependencies: tuple[str, ...] = ()
    optional_api_dependencies: tuple[str, ...] = ()
    pip_packages: tuple[str, ...] = ()
    deprecation_warning: str | None = None
    deprecation_error: str | None = None
    provider_data_validator: str | None = None
    adapter_type: str | None = None
    toolgroup_id: str | None = None
    description: str | None = None
    container_image: str | None = None
    execution_mode: str | None = None

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Required, then optional API dependencies (upstream's `deps__`)."""
        return (*self.api_dependencies, *self.optional_api_dependencies)

    @classmethod
    def from_dict(cls, api: str, provider_type: str, data: Mapping[str, Any]) -> ProviderSpec:
        """Read the JSON shape."""
        kind = data.get("kind") or provider_type.split("::", 1)[0]
        return cls(
            api=api,
            provider_type=provider_type,
            kind=cast(ProviderKind, kind if kind in ("remote", "inline") else "other"),
            module=data.get("module"),
            config_class=data.get("config_class"),
            api_dependencies=tuple(data.get("api_dependencies") or ()),
            optional_api_dependencies=tuple(data.get("optional_api_dependencies") or ()),
            pip_packages=tuple(data.get("pip_packages") or ()),
            **{
                name: data.get(name)
                for name in (
                    "deprecation_warning",
                    "deprecation_error",
                    "provider_data_validator",
                    "adapter_type",
                    "toolgroup_id",
                    "description",
                    "container_image",
                    "execution_mode",
                )
            },
        )


def _no_part(name: str) -> Any:
    return "" if name == "constraints" else {}


@dataclass(frozen=True)
class ReleaseKnowledge:
    """Everything that is known about one release.

    Attributes:
        release: which one.
        apis: every API that exists, providable or not.
        load_part: returns the part `schemas`, `distributions` or `constraints`; called at most once for each,
            and only when it is asked for.
    """

    release: Release
    apis: frozenset[str]
    providable_apis: frozenset[str]
    routed: tuple[RoutedPair, ...]
    providers: Mapping[str, Mapping[str, ProviderSpec]]
    protocols: Mapping[str, Protocol] = field(default_factory=dict)
    compliance_protocols: Mapping[str, Protocol] = field(default_factory=dict)
    additional_protocols: Mapping[str, AdditionalProtocol] = field(default_factory=dict)
    routers_module: str = "llama_stack.core.routers"
    run_config_class: str = ""
    bundled_top_level_keys: frozenset[str] = frozenset()
    distribution_names: tuple[str, ...] = ()
    load_part: Callable[[str], Any] = _no_part

    @classmethod
    def from_dict(cls, core: Mapping[str, Any], load_part: Callable[[str], Any] = _no_part) -> ReleaseKnowledge:
        """Read the JSON shape of the module docstring.

        Raises:
            KnowledgeFormatError: the data is of another format or lacks a key.
        """
        if core.get("format") != FORMAT:
            raise KnowledgeFormatError(f"format {core.get('format')!r} of release data is not {FORMAT}")
        try:
            return cls._read(core, load_part)
        except (KeyError, TypeError, AttributeError) as error:
            raise KnowledgeFormatError(f"release data is incomplete: {error!r}") from error

    @classmethod
    def _read(cls, core: Mapping[str, Any], load_part: Callable[[str], Any]) -> ReleaseKnowledge:
        return cls(
            release=Release(core["package"], core["version"]),
            apis=frozenset(core["apis"]),
            providable_apis=frozenset(core["providable_apis"]),
            routed=tuple(
                RoutedPair(p["table"], p["router"], tuple(p.get("requires") or ()), tuple(p.get("optional") or ()))
                for p in core["routed"]
            ),
            providers={
                api: {name: ProviderSpec.from_dict(api, name, spec) for name, spec in specs.items()}
                for api, specs in core["providers"].items()
            },
            protocols={api: Protocol.from_dict(p) for api, p in (core.get("protocols") or {}).items()},
            compliance_protocols={
                api: Protocol.from_dict(p) for api, p in (core.get("compliance_protocols") or {}).items()
            },
            additional_protocols={
                api: AdditionalProtocol(p["api"], Protocol.from_dict(p["private"]))
                for api, p in (core.get("additional_protocols") or {}).items()
            },
            routers_module=core.get("routers_module") or "llama_stack.core.routers",
            run_config_class=core.get("run_config_class") or "",
            bundled_top_level_keys=frozenset(core.get("bundled_top_level_keys") or ()),
            distribution_names=tuple(core.get("distributions") or ()),
            load_part=load_part,
        )

    @property
    def behaviour(self) -> Behaviour:
        """What the release does in its own way."""
        return Behaviour.of(self.release)

    @cached_property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """JSON schemas by dotted class name."""
        return cast(Mapping[str, Mapping[str, Any]], self.load_part("schemas"))

    @cached_property
    def distributions(self) -> Mapping[str, str]:
        """Text of the bundled run configs by distribution name."""
        return cast(Mapping[str, str], self.load_part("distributions"))

    @cached_property
    def constraints(self) -> str:
        """A constraints file with which the release installs and starts."""
        return cast(str, self.load_part("constraints"))

    @cached_property
    def specs_digest(self) -> str:
        """What tells the APIs and provider specs of a release from those of another: where it is the catalog's, an
        installed release brings no type, module or dependency that the catalog does not know."""
        specs = {
            api: {
                name: [spec.module, spec.config_class, sorted(spec.api_dependencies), sorted(spec.dependencies)]
                for name, spec in types.items()
            }
            for api, types in self.providers.items()
        }
        told = [str(self.release), sorted(self.apis), sorted(self.providable_apis), sorted(self.routed), specs]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def routing_table_apis(self) -> frozenset[str]:
        """APIs that a routing table provides; a config cannot override them."""
        return frozenset(pair.table for pair in self.routed)

    @property
    def router_apis(self) -> frozenset[str]:
        """APIs with a router in front of their providers."""
        return frozenset(pair.router for pair in self.routed)

    def compliance_protocol(self, api: str) -> Protocol | None:
        """Return the protocol that a provider of `api` implements, None where the release has none."""
        return self.compliance_protocols.get(api) or self.protocols.get(api)
