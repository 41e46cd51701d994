"""Upstream's build.yaml (`BuildConfig`): the provider types of an image, before there is a run config.

Its entries have a type and perhaps a `module:`, no id and no config. They become provider entries, so that
types, renames and dependencies are judged by the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_resolver.config.run_config import read_run_config
from llamastack_resolver.findings import DOCUMENT, Findings, with_prefix
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.validation import validate_and_prepare_providers
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.resolution import ExternalFiles, Resolution, make_registry
from llamastack_resolver.start_plan.order import sort_providers_by_deps
from llamastack_resolver.start_plan.plan import make_plan
from llamastack_resolver.start_plan.routing import apis_to_serve, specs_for_autorouted_apis
from llamastack_resolver.suggest import did_you_mean

_KEYS = (
    "version",
    "distribution_spec",
    "image_type",
    "image_name",
    "external_providers_dir",
    "additional_pip_packages",
    "external_apis_dir",
)
_SPEC_KEYS = ("description", "container_image", "providers")
_IMAGE_TYPES = ("container", "venv", "conda")


def resolve_build(
    raw: Mapping[str, Any], knowledge: ReleaseKnowledge, files: ExternalFiles | None = None
) -> Resolution:
    """Resolve a build config.

    Args:
        raw: the build config as YAML gives it.
        knowledge: the release to build with.
        files: external providers and APIs; default: they cannot be read here.
    """
    findings = Findings()
    _check_keys(raw, knowledge, findings)
    spec = raw.get("distribution_spec")
    if not isinstance(spec, dict) or not isinstance(spec.get("providers", {}), dict):
        message = "expected a mapping with `providers`"
        hint = "write distribution_spec: {providers: {inference: [remote::vllm]}}"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, message, "distribution_spec", hint=hint)
        return Resolution(knowledge.release, tuple(findings))
    _check_entries(spec.get("providers", {}), knowledge, findings)
    for key in spec:
        if key not in _SPEC_KEYS:
            hint = did_you_mean(str(key), _SPEC_KEYS) or "remove it"
            findings.warning(ConfigReason.UNKNOWN_FIELD, f"`{key}` is ignored", f"distribution_spec.{key}", hint=hint)
    inner = Findings()
    directories = {key: raw[key] for key in ("external_providers_dir", "external_apis_dir") if raw.get(key)}
    config = read_run_config({**directories, "providers": build_entries(spec.get("providers", {}), inner)})
    config, knowledge, registry, apis = make_registry(config, knowledge, files or ExternalFiles(), None, inner)
    prepared = validate_and_prepare_providers(config, registry, knowledge, inner)
    served = apis_to_serve(None, prepared.by_key.keys(), knowledge)
    providers = {**prepared.by_key, **specs_for_autorouted_apis(served, knowledge)}
    groups = {key: list(group.values()) for key, group in providers.items()}
    plan = make_plan(sort_providers_by_deps(groups, knowledge, inner))
    for finding in inner:
        findings.extend(with_prefix([finding], "distribution_spec" if finding.path.startswith("providers") else ""))
    return Resolution(knowledge.release, tuple(findings.sorted()), plan, config, registry, prepared, apis)


def _check_keys(raw: Mapping[str, Any], knowledge: ReleaseKnowledge, findings: Findings) -> None:
    for key in raw:
        if key not in _KEYS and not str(key).startswith("x-"):
            hint = did_you_mean(str(key), _KEYS) or "remove it"
            findings.warning(ConfigReason.UNKNOWN_FIELD, f"`{key}` is ignored", str(key), hint=hint)
    image_type = raw.get("image_type", "venv")
    if image_type not in _IMAGE_TYPES:
        hint = did_you_mean(str(image_type), _IMAGE_TYPES) or "container or venv"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, f"{image_type!r} is no image type", "image_type", hint=hint)
    packages = raw.get("additional_pip_packages")
    if packages is not None and not isinstance(packages, list):
        message, path = "expected a list of requirements", "additional_pip_packages"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, message, path, hint="start each with `- `")
    if not knowledge.behaviour.has_stack_build:
        findings.info(
            ConfigReason.UNSUPPORTED_VERSION,
            f"{knowledge.release} has no `stack build`; the providers are checked all the same",
            DOCUMENT,
            hint="`llamastack containerfile` builds from this file for every release",
        )


def _check_entries(providers: Mapping[str, Any], knowledge: ReleaseKnowledge, findings: Findings) -> None:
    """Before 0.2.16 an entry was the text of its type; `stack build` of the releases since takes mappings alone."""
    behaviour = knowledge.behaviour
    old = [api for api, items in providers.items() if not _is_list_of_mappings(items)]
    if not old or not behaviour.knows_modules:
        return
    apis = ", ".join(map(str, old))
    build = "`llama stack build`" + (f" of {knowledge.release}" if behaviour.has_stack_build else " since 0.2.16")
    report = findings.warning if behaviour.has_stack_build else findings.info
    report(
        ConfigReason.UNSUPPORTED_VERSION,
        f"{build} refuses the file: {apis} has entries as before 0.2.16",
        f"distribution_spec.providers.{old[0]}",
        hint="list mappings such as `- provider_type: remote::vllm`; `llamastack containerfile` takes both",
    )


def _is_list_of_mappings(items: Any) -> bool:
    return isinstance(items, list) and not any(isinstance(item, str) for item in items)


def build_entries(providers: Mapping[str, Any], findings: Findings) -> dict[str, list[dict[str, Any]]]:
    """Return the `providers` section of a run config with the entries of a build config, which have no ids.

    Args:
        providers: the section of the build config; a lone type may stand for a list of one.
        findings: where malformed entries are reported.
    """
    section: dict[str, list[dict[str, Any]]] = {}
    for api, items in providers.items():
        entries = []
        for index, item in enumerate(items if isinstance(items, list) else [items]):
            entry = {"provider_type": item} if isinstance(item, str) else item
            if not isinstance(entry, dict) or not isinstance(entry.get("provider_type"), str):
                path = f"providers.{api}[{index}]"
                message, hint = "expected a mapping with `provider_type`", "write the type, such as remote::vllm"
                findings.error(ConfigReason.INVALID_RUN_CONFIG, message, path, hint=hint)
                continue
            tail = entry["provider_type"].rsplit("::", 1)[-1]
            entries.append({**entry, "provider_id": f"{tail}-{index}", "config": {}})
        section[str(api)] = entries
    return section
