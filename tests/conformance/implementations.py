"""Runs inside a release's environment: checks the implementation class of each built-in provider.

Calling factories takes networks and gigabytes, so the class is checked as it is found (`factories.py`). Where
construction is cheap (no package is absent, `initialize` and connections replaced), the factory is called as
well, so that an instance is judged.

Each class is then damaged in five ways for each method of its protocols: removed, renamed, replaced by a
value, given other parameters, inherited from the protocol. Writes one record for each built-in provider; `all`
as an argument damages every implementation, otherwise one of each API is.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import socket
import sys
from types import SimpleNamespace
from typing import Any, Protocol
from unittest.mock import MagicMock

from llamastack_resolver.findings import Findings
from llamastack_resolver.installed.errors import describe_error
from llamastack_resolver.installed.release import installed_knowledge
from llamastack_resolver.introspection import find_layout
from llamastack_resolver.introspection.configs import load_class
from llamastack_resolver.knowledge import ProviderSpec
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.start.compliance import ComplianceRules, is_stub, private_protocols, report_compliance
from tests.conformance.factories import StandIns, factory_of, find_class


class Dependencies(dict[Any, Any]):
    """Every API is there."""

    def __missing__(self, key: Any) -> Any:
        return MagicMock()

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key]


def sample_config(config_class: Any, home: str) -> Any:
    """Return the config that the release's own distributions would have; every variable is a loopback URL."""
    stack = find_layout().module("stack")
    sample = getattr(config_class, "sample_run_config", dict)
    try:
        given = sample(__distro_dir__=home)
    except TypeError:
        given = sample()
    while True:
        try:
            return config_class(**stack.replace_env_vars(given))
        except stack.EnvVarError as error:
            if error.var_name in os.environ:
                raise
            os.environ[error.var_name] = "http://127.0.0.1:9"


def declare_storage(home: str) -> None:
    """Declare the storage backends that sample configs refer to (since 0.3.0)."""
    layout = find_layout()
    stack = layout.module("stack")
    if not hasattr(stack, "_initialize_storage"):
        return
    backends = {f"{kind}_default": {"type": f"{kind}_sqlite", "db_path": f"{home}/{kind}.db"} for kind in ("kv", "sql")}
    stores = {"metadata": {"backend": "kv_default", "namespace": "registry"}}
    raw = {"version": 2, "image_name": "x", "providers": {}, "storage": {"backends": backends, "stores": stores}}
    stack._initialize_storage(layout.module("configure").parse_and_maybe_upgrade_config(raw))


async def construct(cls: type, spec: ProviderSpec, home: str) -> Any:
    """Call a provider's factory with a sample config; its `initialize` does nothing."""

    async def nothing(self: Any) -> None: ...

    config = sample_config(load_class(str(spec.config_class)), home)
    factory = factory_of(spec)
    arguments: list[Any] = [config, Dependencies()]
    arguments += [[] for name in inspect.signature(factory).parameters if name in ("policy", "route_policy")]
    original = vars(cls).get("initialize")
    if hasattr(cls, "initialize"):
        cls.initialize = nothing  # type: ignore[attr-defined]
    try:
        return await asyncio.wait_for(factory(*arguments), 10)
    finally:
        if original is not None:
            cls.initialize = original  # type: ignore[attr-defined]
        elif "initialize" in vars(cls):
            del cls.initialize  # type: ignore[attr-defined]


def judge(obj: Any, spec: ProviderSpec, knowledge: Any, origin: Any = "builtin") -> list[list[str]]:
    findings = Findings()
    provider = ProviderWithSpec(provider_id="x", provider_type=spec.provider_type, spec=spec, origin=origin)
    report_compliance(obj, spec.api, provider, knowledge, ComplianceRules(), findings)
    return [[f.severity.value, f.reason.value, f.message] for f in findings]


def examine(spec: ProviderSpec, knowledge: Any, home: str, damaging: bool) -> dict[str, Any]:
    stand_ins = StandIns()
    sys.meta_path.append(stand_ins)
    record: dict[str, Any] = {}
    try:
        cls = find_class(spec, stand_ins)
        record |= {"class": cls.__name__, "findings": judge(cls, spec, knowledge)}
        if damaging:
            record["damages"] = damage(cls, spec, knowledge)
        if not stand_ins.names:
            record |= instance_of(cls, spec, knowledge, home)
    except BaseException as error:
        record["failed"] = describe_error(error)
    finally:
        sys.meta_path.remove(stand_ins)
        for name in [*sys.modules]:
            if name.split(".")[0] in stand_ins.names:
                del sys.modules[name]
    return {**record, "absent": sorted(stand_ins.names)}


