"""Runs inside a release's environment: what does this release itself say about configs, up to starting
providers?

Everything is upstream's own code: loading, registry, validation, order, config classes. Only the factories
are not called, since they need networks and gigabytes; whether a required dependency would be there is told
from the order, as `instantiate_providers` does. Reads `{"configs": {name: config}}` from standard input,
writes the verdicts.
"""

import copy
import importlib
import json
import os
import sys
from importlib.metadata import PackageNotFoundError, version


def core_package() -> str:
    for package, core in (("ogx", "ogx.core"), ("llama-stack", "llama_stack.core")):
        try:
            number = version(package)
        except PackageNotFoundError:
            continue
        return "llama_stack.distribution" if number == "0.2.16" else core
    raise SystemExit("no release is installed")


CORE = core_package()
configure = importlib.import_module(f"{CORE}.configure")
distribution = importlib.import_module(f"{CORE}.distribution")
resolver = importlib.import_module(f"{CORE}.resolver")
stack = importlib.import_module(f"{CORE}.stack")
dynamic = importlib.import_module(f"{CORE}.utils.dynamic")
UNBACKED_APIS_ALLOWED = CORE == "ogx.core" and tuple(map(int, version("ogx").split(".")[:2])) >= (1, 5)


def start(raw: dict) -> None:
    """Raise what the release raises."""
    config = configure.parse_and_maybe_upgrade_config(copy.deepcopy(raw))
    registry = distribution.get_provider_registry(config)
    pairs = distribution.builtin_automatically_routed_apis()
    tables, routers = {p.routing_table_api for p in pairs}, {p.router_api for p in pairs}
    providers = resolver.validate_and_prepare_providers(config, registry, tables, routers)
    names = [*providers, *(a.value for a in tables), *(a.value for a in routers)]
    providers.update(resolver.specs_for_autorouted_apis(config.apis or set(names)))
    internal = getattr(distribution, "INTERNAL_APIS", None)
    there = {api.value for api in internal} if internal else {"inspect", "providers", "prompts", "conversations"}
    for key, provider in resolver.sort_providers_by_deps(providers, config):
        for api in provider.spec.api_dependencies:
            if api.value not in there:
                raise RuntimeError(f"required dependency {api.value} of {provider.provider_id} is not available")
        if not provider.provider_id.startswith("__"):
            dynamic.instantiate_class_type(provider.spec.config_class)(**provider.config)
        if not key.startswith("inner-"):
            there.add(key)
    check_resources(config, providers, there)
    for api in config.apis or ():
        if resolver.Api(api).value not in there and not UNBACKED_APIS_ALLOWED:
            raise ValueError(f"no implementation for {api}")


def check_resources(config: object, providers: dict, there: set) -> None:
    """Registering a resource of a provider that is not there fails in
    `CommonRoutingTableImpl.register_object`."""
    pairs = {p.routing_table_api: p.router_api.value for p in distribution.builtin_automatically_routed_apis()}
    holder = getattr(config, "registered_resources", config)
    for entry in stack.RESOURCES:
        name, table = entry[0], entry[1]
        if table not in pairs or table.value not in there:
            continue
        ids = [p.provider_id for p in providers.get(f"inner-{pairs[table]}", {}).values()]
        for item in getattr(holder, name, None) or ():
            provider_id = getattr(item, "provider_id", None)
            if (
                provider_id
                and provider_id not in ("__disabled__", *ids)
                and not (provider_id == "all" and CORE == "ogx.core")
            ):
                raise ValueError(f"Provider `{provider_id}` not found")


def verdict(raw: dict) -> str | None:
    try:
        start(raw)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return None


def substituted(text: object) -> dict:
    try:
        return {"value": stack.replace_env_vars(text)}
    except stack.EnvVarError as error:
        return {"missing": error.var_name}


def main() -> None:
    task = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # releases log to standard output
    result = {
        "configs": {name: verdict(raw) for name, raw in task.get("configs", {}).items()},
        "substitutions": [substituted(text) for text in task.get("substitutions", [])],
    }
    json.dump(result, out)
    out.flush()


main()
