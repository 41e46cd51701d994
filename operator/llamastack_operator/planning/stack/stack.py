"""What the operator keeps of a LlamaStack: its parsed spec, its run config as text, and its status as last seen.

The run config is the large part of the object and is only ever passed on: it is kept as text, compressed.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from llamastack_operator.api.labels import REBUILD_ANNOTATION
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.fields import annotation, mapping, metadata_of, number, text, version_of
from llamastack_operator.objects.slim_json import PACKED
from llamastack_operator.planning.stack.inputs.inline import inline_config, packed_config
from llamastack_operator.planning.stack.inputs.reserved_keys import check_keys
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_resolver.findings import Finding, Findings
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import Release, UnknownReleaseError, start_command


@dataclass(frozen=True, slots=True)
class Stack:
    """A LlamaStack as the operator sees it.

    Attributes:
        key: its namespace and name.
        uid: its UID.
        version: its resourceVersion.
        generation: its metadata.generation.
        deleting: whether it is on its way out.
        spec: its spec without the run config, or None where it could not be read.
        packed_run_config: its inline run config as compressed text, or None where it has none.
        findings: what is wrong with the object itself.
        modules: whether its inline run config names a module.
        created: its creation time (RFC 3339).
        rebuild: the user's request for a fresh look at tags and versions; a new value is a new request.
        status: its status as last seen.
    """

    key: Key
    uid: str
    version: int
    generation: int
    deleting: bool
    spec: LlamaStackSpec | None
    packed_run_config: bytes | None
    findings: tuple[Finding, ...]
    status: Mapping[str, Any]
    modules: bool = False
    rebuild: str = ""
    created: str = ""

    @property
    def group(self) -> str:
        """Its own name, for the cache's index."""
        return self.key[1]

    @property
    def run_config(self) -> str | None:
        """Its inline run config as text."""
        packed = self.packed_run_config
        return None if packed is None else zlib.decompress(packed).decode()

    def differs_in_status_from(self, metadata: Mapping[str, Any]) -> bool:
        """Tell whether a version of the object with this metadata can differ in nothing else that is kept.

        Raises:
            UnreadableError: it is not what the API says.
        """
        return self.generation == number(metadata, "generation") and (
            (self.deleting, self.rebuild) == ("deletionTimestamp" in metadata, _rebuild(metadata))
        )


def stack_from(body: Mapping[str, Any]) -> Stack:
    """Return what is kept of a LlamaStack of the API, whole or slim (`objects/slim_json.py`).

    Raises:
        UnreadableError: its metadata or status are not what the API says; of its spec that is a finding.
    """
    metadata = metadata_of(body)
    fields = dict(mapping(body, "spec"))
    run_config = fields.pop("runConfig", None)
    packed = mapping(body, PACKED)
    findings = Findings()
    spec = None
    try:
        spec = LlamaStackSpec.model_validate(fields)
        check_release(spec, findings)
        check_keys(spec, findings)
    except ValidationError as error:
        check_spec(error, findings)
    inline = packed_config(packed) if packed else inline_config(run_config)
    return Stack(
        key=(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        version=version_of(metadata),
        generation=number(metadata, "generation"),
        deleting="deletionTimestamp" in metadata,
        spec=spec,
        packed_run_config=inline.packed,
        findings=(*findings, *inline.findings),
        status=mapping(body, "status"),
        modules=inline.modules,
        rebuild=_rebuild(metadata),
        created=_created(metadata),
    )


def _created(metadata: Mapping[str, Any]) -> str:
    return text(metadata, "creationTimestamp")


def _rebuild(metadata: Mapping[str, Any]) -> str:
    return annotation(metadata, REBUILD_ANNOTATION)[:64]


def check_spec(error: ValidationError, findings: Findings) -> None:
    """Report each part of a spec that does not fit the models.

    The API server refuses such objects; one that was stored under an older CRD can still be there.
    """
    hint = "See `kubectl explain llamastack.spec` for what is admitted."
    for problem in error.errors(include_url=False, include_input=False):
        path = field_path("spec", problem["loc"])
        findings.error(StackReason.INVALID_SPEC, problem["msg"], path, hint=hint)


def check_release(spec: LlamaStackSpec, findings: Findings) -> None:
    """Report what is wrong with the release of a spec: the schema cannot say which ones can be started."""
    release = spec.distribution.release
    problem = _why_no_start(release.package, release.version) if release is not None else ""
    if problem:
        path = "spec.distribution.release"
        hint = "Name a newer release, and an image that holds it."
        findings.error(ConfigReason.UNSUPPORTED_VERSION, f"{path}: {problem}", path, hint=hint)


@functools.lru_cache(64)
def _why_no_start(package: str, version: str) -> str:
    """Return why a release cannot be started; empty where it can. There are few releases, and many stacks."""
    try:
        start_command(Release(package, version), config="", port=0)
    except UnknownReleaseError as error:
        return str(error)
    return ""


def release_of(spec: LlamaStackSpec) -> Release | None:
    """Return the release that a spec names."""
    held = spec.distribution.release
    return Release(held.package, held.version) if held else None


def field_path(root: str, location: tuple[int | str, ...]) -> str:
    """Return a path such as spec.server.env[0].name."""
    return root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