def damages(cls: type, method: str, declared: type) -> dict[str, type]:
    """Return a class with its own methods, whole and without one of them in each way of lacking it."""
    members = {
        name: value
        for base in reversed(cls.__mro__)
        if Protocol not in base.__bases__  # not `_is_protocol`: the release's tracing decorator sets it elsewhere
        for name, value in vars(base).items()
        if not name.startswith("_")
    }
    members |= {"__provider_id__": "x", "__provider_spec__": SimpleNamespace(api="x")}
    original = members.get(method)

    def damaged(**more: Any) -> type:
        return type(cls.__name__, (), {**{k: v for k, v in members.items() if k != method}, **more})

    async def other_parameters(self: Any, something_else: Any) -> None: ...

    return {
        "whole": damaged(**({method: original} if original else {})),
        "removed": damaged(),
        "renamed": damaged(**{f"{method}_": original}),
        "value": damaged(**{method: "a value"}),
        "parameters": damaged(**{method: other_parameters}),
        "inherited": type(cls.__name__, (damaged(), declared), {}),
    }


def damage(cls: type, spec: ProviderSpec, knowledge: Any) -> list[dict[str, Any]]:
    """Return what the check says of each damaged class beyond what it says of the whole one."""
    public = knowledge.compliance_protocol(spec.api)
    records = []
    for protocol in [*([public] if public else []), *private_protocols(spec.api, knowledge)]:
        declared = load_class(protocol.class_name)
        for method in protocol.methods:
            classes = damages(cls, method, declared)
            known = methods(judge(object.__new__(classes.pop("whole")), spec, knowledge, "module"))
            if method in known:
                continue  # the release's own lacks it
            for way, damaged in classes.items():
                found = judge(object.__new__(damaged), spec, knowledge, "module")
                route = protocol.methods[method].route
                records.append(
                    {
                        "protocol": protocol.class_name.rpartition(".")[2],
                        "method": method,
                        "way": way,
                        "private": protocol is not public,
                        "body": not is_stub(getattr(declared, method)),
                        "unstable": bool(route and not route.path.startswith("/v1/")),
                        "parameters": any(p.named for p in protocol.methods[method].parameters),
                        "found": [f[:2] for f in found if methods([f]) == [method]],
                        "others": [name for name in methods(found) if name not in (*known, method)],
                        "upstream": upstream_objects(object.__new__(damaged), declared),
                    }
                )
    return records


def methods(found: list[list[str]]) -> list[str]:
    """Return the methods that findings are about."""
    return [message.split()[0].rpartition(".")[2] for _, _, message in found]


def upstream_objects(obj: Any, declared: type) -> bool:
    """Whether the release's own check finds anything."""
    try:
        find_layout().resolver.check_protocol_compliance(obj, declared)
    except ValueError:
        return True
    return False


def instance_of(cls: type, spec: ProviderSpec, knowledge: Any, home: str) -> dict[str, Any]:
    try:
        obj = asyncio.run(construct(cls, spec, home))
    except BaseException as error:
        return {"instance": False, "why": describe_error(error)}
    return {"instance": True, "findings": judge(obj, spec, knowledge), "same": type(obj) is cls}


def refused(*args: Any) -> None:
    raise ConnectionRefusedError("no connections here")


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # releases log to standard output
    socket.socket.connect = refused  # type: ignore[method-assign]
    socket.getaddrinfo = refused  # type: ignore[assignment]
    knowledge = installed_knowledge(problems=[])
    declare_storage(os.environ["HOME"])
    records: dict[str, Any] = {}
    for api, types in sorted(knowledge.providers.items()):
        done = False
        for name, spec in sorted(types.items()):
            record = examine(spec, knowledge, os.environ["HOME"], "all" in sys.argv or not done)
            records[f"{api}/{name}"] = record
            done = done or "damages" in record
    json.dump(records, out)
    out.flush()
    os._exit(0)  # connections that were never closed keep threads


if __name__ == "__main__":
    main()
