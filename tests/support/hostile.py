"""What a hostile tenant can store: shapes that once stopped, slowed down or bloated the operator."""

from __future__ import annotations

import json
from typing import Any

LARGE = {
    "flat": "[" + "{}," * 460_000 + "{}]",
    "mappings of mappings": "[" + '{"":{}},' * 175_000 + "{}]",
    "deep": "[" * 92 + "0," * 690_000 + "0" + "]" * 92,
    "numbers in YAML": "[" + '"1e",' * 280_000 + '"1e"]',
}
"""Values of a run config, as JSON, that make an object of 1.4 MB."""
BOMBS = {
    "a nest": "[" * 300_000,
    "aliases of aliases": "a0: &a0 [x, x]\n"
    + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
    "merged merges": "a0: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
    "a lone surrogate": 'providers: {a: ["\\ud800"]}\n',
}
"""Run configs in ConfigMaps."""
WORDS = {
    "blanks in a module": ("a" + " " * 3000 + "!", {}),
    "references that never end": ("my-provider", {"url": "${env.A:=" * 40_000}),
}
"""The module and the config of a provider: texts that a slow expression would never finish with."""
ATTEMPTS = {"superscript": "\u00b2", "long": "9" * 5000}
"""Numbers of a Job's attempt that are none."""


def with_value(body: dict[str, Any], value: str) -> str:
    """Return a LlamaStack as JSON whose run config has a value of JSON under `x`; an encoder may not write it."""
    spec = {**body["spec"], "runConfig": {"providers": {}, "x": "HERE"}}
    return json.dumps({**body, "spec": spec}).replace('"HERE"', value)


def words(which: str) -> dict[str, Any]:
    """Return a run config with one of `WORDS`."""
    module, config = WORDS[which]
    entry = {"provider_id": "a", "provider_type": "remote::a", "module": module, "config": config}
    return {"providers": {"inference": [entry]}}


def job(name: str, attempt: str) -> dict[str, Any]:
    """Return a Job that bears the labels of a build's, with a number of an attempt."""
    labels = {"app.kubernetes.io/managed-by": "llamastack-operator", "llamastack.dev/build": "modules-a"}
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels, "annotations": {"llamastack.dev/attempt": attempt}},
        "spec": {"template": pod, "suspend": True},
    }


def long_deployment(stack: str) -> dict[str, Any]:
    """Return a Deployment that bears a stack's labels: the API server writes each `<` of a watch as six bytes."""
    container = {"name": "a", "image": "a", "env": [{"name": "A", "value": "<" * 740_000}]}
    labels = {"app": "long"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    owned = {"app.kubernetes.io/managed-by": "llamastack-operator", "llamastack.dev/stack": stack}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "long", "labels": owned},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }
