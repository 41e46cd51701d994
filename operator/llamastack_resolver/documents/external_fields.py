"""`spec.externalProviders` and `spec.externalApis` of a manifest: upstream's providers.d and apis.d, from ConfigMaps.

The operator mounts the files where these constants say and sets `external_providers_dir` and
`external_apis_dir` of the run config; the checks do the same, so that what was checked is what runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from llamastack_resolver.documents.config_maps import ConfigMaps, ConfigMapText
from llamastack_resolver.findings import DOCUMENT, Finding, Findings
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.providers.requirements import RequirementError, check_requirement
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.suggest import did_you_mean
from llamastack_resolver.yaml_io import Document, read_document, read_value

EXTERNAL_PATH = "/etc/llama-stack-external"
PROVIDERS_FOLDER, APIS_FOLDER = "providers.d", "apis.d"
PROVIDERS_KEY, APIS_KEY = "external_providers_dir", "external_apis_dir"
API_NAME_PATTERN = r"^[a-z]([-_a-z0-9]*[a-z0-9])?$"
PROVIDER_TYPE_PATTERN = r"^(remote|inline)::[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$"
_PROVIDERS, _APIS = "spec.externalProviders", "spec.externalApis"
_OWNERS = {PROVIDERS_KEY: _PROVIDERS, APIS_KEY: _APIS}


def provider_file(api: str, provider_type: str) -> str:
    """Return the path in providers.d that makes a release derive this API and type from it."""
    kind, _, stem = provider_type.partition("::")
    return f"{kind}/{api}/{stem}.yaml"


def api_file(name: str) -> str:
    """Return the path in apis.d of an external API."""
    return f"{name}.yaml"


def directories(providers: bool, apis: bool) -> dict[str, str]:
    """Return the keys that the run config gets where a manifest has external providers or APIs."""
    keys = {}
    if providers:
        keys[PROVIDERS_KEY] = f"{EXTERNAL_PATH}/{PROVIDERS_FOLDER}"
    if apis:
        keys[APIS_KEY] = f"{EXTERNAL_PATH}/{APIS_FOLDER}"
    return keys


def conflicts(config: Mapping[str, Any], keys: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield key, message and hint for each of the keys that the run config sets as well."""
    for key in keys:
        if config.get(key):
            message = f"is set by {_OWNERS[key]}, and cannot be set in the run config as well"
            yield key, message, f"remove `{key}`, and list all files of that directory in {_OWNERS[key]}"


