"""Checks a whole run config against its release: the schema, keys that are ignored, and where those keys
went.

A release silently ignores what it does not know. That is harmless for a stray key and fatal for one that used
to configure something: after an upgrade the stack starts, without its models. So content that another release
understands and that changes what is served is an error here, with the place that it has in this one; everything else
that is ignored is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from llamastack_resolver.config.env import Unknown
from llamastack_resolver.config.schema_check import Issue, check
from llamastack_resolver.config.validators import RUN_CONFIG_FIELDS, is_done_here
from llamastack_resolver.findings import DOCUMENT, Findings
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import Release


class MovedKey(NamedTuple):
    """A key that releases understood up to some release.

    Attributes:
        key: its old place, with dots.
        since: the first release that ignores it.
        advice: where the content goes now.
        harmless: what is served is the same without it.
    """

    key: str
    since: Release
    advice: str
    harmless: bool = False


# Upstream changed its config without renaming anything on load; each line is a diff of two releases' config
# classes.
MOVED_KEYS = (
    *(
        MovedKey(key, Release.parse("0.3.0"), f"move it to `registered_resources.{key}`")
        for key in ("models", "shields", "datasets", "scoring_fns", "benchmarks", "tool_groups")
    ),
    MovedKey("vector_dbs", Release.parse("0.3.0"), "move it to `registered_resources.vector_stores`"),
    MovedKey(
        "metadata_store", Release.parse("0.3.0"), "declare a kv_* backend, and name it in `storage.stores.metadata`"
    ),
    MovedKey(
        "inference_store",
        Release.parse("0.3.0"),
        "declare a sql_* backend, and name it in `storage.stores.inference`",
    ),
    MovedKey(
        "telemetry",
        Release.parse("0.4.0"),
        "remove it: telemetry is set by OTEL_* environment variables",
        harmless=True,
    ),
    MovedKey("registered_resources.connectors", Release.parse("0.5.0"), "move it to `connectors`, at the top level"),
    *(
        MovedKey(f"registered_resources.{key}", Release.parse("ogx-0.8.0"), "remove it: the API is gone since ogx 0.8")
        for key in ("benchmarks", "datasets", "scoring_fns")
    ),
    MovedKey("safety", Release.parse("ogx-1.0.0"), "remove it: the safety API is gone since ogx 1.0"),
    MovedKey("registered_resources.shields", Release.parse("ogx-1.0.0"), "remove it: shields are gone since ogx 1.0"),
    MovedKey("server.cors", Release.parse("ogx-1.0.0"), "remove it: the server sets no CORS headers since ogx 1.0"),
    MovedKey("server.quota", Release.parse("ogx-1.0.0"), "remove it: quotas are gone since ogx 1.0"),
)


class NewerKey(NamedTuple):
    """A key that releases understand from some release on.

    Attributes:
        key: its place, at the top level.
        since: the first release that understands it.
        advice: where the content goes before.
        harmless: what is served is the same without it.
    """

    key: str
    since: Release
    advice: str
    harmless: bool = False


NEWER_KEYS = (
    NewerKey("registered_resources", Release.parse("0.3.0"), "put models, shields and so on at the top level"),
    NewerKey("storage", Release.parse("0.3.0"), "use `metadata_store` and `inference_store`"),
    NewerKey("vector_stores", Release.parse("0.3.0"), "remove it", harmless=True),
    NewerKey("distro_name", Release.parse("0.5.0"), "use `image_name`", harmless=True),
)
_RESOURCES = "registered_resources."
# Keys of the first config format that configured nothing of the server.
_FIRST_FORMAT = {
    "built_at": "remove it",
    "conda_env": "remove it: conda environments are gone since 0.2.18",
    "docker_image": "remove it: it is called `container_image` now, and names no image to run",
}


def check_run_config(config: Mapping[str, Any], knowledge: ReleaseKnowledge, findings: Findings) -> None:
    """Check a substituted run config, its providers' own configs apart.

    Args:
        config: the run config after substitution.
        knowledge: the release it is for.
        findings: where the findings go.
    """
    schema = knowledge.schemas.get(knowledge.run_config_class)
    if schema is None:
        return
    for issue in _without_consequences(check(dict(config), schema)):
        _report(issue, config, knowledge, findings)
    _check_name(config, schema, findings)
    _check_inference_store(config, schema, findings)


def _without_consequences(issues: list[Issue]) -> list[Issue]:
    """Tell once that the name stands under the key of newer releases."""
    paths = {issue.path for issue in issues if issue.missing or issue.unknown_key}
    if not {"image_name", "distro_name"} <= paths:
        return issues
    hint = "`distro_name` is called `image_name` before 0.5.0"
    kept = [issue for issue in issues if issue.path != "distro_name"]
    return [replace(issue, hint=hint) if issue.path == "image_name" else issue for issue in kept]


def _report(issue: Issue, config: Mapping[str, Any], knowledge: ReleaseKnowledge, findings: Findings) -> None:
    if issue.unknown_key:
        _report_unknown_key(issue, config, knowledge, findings)
    elif issue.soft and not is_done_here(issue.path, RUN_CONFIG_FIELDS):
        message = f"{issue.message}, unless the release converts it"
        findings.warning(ConfigReason.INVALID_RUN_CONFIG, message, issue.path, hint=issue.cure)
    else:
        findings.error(ConfigReason.INVALID_RUN_CONFIG, issue.message, issue.path or DOCUMENT, hint=issue.cure)


def _report_unknown_key(
    issue: Issue, config: Mapping[str, Any], knowledge: ReleaseKnowledge, findings: Findings
) -> None:
    if issue.path.startswith("x-"):
        return  # by its name it is there for its anchors, and meant to be ignored
    release = knowledge.release
    filled = _says_something(value_at(config, issue.path))
    if issue.path.startswith("x-"):
        return  # a place for YAML anchors, as Compose files have it: made to be ignored
    if not filled and issue.path.startswith(_RESOURCES):
        return  # upstream's own configs have empty lists of resources that the release does not know
    moved = next((moved for moved in MOVED_KEYS if moved.key == issue.path and release.since(moved.since)), None)
    newer = next((newer for newer in NEWER_KEYS if newer.key == issue.path and not release.since(newer.since)), None)
    message = f"{release} ignores `{issue.path}`"
    if moved and filled:
        message += f", which releases before {moved.since} understood"
    elif newer and filled:
        message += f", which {newer.since} and newer understand"
    other = moved or newer
    lost = other and filled and not other.harmless and issue.path not in knowledge.bundled_top_level_keys
    report = findings.error if lost else findings.warning
    hint = other.advice if other else _FIRST_FORMAT.get(issue.path) or issue.cure
    report(ConfigReason.UNKNOWN_FIELD, message, issue.path, hint=hint)


def _check_name(config: Mapping[str, Any], schema: Mapping[str, Any], findings: Findings) -> None:
    """From 0.5.0 on the name is required by a validator: no schema shows it."""
    properties = schema.get("properties") or {}
    if "distro_name" not in properties or "image_name" not in properties:
        return
    if all(config.get(name) is None for name in ("distro_name", "image_name")):
        findings.error(
            ConfigReason.INVALID_RUN_CONFIG,
            "`distro_name` is required, and missing",
            "distro_name",
            hint="any name will do",
        )


def _check_inference_store(config: Mapping[str, Any], schema: Mapping[str, Any], findings: Findings) -> None:
    """From 0.2.22 to 0.2.24 the store may stand in a section of its own, whose default is a mere text: the router of
    inference opens it, and the server stops. Where inference is not served, nothing looks at it."""
    section = (schema.get("$defs") or {}).get("InferenceStoreConfig") or {}
    store, apis = config.get("inference_store"), config.get("apis")
    if "sql_store_config" not in (section.get("properties") or {}) or not isinstance(store, dict):
        return
    served = not isinstance(apis, list) or not apis or "inference" in apis
    if served and not {"sql_store_config", "type"} & store.keys():
        message = "`sql_store_config` is required: it has no default that works"
        path, hint = "inference_store.sql_store_config", "add `sql_store_config`, such as {type: sqlite, db_path: ...}"
        findings.error(ConfigReason.INVALID_RUN_CONFIG, message, path, hint=hint)


def value_at(config: Any, path: str) -> Any:
    """Return the value at a dotted path of mappings, None where there is none."""
    for part in path.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config


def _says_something(value: Any) -> bool:
    """Whether a value, or a part of it, is not empty."""
    if isinstance(value, dict):
        return any(_says_something(item) for item in value.values())
    return not is_empty(value)


def is_empty(value: Any) -> bool:
    """Whether a value says nothing: null, an empty list, mapping or text."""
    return not isinstance(value, Unknown) and value in (None, "", [], {})
