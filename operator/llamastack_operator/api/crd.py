"""Makes `crds/` from the models: `python -m llamastack_operator.api.crd DIRECTORY [--check]`.

Generated, so that the schema which the API server enforces and the models which the operator reads cannot part.
"""

from __future__ import annotations

import sys
from typing import Any

import yaml

from llamastack_operator.api import llamastackbuild, stack
from llamastack_operator.api.base import GROUP, VERSION
from llamastack_operator.api.generated import write_or_check
from llamastack_operator.api.llamastackbuild import LlamaStackBuildSpec, LlamaStackBuildStatus
from llamastack_operator.api.schema import structural_schema
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.api.status import LlamaStackStatus

_READY = '.status.conditions[?(@.type=="Ready")]'
COLUMNS: list[dict[str, Any]] = [
    {"name": "Ready", "type": "string", "jsonPath": f"{_READY}.status"},
    {"name": "Reason", "type": "string", "jsonPath": f"{_READY}.reason"},
    {"name": "Release", "type": "string", "jsonPath": ".status.release"},
    {"name": "Providers", "type": "string", "jsonPath": ".status.providersResolved"},
    {"name": "Replicas", "type": "integer", "jsonPath": ".status.readyReplicas"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "URL", "type": "string", "jsonPath": ".status.url", "priority": 1},
    {"name": "Message", "type": "string", "jsonPath": f"{_READY}.message", "priority": 1},
]
BUILD_COLUMNS: list[dict[str, Any]] = [
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
    {"name": "Step", "type": "string", "jsonPath": ".status.step"},
    {"name": "Reason", "type": "string", "jsonPath": ".status.failure.reason"},
    {"name": "Attempts", "type": "integer", "jsonPath": ".status.attempts"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Image", "type": "string", "jsonPath": ".status.image", "priority": 1},
]


class _PlainDumper(yaml.SafeDumper):
    """Writes a value that occurs twice out twice: readers of a CRD do not expect YAML anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def llamastack_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of LlamaStack."""
    schema = _schema(
        "A Llama Stack server: its distribution, its run config and how it is served.",
        {**structural_schema(LlamaStackSpec), **stack.SPEC_RULES},
        structural_schema(LlamaStackStatus),
        stack.ROOT_RULES,
    )
    scale = {
        "specReplicasPath": ".spec.server.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    names = {"kind": stack.KIND, "plural": stack.PLURAL, "shortNames": ["lls"], "categories": ["all"]}
    return _definition(names, schema, {"status": {}, "scale": scale}, COLUMNS)


def llamastackbuild_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of LlamaStackBuild."""
    schema = _schema(
        "One build of an image, written by the operator: its inputs, its progress and what came of it.",
        {**structural_schema(LlamaStackBuildSpec), **llamastackbuild.BUILD_SPEC_RULES},
        structural_schema(LlamaStackBuildStatus),
        {},
    )
    names = {"kind": llamastackbuild.KIND, "plural": llamastackbuild.PLURAL, "shortNames": ["llsb"]}
    return _definition(names, schema, {"status": {}}, BUILD_COLUMNS)


def _schema(
    description: str, spec: dict[str, Any], status: dict[str, Any], root_rules: dict[str, Any]
) -> dict[str, Any]:
    return {
        "description": description,
        "type": "object",
        "required": ["spec"],
        **root_rules,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }


def _definition(
    names: dict[str, Any], schema: dict[str, Any], subresources: dict[str, Any], columns: list[dict[str, Any]]
) -> dict[str, Any]:
    kind, plural = names["kind"], names["plural"]
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": subresources,
        "additionalPrinterColumns": columns,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"listKind": f"{kind}List", "singular": kind.lower(), **names},
            "versions": [version],
        },
    }


DEFINITIONS = {stack.PLURAL: llamastack_crd, llamastackbuild.PLURAL: llamastackbuild_crd}
"""What makes each CustomResourceDefinition, by its plural."""


def crd_text(plural: str = stack.PLURAL) -> str:
    """Return a CRD as it is committed."""
    header = "# Generated from llamastack_operator/api by `make generate`: do not edit.\n"
    return header + yaml.dump(DEFINITIONS[plural](), Dumper=_PlainDumper, sort_keys=False, width=110)


def main(arguments: list[str] | None = None) -> int:
    """Write the CRDs into a directory, or tell whether they are up to date."""
    return max(write_or_check(f"{plural}.{GROUP}.yaml", crd_text(plural), arguments) for plural in DEFINITIONS)


if __name__ == "__main__":
    sys.exit(main())
