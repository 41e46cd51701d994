"""`spec.build` of a LlamaStack: where its image goes and how what it needs is installed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from llamastack_operator.api.base import ATOMIC_LIST, ApiModel, KeyReference, Quantity, rules
from llamastack_operator.api.pods import LocalReference, Resources

Strategy = Literal["Image", "Start"]

# host[:port]/path of the OCI distribution specification: no scheme, no tag, no digest.
REPOSITORY_PATTERN = (
    r"^[a-zA-Z0-9]([-.a-zA-Z0-9]*[a-zA-Z0-9])?(:[0-9]{1,5})?"
    r"(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+$"
)
Repository = Annotated[str, StringConstraints(min_length=3, max_length=255, pattern=REPOSITORY_PATTERN)]
# A host or a bracketed address, without user and password.
INDEX_PATTERN = r"^https?://([a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[^\s@]*)?$"
IndexUrl = Annotated[str, StringConstraints(min_length=8, max_length=1024, pattern=INDEX_PATTERN)]
RequirementText = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\s-][^\r\n]*$")]
Interval = Annotated[str, StringConstraints(max_length=8, pattern=r"^[1-9][0-9]{0,4}[hd]$")]
History = Annotated[int | None, Field(ge=0, le=50)]


class Pip(ApiModel):
    """Where packages come from, and which versions are admitted."""

    index_url: IndexUrl | None = None
    """The package index (PEP 503); the operator's default where unset. Credentials belong into secretRef."""
    extra_index_urls: Annotated[list[IndexUrl] | None, Field(max_length=8, json_schema_extra=ATOMIC_LIST)] = None
    """Further indexes, asked beside the first."""
    secret_ref: LocalReference | None = None
    """A Secret with `username` and `password`, or with `netrc`; only the index sidecar of a build sees it."""
    constraints: Annotated[list[RequirementText] | None, Field(max_length=256, json_schema_extra=ATOMIC_LIST)] = None
    """Constraints (PEP 508), beside those of the release and of the base image."""
    requirements: Annotated[list[RequirementText] | None, Field(max_length=64, json_schema_extra=ATOMIC_LIST)] = None
    """Further packages to install (PEP 508)."""
    allow_source_distributions: bool | None = None
    """Install what has no wheel, by running its build; refused where unset."""


class Workspace(ApiModel):
    """The volume in which a build installs."""

    medium: Literal["Memory"] | None = None
    """Memory: a tmpfs, faster, and counted as the build's memory. The node's disk where unset."""
    size_limit: Quantity | None = None
    """Most that it may hold, for example 8Gi."""


class BuildSettings(ApiModel):
    """How an image with the stack's packages is made; used only where something must be installed."""

    repository: Repository | None = None
    """Where the image is pushed, without tag, for example registry.example.com/team/stack."""
    push_secret_ref: LocalReference | None = None
    """A Secret of type kubernetes.io/dockerconfigjson that may push there. Only the pushing container sees it."""
    pull_secret_ref: LocalReference | None = None
    """A Secret of type kubernetes.io/dockerconfigjson that may pull the base image and the result."""
    ca_bundle_ref: KeyReference | None = None
    """A ConfigMap key with PEM certificates that builds trust beside the usual ones, for registry and indexes."""
    strategy: Strategy | None = None
    """Image: build once, push, run by digest. Start: install at each pod's start. Start where no repository is set."""
    pip: Pip | None = None
    resources: Resources | None = None
    """Of the installing container."""
    timeout_seconds: Annotated[int | None, Field(ge=60, le=86400)] = None
    """Seconds that one try may take: 1800 where unset."""
    workspace: Workspace | None = None
    refresh_interval: Interval | None = None
    """Look for newer versions and base images this often, for example 24h or 7d; never where unset."""
    successful_builds_history_limit: History = None
    """Builds to keep beside the one in use: 2 where unset."""
    failed_builds_history_limit: History = None
    """Failed builds to keep: 2 where unset."""


BUILD_RULES = rules(
    (
        "!has(self.strategy) || self.strategy != 'Image' || has(self.repository)",
        "strategy Image needs a repository to push to",
    ),
    (
        "!(has(self.pip) && has(self.pip.allowSourceDistributions) && self.pip.allowSourceDistributions) || "
        "(has(self.repository) && (!has(self.strategy) || self.strategy == 'Image'))",
        "source distributions are built once, into an image: set repository, or remove pip.allowSourceDistributions",
    ),
)


def strategy_of(build: BuildSettings | None) -> Strategy:
    """Return the effective strategy: Image exactly where there is a repository to push to, unless said otherwise."""
    if build is None or build.repository is None:
        return "Start"
    return build.strategy or "Image"
