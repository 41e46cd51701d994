"""`LlamaStack`: what a team writes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from llamastack_operator.api.base import (
    OPAQUE_OBJECT,
    OTHERS_KEYS,
    Annotations,
    ApiModel,
    KeyReference,
    rules,
)
from llamastack_operator.api.build import BUILD_RULES, BuildSettings
from llamastack_operator.api.external import ExternalApi, ExternalApis, ExternalProvider, ExternalProviders
from llamastack_operator.api.server import SERVER_RULES, Server
from llamastack_resolver.releases import VERSION_PATTERN

KIND = "LlamaStack"
PLURAL = "llamastacks"

# The reference grammar of the OCI distribution specification, loosely: the kubelet has the last word.
IMAGE_PATTERN = r"^[a-zA-Z0-9][-._:/a-zA-Z0-9]*(@sha256:[0-9a-f]{64})?$"


class ReleaseReference(ApiModel):
    """A release of Llama Stack."""

    package: Literal["llama-stack", "ogx"]
    """llama-stack, or ogx as it is called since 0.8."""
    version: Annotated[str, StringConstraints(max_length=32, pattern=VERSION_PATTERN)]
    """For example 0.7.3."""


class Distribution(ApiModel):
    """What the pods run: an image, or a release that is installed on a Python image."""

    image: Annotated[str | None, StringConstraints(min_length=1, max_length=1024, pattern=IMAGE_PATTERN)] = None
    """The image of a Llama Stack distribution; run as it is, or the base for external provider modules."""
    release: ReleaseReference | None = None
    """With an image: the release that it holds, looked up at start where unset. Alone: what to install."""


DISTRIBUTION_RULES = rules(("has(self.image) || has(self.release)", "at least one of image and release must be set"))


class RunConfigSource(ApiModel):
    """A run config that lives elsewhere."""

    config_map_key_ref: KeyReference
    """The ConfigMap and the key that hold the run config as YAML text."""


class ServiceSettings(ApiModel):
    """The Service in front of the pods."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] | None = None
    """ClusterIP where unset."""
    annotations: Annotated[Annotations | None, Field(json_schema_extra=OTHERS_KEYS)] = None


class Network(ApiModel):
    """How the stack is reached."""

    service: ServiceSettings | None = None


class Compliance(ApiModel):
    """How much it matters where a provider and the protocol of its API disagree."""

    missing: Literal["Error", "Warning"] | None = None
    """A method is missing, cannot be called, or is only declared. Error where unset: the server does not start."""
    signature: Literal["Error", "Warning"] | None = None
    """A method takes other arguments than the protocol says. Warning where unset: it is told, the server starts."""


class Startup(ApiModel):
    """What has to be right before pods start, and before the server in a pod does."""

    validation: Literal["Enforce", "Warn"] | None = None
    """Enforce where unset: an error that the resolver finds stops a new generation. Warn: it is told, pods start."""
    check: Literal["Instantiate", "Import", "Skip"] | None = None
    """What a pod tries before its server. Instantiate where unset: to start each provider. Import: to import it."""
    compliance: Compliance | None = None


class LlamaStackSpec(ApiModel):
    """The wanted state of a stack."""

    distribution: Annotated[Distribution, Field(json_schema_extra=DISTRIBUTION_RULES)]
    run_config: Annotated[dict[str, Any] | None, Field(json_schema_extra=OPAQUE_OBJECT)] = None
    """The run config, in Llama Stack's own schema."""
    run_config_from: RunConfigSource | None = None
    """A run config that is kept in a ConfigMap; an edit of it rolls the pods."""
    external_providers: ExternalProviders = None
    """Provider specs from ConfigMaps; the run config's external_providers_dir is set to where they are mounted."""
    external_apis: ExternalApis = None
    """API specs from ConfigMaps; the run config's external_apis_dir is set to where they are mounted."""
    build: Annotated[BuildSettings | None, Field(json_schema_extra=BUILD_RULES)] = None
    server: Annotated[Server | None, Field(json_schema_extra=SERVER_RULES)] = None
    startup: Startup | None = None
    network: Network | None = None
    suspend: bool | None = None
    """Run no pod and keep everything else."""

    @property
    def external_packages(self) -> tuple[str, ...]:
        """The requirements of all external providers, then of all external APIs, each once, in order."""
        entries: list[ExternalProvider | ExternalApi] = [*(self.external_providers or []), *(self.external_apis or [])]
        return tuple(dict.fromkeys(package for entry in entries for package in entry.packages or []))


SPEC_RULES = rules(
    (
        "has(self.runConfig) != has(self.runConfigFrom)",
        "exactly one of runConfig and runConfigFrom must be set",
    ),
)
ROOT_RULES = rules(
    (
        "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "metadata.name must be a DNS label of at most 63 characters that starts with a letter: it names the Service",
    ),
)