@dataclass
class ExternalFields:
    """What a manifest says in the two fields.

    Attributes:
        providers: text of each provider file that is at hand, by its path in providers.d.
        apis: text of each API file that is at hand, by its path in apis.d.
        texts: where the text of a file that is at hand stands, by the path that findings have of the file.
        opaque_providers: API and type of the providers whose file is not at hand.
        api_names: names of all external APIs.
        places: the entry's path by the path that findings have of its file.
        names: the key of the ConfigMap by the same.
        documents: the YAML documents of texts that findings were about, by the same.
        has_providers: whether there are external providers.
        has_apis: whether there are external APIs.
    """

    providers: dict[str, str] = field(default_factory=dict)
    apis: dict[str, str] = field(default_factory=dict)
    texts: dict[str, ConfigMapText] = field(default_factory=dict)
    opaque_providers: list[tuple[str, str]] = field(default_factory=list)
    api_names: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    documents: dict[str, Document | None] = field(default_factory=dict)
    has_providers: bool = False
    has_apis: bool = False

    def with_directories(self, config: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
        """Return the run config as the server gets it; a key that it sets itself is a finding."""
        keys = directories(self.has_providers, self.has_apis)
        for key, message, hint in conflicts(config, keys):
            findings.error(ConfigReason.INVALID_RUN_CONFIG, f"`{key}` {message}", key, hint=hint)
        return {**config, **keys}

    def place(self, finding: Finding) -> Finding | None:
        """Return a finding about one of the files with its place in the ConfigMap, else with the path of its entry;
        None for any other finding."""
        file, _, inner = finding.path.partition(":")
        if file not in self.places:
            return None
        if file in self.texts and finding.reason is not ProviderReason.SHADOWED_PROVIDER:
            return self._placed(finding, file, inner)
        where = f"{self.names[file]}, line {finding.line}" if finding.line else self.names[file]
        return replace(
            finding,
            path=f"{self.places[file]}.configMapKeyRef",
            message=f"{where}: {finding.message}",
            line=None,
        )

    def _placed(self, finding: Finding, file: str, inner: str) -> Finding:
        text = self.texts[file]
        if file not in self.documents:
            self.documents[file], _ = read_document(text.text)
        document = self.documents[file]
        line = finding.line or (document.line_of(inner) if document else None)
        return text.placed(replace(finding, path=inner or DOCUMENT), line)

    def check(self, knowledge: ReleaseKnowledge, findings: Findings) -> None:
        """Report API files of another name, and providers of an API that neither release nor manifest has."""
        for file, text in self.apis.items():
            value, _ = read_value(text)
            name = value.get("name") if isinstance(value, dict) else None
            if isinstance(name, str) and api_file(name) != file:
                place = f"{APIS_KEY}/{file}"
                message = f"{self.names[place]} defines the API `{name}`, not `{file.removesuffix('.yaml')}`"
                findings.error(
                    ModuleReason.SPEC_MISMATCH, message, f"{self.places[place]}.name", hint=f"write name: {name}"
                )
        known = knowledge.providable_apis | set(self.api_names)
        apis = {file: file.split("/")[1] for file in self.providers}
        apis |= {provider_file(api, kind): api for api, kind in self.opaque_providers}
        for file, api in apis.items():
            if api not in known:
                self.providers.pop(file, None)
                self._unknown(api, self.places[f"{PROVIDERS_KEY}/{file}"], known, knowledge, findings)
        self.opaque_providers = [(api, kind) for api, kind in self.opaque_providers if api in known]

    def _unknown(
        self, api: str, path: str, known: frozenset[str], knowledge: ReleaseKnowledge, findings: Findings
    ) -> None:
        message = f"{knowledge.release} has no providers for `{api}`"
        hint = did_you_mean(api, known) or f"list the API in {_APIS}, if it is one of your own"
        findings.error(ProviderReason.UNKNOWN_API, message, f"{path}.api", api=api, hint=hint)


def read_external(spec: Mapping[str, Any], namespace: str, maps: ConfigMaps, findings: Findings) -> ExternalFields:
    """Read the two fields of a manifest.

    Args:
        spec: the manifest's spec; anything may be in it.
        namespace: the manifest's namespace.
        maps: the ConfigMaps that are at hand.
        findings: where the findings go.
    """
    fields = ExternalFields()
    for path, entry in _entries(spec.get("externalProviders"), _PROVIDERS, findings):
        fields.has_providers = True
        api = _text(entry, "api", API_NAME_PATTERN, path, "the name of an API, such as inference", findings)
        hint = "remote:: or inline:: and the file's name without .yaml"
        kind = _text(entry, "providerType", PROVIDER_TYPE_PATTERN, path, hint, findings)
        _check_packages(entry, path, findings)
        text = _file(entry, path, namespace, maps, findings)
        if api is None or kind is None:
            continue
        file = provider_file(api, kind)
        if _is_new(f"{PROVIDERS_KEY}/{file}", f"the provider {kind} of `{api}`", path, entry, fields, findings):
            if text is None:
                fields.opaque_providers.append((api, kind))
            else:
                fields.providers[file] = text.text
                fields.texts[f"{PROVIDERS_KEY}/{file}"] = text
    for path, entry in _entries(spec.get("externalApis"), _APIS, findings):
        fields.has_apis = True
        name = _text(entry, "name", API_NAME_PATTERN, path, "the API's name", findings)
        _check_packages(entry, path, findings)
        text = _file(entry, path, namespace, maps, findings)
        if name is None:
            continue
        if _is_new(f"{APIS_KEY}/{api_file(name)}", f"the API `{name}`", path, entry, fields, findings):
            fields.api_names.append(name)
            if text is not None:
                fields.apis[api_file(name)] = text.text
                fields.texts[f"{APIS_KEY}/{api_file(name)}"] = text
    return fields


def _entries(value: Any, path: str, findings: Findings) -> Iterator[tuple[str, dict[str, Any]]]:
    if value is None:
        return
    if not isinstance(value, list):
        findings.error(ConfigReason.INVALID_MANIFEST, "expected a list", path, hint="start each entry with `- `")
        return
    for index, entry in enumerate(value):
        if isinstance(entry, dict):
            yield f"{path}[{index}]", entry
        else:
            hint = "`kubectl explain llamastack.spec` has the fields of an entry"
            findings.error(ConfigReason.INVALID_MANIFEST, "expected a mapping", f"{path}[{index}]", hint=hint)


def _text(entry: dict[str, Any], key: str, pattern: str, path: str, hint: str, findings: Findings) -> str | None:
    value = entry.get(key)
    if isinstance(value, str) and "\n" not in value and re.match(pattern, value):
        return value
    message = f"`{key}` is required, and missing" if value is None else f"{value!r} is no {key}"
    findings.error(ConfigReason.INVALID_MANIFEST, message, f"{path}.{key}", hint=hint)
    return None


def _is_new(file: str, what: str, path: str, entry: dict[str, Any], fields: ExternalFields, findings: Findings) -> bool:
    if file in fields.places:
        message = f"{what} stands at {fields.places[file]} already"
        findings.error(ConfigReason.INVALID_MANIFEST, message, path, hint="remove one of the two")
        return False
    fields.places[file] = path
    reference = entry.get("configMapKeyRef")
    fields.names[file] = str(reference.get("key")) if isinstance(reference, dict) else file
    return True


def _file(
    entry: dict[str, Any], path: str, namespace: str, maps: ConfigMaps, findings: Findings
) -> ConfigMapText | None:
    reference = entry.get("configMapKeyRef")
    path = f"{path}.configMapKeyRef"
    if not isinstance(reference, dict) or not isinstance(reference.get("name"), str) or "key" not in reference:
        hint = "configMapKeyRef: {name: my-files, key: my_file.yaml}"
        findings.error(ConfigReason.INVALID_MANIFEST, "expected the name of a ConfigMap and a key", path, hint=hint)
        return None
    return maps.text(namespace, reference, path, "its file is looked at where it runs", findings)


def _check_packages(entry: dict[str, Any], path: str, findings: Findings) -> None:
    packages = entry.get("packages")
    if packages is None:
        return
    path = f"{path}.packages"
    if not isinstance(packages, list):
        hint = "packages: [my-package==1.0]"
        findings.error(ConfigReason.INVALID_MANIFEST, "expected a list of requirements", path, hint=hint)
        return
    for index, item in enumerate(packages):
        try:
            check_requirement(item)
        except RequirementError as error:
            hint = error.hint or "what pip install takes"
            findings.error(ConfigReason.INVALID_MANIFEST, str(error), f"{path}[{index}]", hint=hint)
