"""What a build must reach, and by which credentials: it does not change a result, but whether there is one."""

from __future__ import annotations

from collections.abc import Mapping

from llamastack_operator.api.build import BuildSettings, strategy_of
from llamastack_operator.api.llamastackbuild import BuildAccess
from llamastack_operator.objects.child import digest
from llamastack_operator.planning.image.question import ImageQuestion


def access_of(build: BuildSettings | None) -> BuildAccess:
    """Return what a LlamaStackBuild of these settings reaches, and by which credentials."""
    settings = build or BuildSettings()
    workspace = settings.workspace
    return BuildAccess(
        push_secret_ref=settings.push_secret_ref,
        pull_secret_ref=settings.pull_secret_ref,
        index_secret_ref=settings.pip.secret_ref if settings.pip else None,
        ca_bundle_ref=settings.ca_bundle_ref,
        resources=settings.resources,
        timeout_seconds=settings.timeout_seconds,
        workspace_medium=workspace.medium if workspace else None,
        workspace_size_limit=workspace.size_limit if workspace else None,
    )


def secrets_of(build: BuildSettings) -> tuple[str, ...]:
    """Return the names of the Secrets that builds of these settings use, in order."""
    index = build.pip.secret_ref if build.pip else None
    return tuple(sorted({ref.name for ref in (build.push_secret_ref, build.pull_secret_ref, index) if ref is not None}))


def seen_access(versions: Mapping[str, str | None], certificates: str) -> str:
    """Return what changes when credentials or certificates do.

    Args:
        versions: the resourceVersion of each Secret that builds use.
        certificates: what changes when the certificates do that builds trust.
    """
    return digest([dict(versions), certificates])


def access_token(question: ImageQuestion) -> str:
    """Return what tells builds of the same inputs apart: where they push to, and by which credentials."""
    settings = question.spec.build
    place = settings.repository if settings is not None else None
    return digest([access_of(settings).to_wire(), question.access, strategy_of(settings), place])[:6]


def pull_secret_of(build: BuildSettings | None) -> str | None:
    """Return the Secret that pods pull with what was built: who may push may pull."""
    reference = (build.pull_secret_ref or build.push_secret_ref) if build else None
    return reference.name if reference else None
