"""Runs inside a release's environment: what does this release itself say about configs when it starts?

The release's own server is started (`create_app` and its lifespan, `main` before 0.3): loading, registry,
validation, order, config classes, its own `resolve_impls` and `instantiate_providers`, routers and routing
tables, registration of resources, routes. So a missing dependency, a refused config or an unknown provider of
a model fails as it does there. Three things are replaced, for the reasons given:

- what provider factories return, since they need networks and gigabytes. The factories have to be there (the
  release looks at their signatures); in their place an object with the methods of its API's protocols is
  returned. Its `list_models` has the models that `vector_stores` of the config asks for: whether a backend
  serves them is nothing that a config shows.
  The stores that the provider's code opens at its start are still asked for: one that a config does not name fails.
- storage other than SQLite, since it needs servers: SQLite takes its place after the config was validated.
- the listening on a port, and the worker processes of ogx 1.3 and newer.

Reads `{"configs": {name: config}, "real": [module, ...]}` from standard input, writes the verdicts. The
factories of the modules named in `real` are the release's own. `"classes": [[config class, config, module], ...]`
asks the config classes alone, without a server, and whether the stores that the module opens are named;
`"alike": [[config class, config, another], ...]` whether they make the same of two configs.
"""

import ast
import asyncio
import contextlib
import copy
import functools
import importlib
import importlib.util
import inspect
import json
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def core_package() -> str:
    for package, core in (("ogx", "ogx.core"), ("llama-stack", "llama_stack.core")):
        try:
            number = version(package)
        except PackageNotFoundError:
            continue
        return "llama_stack.distribution" if number == "0.2.16" else core
    raise SystemExit("no release is installed")


CORE = core_package()
distribution = importlib.import_module(f"{CORE}.distribution")
resolver = importlib.import_module(f"{CORE}.resolver")
stack = importlib.import_module(f"{CORE}.stack")
# What providers give a store of their config to.
OPENING = ("kvstore_impl", "sqlstore_impl", "ResponsesStore")
# The model whose provider has to serve it, by its key of `vector_stores`, and its type.
DEFAULT_MODELS = {"default_embedding_model": "embedding", "default_reranker_model": "rerank"}


class Implementation:
    """Stands for a provider: it has the methods of its API's protocols, and accepts what is registered."""

    def __init__(self, run_config: object) -> None:
        self.run_config = run_config

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def list_models(self) -> list:
        model = importlib.import_module(f"{CORE}.routing_tables.models").Model
        found = []
        for key, kind in DEFAULT_MODELS.items():
            wanted = getattr(getattr(self.run_config, "vector_stores", None), key, None)
            if wanted is not None and wanted.provider_id == self.__provider_id__:
                fields = {"identifier": wanted.model_id, "provider_resource_id": wanted.model_id, "model_type": kind}
                metadata = {"embedding_dimension": getattr(wanted, "embedding_dimensions", None) or 8}
                found.append(model(provider_id=wanted.provider_id, metadata=metadata, **fields))
        return found

    async def should_refresh_models(self) -> bool:
        return True

    async def list_scoring_functions(self) -> list:
        return []

    async def list_runtime_tools(self) -> object:
        return SimpleNamespace(data=[])


def answering(name: str, declared: object) -> object:
    """Return a method as the protocol declares it; it returns its first argument, as registering does."""
    answer = getattr(Implementation, name, None)

    @functools.wraps(declared)
    async def method(self: object, *args: object, **kwargs: object) -> object:
        return await answer(self) if answer else next(iter((*args, *kwargs.values())), None)

    # Annotations and defaults are left out: the protocols' own are for clients, and implementations have simpler ones.
    parameters = [
        parameter.replace(annotation=Any, default=None if parameter.default is not parameter.empty else parameter.empty)
        for parameter in inspect.signature(declared).parameters.values()
    ]
    method.__signature__ = inspect.Signature(parameters)
    return method


def implementation(api: object, run_config: object) -> Implementation:
    additional = resolver.additional_protocols_map()
    protocols = [resolver.api_protocol_map_for_compliance_check(run_config).get(api)]
    tables = {pair.router_api: pair.routing_table_api for pair in distribution.builtin_automatically_routed_apis()}
    protocols += [additional[key][0] for key in (api, tables.get(api)) if key in additional]
    methods = {}
    for protocol in protocols:
        for name, declared in inspect.getmembers(protocol, inspect.isfunction):
            if not name.startswith("_"):
                methods[name] = answering(name, declared)
    return type("Provider", (Implementation,), methods)(run_config)


