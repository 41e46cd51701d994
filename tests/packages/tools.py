"""A provider of one tool that may be wrong in any part: for every release from 0.2.16 on, as a package of its own.

Its module is what a file of `external_providers_dir` names; its `provider` is for run configs that name the module.
"""

from tests.packages.build import Package
from tests.packages.providers import SPEC_CLASSES

_RIGHT = {
    "head": "",
    "config": "",
    "bases": "",
    "invoke": "async def invoke_tool(self, tool_name, kwargs, authorization=None): return {'content': tool_name}",
    "factory": "async def",
    "body": "pass",
}
_CODE = '''"""A provider of one tool."""

import asyncio, os, threading, time
from pydantic import BaseModel
{head}

class Config(BaseModel):
    greeting: str = "hello"
    {config}

class Tools{bases}:
    def __init__(self): ...  # up to 0.2 a class that inherits a protocol is taken for one if it has none
    async def initialize(self): ...
    async def shutdown(self): ...
    async def register_toolgroup(self, toolgroup): ...
    async def unregister_toolgroup(self, toolgroup_id): ...
    async def list_runtime_tools(self, tool_group_id=None, mcp_endpoint=None, authorization=None): return {{"data": []}}
    {invoke}

{factory} get_adapter_impl(config, deps):
    {body}
    return Tools()
'''
_PROVIDER = """{classes}

def get_provider_spec():
    spec = remote(Api.tool_runtime, "{adapter}", "{module}", [])
    {spec}
    return spec
"""
PROTOCOL = """
def protocol():
    from importlib import import_module
    for name in ("ogx_api", "llama_stack_api", "llama_stack.apis.tools"):
        try:
            return import_module(name).ToolRuntime
        except ModuleNotFoundError:
            continue
"""
"""Defines `protocol()`, which returns the protocol of tools of whichever release is there."""


def tools_package(name: str, adapter: str = "mine", spec: str = "pass", **parts: str) -> Package:
    """Return a package whose provider is right but for the parts that are given.

    Args:
        name: of the distribution.
        adapter: the name in the type that its `get_provider_spec()` returns.
        spec: what that does to the spec before.
        parts: of the module: `head`, `config` (in the config class), `bases` (of the implementation), `invoke` (its
            method for tools), `factory` (its definition), `body` (of the factory).
    """
    module = name.replace("-", "_")
    code = _CODE.format(**{**_RIGHT, **parts})
    provider = _PROVIDER.format(classes=SPEC_CLASSES, adapter=adapter, module=module, spec=spec)
    return Package(name, "1.0", {f"{module}/__init__.py": code, f"{module}/provider.py": provider})
