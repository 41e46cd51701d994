"""One document that a user handed in, with the run config in it and the place where that stands.

Findings name the path in the user's own file; what is known about release and environment is beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from llamastack_resolver.config.env import Environment
from llamastack_resolver.documents.config_maps import ConfigMapConfig
from llamastack_resolver.documents.external_fields import ExternalFields
from llamastack_resolver.findings import Findings
from llamastack_resolver.releases import Release
from llamastack_resolver.yaml_io import Document

Kind = Literal["LlamaStack", "RunConfig", "ConfigMap", "BuildConfig", "Other"]


@dataclass
class Input:
    """One document.

    Attributes:
        file: where it was read from, as the user named it.
        kind: LlamaStack, RunConfig, BuildConfig, ConfigMap for a run config in a ConfigMap that no LlamaStack refers
            to, or Other for a document that is none of the resolver's business.
        name: the object's name, or the config's image name.
        config: the run config or build config; None where there is none to check.
        prefix: path of the config in the document, such as `spec.runConfig`; empty for a bare config.
        release: the release that the document names.
        image: the image that the document names.
        environment: what is known about the server's variables.
        external: the external providers and APIs that a manifest names.
        findings: what is wrong with the document itself.
        document: the YAML document, for line numbers.
        source: where the config stands, if that is a ConfigMap; its paths start with `prefix` all the same.
        recognised: whether the document shows itself to be one of ours; in a directory, others are passed over.
        object_kind: the kind of a Kubernetes object that is none of ours.
        passed_over: whether nothing of the document is checked, because it is not ours.
        consulted: whether it is a ConfigMap that was only read because another document refers to it.
    """

    file: str
    kind: Kind
    name: str = ""
    config: Any = None
    prefix: str = ""
    release: Release | None = None
    image: str | None = None
    environment: Environment = field(default_factory=lambda: Environment(others="unknown"))
    external: ExternalFields = field(default_factory=ExternalFields)
    findings: Findings = field(default_factory=Findings)
    document: Document | None = None
    source: ConfigMapConfig | None = None
    recognised: bool = True
    object_kind: str = ""
    passed_over: bool = False
    consulted: bool = False

    @property
    def to_be_checked(self) -> bool:
        """Whether there is something to check or to say; what only serves other documents is read with them."""
        return bool(self.findings) or not (self.passed_over or self.consulted)

    @property
    def has_local_files(self) -> bool:
        """Whether the directories that the config names are those of the machine where its file lies."""
        return self.kind in ("RunConfig", "BuildConfig")
