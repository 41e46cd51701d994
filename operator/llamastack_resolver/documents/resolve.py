"""Resolves one document that a user handed in, and puts the findings where the user will look for them.

The path of a finding is the path in the user's own file, with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from llamastack_resolver.documents.build_config import resolve_build
from llamastack_resolver.documents.complete import missing_keys
from llamastack_resolver.documents.external_fields import APIS_KEY, PROVIDERS_KEY
from llamastack_resolver.documents.input import Input
from llamastack_resolver.findings import Finding, Findings, with_prefix
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.external_dirs import read_directory
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.resolution import RUN_CONFIG_VERSION, ExternalFiles, Resolution, resolve

# Volumes that every pod of a stack has.
_WRITABLE = ("/var/lib/llama-stack", "/tmp")  # noqa: S108 - the path is judged, not used


def resolve_input(document: Input, knowledge: ReleaseKnowledge, read_files: bool = False) -> Resolution:
    """Resolve a document.

    Args:
        document: a manifest, a run config or a build config, with its config present.
        knowledge: the release to resolve it for.
        read_files: whether the directories that a bare config names may be read from this machine (the
            command line may; the controller must not read its own file system on behalf of a tenant).
    """
    files = _local_files(document.config, document.file) if read_files and document.has_local_files else None
    if document.kind == "BuildConfig":
        resolution = resolve_build(document.config, knowledge, files)
    elif document.kind == "LlamaStack":
        resolution = _resolve_manifest(document, knowledge)
    else:
        resolution = resolve(document.config, knowledge, document.environment, files)
    external = document.external
    resolved = [external.place(one) or with_prefix([one], document.prefix)[0] for one in resolution.findings]
    findings = locate([*document.findings, *resolved], document)
    return replace(resolution, findings=tuple(findings))


def _resolve_manifest(document: Input, knowledge: ReleaseKnowledge) -> Resolution:
    """Resolve the run config as the operator completes it, with the files that the operator would mount."""
    config, external = document.config, document.external
    if not isinstance(config, dict):
        return resolve(config, knowledge, document.environment)
    own = Findings()
    config = external.with_directories(config, own)
    document.findings.extend(with_prefix(own, document.prefix))
    external.check(knowledge, document.findings)
    files = _manifest_files(config, document)
    completed = _completed(document, config, knowledge)
    if not knowledge.behaviour.started_by_command:
        # The operator starts the server's module there, which does not look at the version.
        completed = {"version": RUN_CONFIG_VERSION, **completed}
    return resolve(completed, knowledge, document.environment, files)


def _completed(document: Input, config: dict[str, Any], knowledge: ReleaseKnowledge) -> dict[str, Any]:
    """Return a run config as the operator completes it: not at all where the manifest does not name the release."""
    missing = missing_keys(config, knowledge, document.name or "stack")
    if document.release is not None:
        return {**config, **missing}
    if missing:
        keys = " and ".join(f"`{key}`" for key in missing)
        document.findings.info(
            ConfigReason.UNSUPPORTED_VERSION,
            f"{keys} would be filled in if the manifest named the release; an image's tag is no proof of it",
            "spec.distribution",
            hint=f"name the release in `spec.distribution.release`, or write {keys}",
        )
    return config


def _manifest_files(config: Mapping[str, Any], document: Input) -> ExternalFiles:
    """Return the files of the two fields; a directory that the run config names itself comes with the image, or with
    a volume, and cannot be read here."""
    external = document.external
    own = {PROVIDERS_KEY: external.has_providers, APIS_KEY: external.has_apis}
    absent = tuple(key for key, has in own.items() if not has and _is_absent(config.get(key), document))
    return ExternalFiles(
        external.providers if external.has_providers or PROVIDERS_KEY in absent else None,
        external.apis if external.has_apis or APIS_KEY in absent else None,
        tuple(external.opaque_providers),
        tuple(external.api_names),
        absent,
        read_only=True,
    )


def _is_absent(directory: object, document: Input) -> bool:
    """Whether nothing puts a directory there: the operator builds the file system, and it is read-only."""
    spec = document.document.value.get("spec") if document.document else None
    if document.image is not None or not isinstance(spec, dict):
        return False
    if not isinstance(directory, str) or not directory.startswith("/") or "${" in directory:
        return False
    wanted = PurePosixPath(directory)
    there = [PurePosixPath(mount) for mount in (*_WRITABLE, *_mounts(spec))]
    return not any(wanted.is_relative_to(mount) or mount.is_relative_to(wanted) for mount in there)


def _mounts(spec: Mapping[str, Any]) -> Iterator[str]:
    server = spec.get("server")
    template = server.get("podTemplate") if isinstance(server, dict) else None
    mounts = template.get("volumeMounts") if isinstance(template, dict) else None
    for mount in mounts if isinstance(mounts, list) else ():
        path = mount.get("mountPath") if isinstance(mount, dict) else None
        if isinstance(path, str):
            yield path


def locate(findings: Iterable[Finding], document: Input) -> list[Finding]:
    """Return the findings with the lines of their paths, and with another place where they belong there."""
    return [_located(finding, document) for finding in findings]


def _located(finding: Finding, document: Input) -> Finding:
    source = document.source
    if source is not None and finding.file is None and finding.path.startswith(source.text.path):
        finding = source.placed(finding)
    if document.kind == "ConfigMap":
        # Its own place is that of the document.
        finding = replace(finding, file=None, object=None)
    if finding.line is None and finding.file is None and document.document is not None:
        return replace(finding, line=document.document.line_of(_named_at(finding.path)))
    return finding


def _named_at(path: str) -> str:
    """Return the place in the document that names the file of a path such as `external_apis_dir/weather.yaml`."""
    directory = re.split("[/:]", path, maxsplit=1)[0]
    return directory if directory in (PROVIDERS_KEY, APIS_KEY) else path


def _local_files(config: object, file: str) -> ExternalFiles:
    base = Path(file).parent

    def read(key: str) -> dict[str, str | None] | None:
        name = config.get(key) if isinstance(config, dict) else None
        if not isinstance(name, str) or not name or "${env." in name:
            return None
        path = Path(name).expanduser()
        return read_directory(str(path if path.is_absolute() else base / path))

    return ExternalFiles(read("external_providers_dir"), read("external_apis_dir"))