class Modules:
    """Stands for `importlib` in the release's resolver: factories of providers return implementations."""

    real: tuple[str, ...] = ()

    def __init__(self, run_config: object, specs: dict) -> None:
        self.run_config = run_config
        self.specs = specs

    def import_module(self, name: str) -> object:
        module = importlib.import_module(name)
        if name not in self.specs or name in self.real:
            return module
        factories = {}
        for factory in ("get_adapter_impl", "get_provider_impl"):
            if hasattr(module, factory):
                factories[factory] = self.replaced(getattr(module, factory), self.specs[name], name)
        return SimpleNamespace(**factories)

    def replaced(self, factory: object, api: object, module: str) -> object:
        @functools.wraps(factory)
        async def make(*args: object) -> Implementation:
            inspect.signature(factory).bind(*args)
            await open_unnamed_stores(args[0], module)
            return implementation(api, self.run_config)

        return make


@functools.cache
def opened_stores(module: str) -> frozenset[str]:
    """Return the fields of its config that a provider's code opens as stores, whatever is in them.

    The code is read, not run, since most providers import what is not installed here. What stands under an `if` is not
    taken; of code elsewhere in the release that the module imports, the module that it names is read too.
    """
    trees = [ast.parse(path.read_text()) for path in sources(module)]
    for node in [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]:
        if node.module and ".providers.remote." in node.module:
            trees += [ast.parse(path.read_text()) for path in sources(node.module)]
    return frozenset(field for tree in trees for field in opened_in(tree))


def sources(module: str) -> list[Path]:
    # Not `find_spec`, which imports the packages around it.
    top, *rest = module.split(".")
    place = Path(importlib.util.find_spec(top).origin).parent.joinpath(*rest)
    return [*place.glob("*.py")] if place.is_dir() else [place.with_suffix(".py")]


def opened_in(node: ast.AST) -> set[str]:
    if isinstance(node, ast.If):
        return set()
    found = set().union(*map(opened_in, ast.iter_child_nodes(node)))
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in OPENING:
        given = node.args[0]
        holder = given.value if isinstance(given, ast.Attribute) else None
        if getattr(holder, "attr", getattr(holder, "id", "")) in ("config", "_config"):
            found.add(given.attr)
    return found


async def open_unnamed_stores(config: object, module: str) -> None:
    """Open, as the provider does, what is in the place of a store and is none; raise what the release raises."""
    utils = f"{CORE.partition('.')[0]}.providers.utils"
    kvstore = next(name for name in (f"{CORE}.storage.kvstore", f"{utils}.kvstore") if sources(name)[0].exists())
    for field in opened_stores(module):
        value = getattr(config, field, ...)
        if value is None or isinstance(value, str):
            await importlib.import_module(kvstore).kvstore_impl(value)


def on_sqlite(run_config: object) -> None:
    """Put SQLite in the place of databases that need a server."""
    storage = getattr(run_config, "storage", None)
    for name, backend in (storage.backends if storage else {}).items():
        if "sqlite" not in str(backend.type):
            kind = "Kv" if str(getattr(backend.type, "value", backend.type)).startswith("kv") else "Sql"
            storage.backends[name] = sqlite_backend(kind, name)
    for key, kind in (("metadata_store", "Kv"), ("inference_store", "Sql")):
        store = getattr(run_config, key, None)
        if store is not None and "sqlite" not in str(store.type):
            setattr(run_config, key, sqlite_store(kind, key))


def sqlite_backend(kind: str, name: str) -> object:
    datatypes = importlib.import_module(f"{CORE}.storage.datatypes")
    cls = datatypes.SqliteKVStoreConfig if kind == "Kv" else datatypes.SqliteSqlStoreConfig
    return cls(db_path=f"{os.environ['HOME']}/{name}.db")


def sqlite_store(kind: str, name: str) -> object:
    utils = "llama_stack.providers.utils"
    path = f"{os.environ['HOME']}/{name}.db"
    if kind == "Kv":
        return importlib.import_module(f"{utils}.kvstore.config").SqliteKVStoreConfig(db_path=path)
    return importlib.import_module(f"{utils}.sqlstore.sqlstore").SqliteSqlStoreConfig(db_path=path)


