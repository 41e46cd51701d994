"""Makes `crds/` from the models: `python -m llamastack_operator.api.crd DIRECTORY [--check]`.

Generated, so that the schema which the API server enforces and the models which the operator reads cannot part.
"""

from __future__ import annotations

import sys
from typing import Any

import yaml

from llamastack_operator.api.base import GROUP, VERSION
from llamastack_operator.api.generated import write_or_check
from llamastack_operator.api.schema import structural_schema
from llamastack_operator.api.stack import KIND, PLURAL, ROOT_RULES, SPEC_RULES, LlamaStackSpec
from llamastack_operator.api.status import LlamaStackStatus

_READY = '.status.conditions[?(@.type=="Ready")]'
COLUMNS = [
    {"name": "Ready", "type": "string", "jsonPath": f"{_READY}.status"},
    {"name": "Reason", "type": "string", "jsonPath": f"{_READY}.reason"},
    {"name": "Release", "type": "string", "jsonPath": ".status.release"},
    {"name": "Replicas", "type": "integer", "jsonPath": ".status.readyReplicas"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "URL", "type": "string", "jsonPath": ".status.url", "priority": 1},
    {"name": "Message", "type": "string", "jsonPath": f"{_READY}.message", "priority": 1},
]


class _PlainDumper(yaml.SafeDumper):
    """Writes a value that occurs twice out twice: readers of a CRD do not expect YAML anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def llamastack_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of LlamaStack."""
    schema = {
        "description": "A Llama Stack server: its distribution, its run config and how it is served.",
        "type": "object",
        "required": ["spec"],
        **ROOT_RULES,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {**structural_schema(LlamaStackSpec), **SPEC_RULES},
            "status": structural_schema(LlamaStackStatus),
        },
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.server.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": COLUMNS,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["lls"],
                "categories": ["all"],
            },
            "versions": [version],
        },
    }


def crd_text() -> str:
    """Return the CRD as it is committed."""
    header = "# Generated from llamastack_operator/api by `make generate`: do not edit.\n"
    return header + yaml.dump(llamastack_crd(), Dumper=_PlainDumper, sort_keys=False, width=110)


def main(arguments: list[str] | None = None) -> int:
    """Write the CRD into a directory, or tell whether it is up to date."""
    return write_or_check(f"{PLURAL}.{GROUP}.yaml", crd_text(), arguments)


if __name__ == "__main__":
    sys.exit(main())
