"""The copies of its stack that the demo breaks, and how each of them has to be told.

Both have names of their own, so that the first one is not touched. What the operator can tell by reading is told before
anything is built or started; what only a pod can find out is told by the check that runs before its server.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

SOON = 60.0
"""Seconds for what the operator tells by reading: it takes less than one; a busy machine may take longer."""
PATIENCE = 5 * 60.0
"""Seconds for what a pod tells: its node may have to pull the image first."""
MISSPELT = "misspelt"
LACKING = "lacks-a-method"
SPEC = "adapter_type: guard\nmodule: guard\nconfig_class: guard.Config\n"
CODE = '''
"""A safety provider whose class lacks run_shield, which the protocol of `safety` asks for."""
from pydantic import BaseModel

class Config(BaseModel):
    pass

class Guard:
    async def initialize(self): ...
    async def shutdown(self): ...
    async def run_moderation(self, request): ...
    async def register_shield(self, shield): ...
    async def unregister_shield(self, identifier): ...

async def get_adapter_impl(config, deps):
    return Guard()
'''


@dataclass(frozen=True)
class Broken:
    """A copy of the stack that is broken, and how it is told.

    Attributes:
        about: what is wrong with it.
        objects: the stack, and what it needs beside what the first one has.
        provider: id of the broken provider.
        reason: of its Ready condition.
        condition: the one that tells more than Ready does.
        by: who finds it out.
        patience: seconds until it has to be told.
    """

    about: str
    objects: list[dict[str, Any]]
    provider: str
    reason: str
    condition: str
    by: str
    patience: float

    @property
    def name(self) -> str:
        """Name of the stack."""
        return str(next(body for body in self.objects if body["kind"] == "LlamaStack")["metadata"]["name"])


def misspelt(stack: dict[str, Any]) -> Broken:
    """Return a copy of a stack with a provider type that no release has."""
    body = _copy(stack, MISSPELT)
    config = body["spec"]["runConfig"]
    config["apis"].append("inference")
    url = {"base_url": "http://vllm:8000/v1"}
    config["providers"]["inference"] = [{"provider_id": "vllm", "provider_type": "remote::vlm", "config": url}]
    by = "by the operator, before anything was built or started"
    about = "a copy with the provider type remote::vlm, which is misspelt"
    return Broken(about, [body], "vllm", "UnknownProviderType", "ProvidersResolved", by, SOON)


def lacking(stack: dict[str, Any]) -> Broken:
    """Return a copy of a stack with one provider, whose class lacks a method, and the ConfigMap with its code.

    It has no modules and so no image of its own: what is built reaches its modules by PYTHONPATH, which the code takes.
    """
    body = _copy(stack, LACKING)
    spec, config = body["spec"], body["spec"]["runConfig"]
    guard = {"provider_id": "guard", "provider_type": "remote::guard", "config": {}}
    config.pop("registered_resources", None)
    config.update(apis=["safety"], providers={"safety": [guard]})
    file = {"configMapKeyRef": {"name": LACKING, "key": "guard.yaml"}}
    spec.pop("build", None)
    spec["externalProviders"] = [{"api": "safety", "providerType": "remote::guard", **file}]
    mounts = {
        "volumes": [{"name": "code", "configMap": {"name": LACKING}}],
        "volumeMounts": [{"name": "code", "mountPath": "/code", "readOnly": True}],
    }
    spec["server"] = {"env": [{"name": "PYTHONPATH", "value": "/code"}], "podTemplate": mounts}
    data = {"guard.py": CODE.lstrip(), "guard.yaml": SPEC}
    code = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LACKING}, "data": data}
    by = "by the check that its pod runs before the server"
    about = "a copy with a provider of ours whose class lacks run_shield"
    return Broken(about, [code, body], "guard", "MissingMethod", "ProtocolCompliant", by, PATIENCE)


def _copy(stack: dict[str, Any], name: str) -> dict[str, Any]:
    return {**copy.deepcopy(stack), "metadata": {"name": name}}