def prepare(original: object) -> object:
    """Wrap the release's `resolve_impls`: its first argument is the validated config."""

    @functools.wraps(original)
    async def resolve_impls(run_config: object, registry: dict, *args: object, **kwargs: object) -> dict:
        specs = {spec.module: api for api, types in registry.items() for spec in types.values()}
        resolver.importlib = Modules(run_config, specs)
        return await original(run_config, registry, *args, **kwargs)

    return resolve_impls


def first(function: object, before: object, position: int = 0) -> object:
    @functools.wraps(function)
    def wrapped(*args: object, **kwargs: object) -> object:
        before(args[position])
        return function(*args, **kwargs)

    return wrapped


def install() -> object:
    """Put the replacements into place, and return the release's server module."""
    server = importlib.import_module(f"{CORE}.server.server")
    stack.resolve_impls = prepare(stack.resolve_impls)
    if hasattr(stack, "_initialize_storage"):
        stack._initialize_storage = first(stack._initialize_storage, on_sqlite)
    elif hasattr(stack, "Stack"):
        stack.Stack.__init__ = first(stack.Stack.__init__, on_sqlite, position=1)
    else:
        server.construct_stack = first(server.construct_stack, on_sqlite)
    replace("uvicorn", "Server", "serve", serve)
    replace(f"{CORE}.jobs.worker", "WorkerPool", "start", lambda pool: None)
    return server


async def serve(*args: object) -> None: ...


def replace(module: str, cls: str, name: str, value: object) -> None:
    with contextlib.suppress(ModuleNotFoundError):
        setattr(getattr(importlib.import_module(module), cls), name, value)


def start(server: object, raw: object) -> None:
    """Raise what the release raises."""
    home = Path(os.environ["HOME"])
    for path in home.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    config = home / "run.yaml"
    config.write_text(json.dumps(raw))
    if not hasattr(server, "create_app"):
        sys.argv = ["server", str(config)]
        server.main()
        return
    os.environ["LLAMA_STACK_CONFIG"] = os.environ["OGX_CONFIG"] = str(config)
    app = server.create_app()

    async def serve() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(serve())


def verdict(server: object, raw: object) -> str | None:
    try:
        start(server, raw)
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}"[:300]
    return None


def verdicts(server: object, configs: dict[str, object]) -> dict[str, str | None]:
    """Start the server once with what substitution makes the same: releases do nothing else with the text."""
    known: dict[str, str | None] = {}
    found = {}
    for name, raw in configs.items():
        try:
            key = json.dumps(stack.replace_env_vars(copy.deepcopy(raw)))
        except Exception:
            key = ""  # the start says it
        found[name] = known[key] if key in known else verdict(server, raw)
        if key:
            known[key] = found[name]
    return found


def refusal(dotted: str, config: dict, provider: str) -> str | None:
    """Return what a config class says against a config, made as `instantiate_provider` does, or what opens its stores
    does."""
    module, _, name = dotted.rpartition(".")
    try:
        made = getattr(importlib.import_module(module), name)(**config)
        asyncio.run(open_unnamed_stores(made, provider))
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return None


def alike(dotted: str, one: dict, other: dict) -> bool:
    """Whether a config class takes two configs, and makes the same of both; secrets are compared by what is shown."""
    module, _, name = dotted.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    try:
        return repr(cls(**one).__dict__) == repr(cls(**other).__dict__)
    except Exception:
        return False


def substituted(text: object) -> dict:
    try:
        return {"value": stack.replace_env_vars(text)}
    except stack.EnvVarError as error:
        return {"missing": error.var_name}


def main() -> None:
    task = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # releases log to standard output
    configs = task.get("configs", {})
    Modules.real = tuple(task.get("real", ()))
    server = install() if configs else None
    result = {
        "configs": verdicts(server, configs) if configs else {},
        "classes": [refusal(*given) for given in task.get("classes", [])],
        "alike": [alike(*given) for given in task.get("alike", [])],
        "substitutions": [substituted(text) for text in task.get("substitutions", [])],
    }
    json.dump(result, out)
    out.flush()
    with contextlib.suppress(BaseException):
        sys.stderr.flush()
    os._exit(0)  # connections that were never closed keep threads


if __name__ == "__main__":  # a worker process that the release spawns imports this file
    main()
