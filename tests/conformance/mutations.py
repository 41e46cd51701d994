"""Single changes to a config that starts: each makes one mistake, or none."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]
MUTATIONS: dict[str, Callable[[Config], object]] = {}


def mutation(function: Callable[[Config], object]) -> Callable[[Config], object]:
    MUTATIONS[function.__name__] = function
    return function


def first_entry(config: Config, api: str = "inference") -> dict[str, Any]:
    """Return the first entry that is always enabled."""
    entries = [e for e in config["providers"][api] if "${env" not in str(e["provider_id"])]
    return (entries or config["providers"][api])[0]


def mutated(config: Config, names: list[str]) -> Iterator[tuple[str, Config]]:
    for name in names:
        changed = copy.deepcopy(config)
        try:
            MUTATIONS[name](changed)
        except (KeyError, IndexError, TypeError):
            continue  # the config has no such place
        yield name, changed


RESOURCE_IDS = ("model_id", "shield_id", "toolgroup_id", "dataset_id", "vector_store_id")
# How an id may depend on a variable: its text, and the value that gives the id.
DEPENDING = {
    "conditional": lambda name, text: (f"${{env.{name}:+{text}}}", "yes"),
    "plain": lambda name, text: (f"${{env.{name}}}", text),
    "default": lambda name, text: (f"${{env.{name}:={text}}}", text),
    "disabled": lambda name, text: (f"${{env.{name}:=__disabled__}}", text),
    "empty": lambda name, text: (f"${{env.{name}:=}}", text),
}


@dataclass(frozen=True)
class Depending:
    """A config in which one id depends on a variable.

    Attributes:
        shape: how, by its name in `DEPENDING`.
        place: where the id stands.
        config: the config.
        variable: the variable.
        value: the value that gives the id.
    """

    shape: str
    place: str
    config: Config
    variable: str
    value: str


def with_variables(config: Config, shapes: list[str]) -> Iterator[Depending]:
    """Yield copies of a config that starts, in each of which one id depends on a variable of its own.

    Args:
        config: the config.
        shapes: of `DEPENDING`; ids take turns.
    """
    for number, (place, key, text) in enumerate(_ids(config)):
        changed, variable = copy.deepcopy(config), f"DEPENDS_{number}"
        shape = shapes[number % len(shapes)]
        written, value = DEPENDING[shape](variable, text)
        _at(changed, place)[key] = written
        yield Depending(shape, ".".join(map(str, (*place, key))), changed, variable, value)


def _ids(config: Config) -> Iterator[tuple[list[Any], str, str]]:
    for api, entries in config["providers"].items():
        for index, entry in enumerate(entries):
            if "$" not in entry["provider_id"]:
                yield ["providers", api, index], "provider_id", entry["provider_id"]
    holder = ["registered_resources"] if "registered_resources" in config else []
    for section, items in _at(config, holder).items():
        for index, item in enumerate(items if isinstance(items, list) and section != "providers" else ()):
            for key in (*RESOURCE_IDS, "provider_id"):
                if isinstance(item, dict) and isinstance(item.get(key), str) and "$" not in item[key]:
                    yield [*holder, section, index], key, item[key]


def _at(config: Any, place: list[Any]) -> Any:
    for part in place:
        config = config[part]
    return config


def _simple(name: str, change: Callable[[Config], object]) -> None:
    change.__name__ = name
    mutation(change)


_simple("unchanged", lambda c: c)
_simple("unknown_type", lambda c: first_entry(c).update(provider_type="remote::nope"))
_simple("misspelt_type", lambda c: first_entry(c).update(provider_type=first_entry(c)["provider_type"] + "x"))
_simple("type_without_kind", lambda c: first_entry(c).update(provider_type="ollama"))
_simple("unknown_api", lambda c: c["providers"].update(foo=[{"provider_id": "x", "provider_type": "inline::x"}]))
_simple("unknown_api_without_entries", lambda c: c["providers"].update(foo=[]))
_simple("routed_api", lambda c: c["providers"].update(models=[{"provider_id": "x", "provider_type": "inline::x"}]))
_simple("routed_api_without_entries", lambda c: c["providers"].update(models=[]))
_simple(
    "internal_api",
    lambda c: c["providers"].update(inspect=[{"provider_id": "x", "provider_type": "inline::x"}]),
)
_simple("no_provider_id", lambda c: first_entry(c).pop("provider_id"))
_simple("no_provider_type", lambda c: first_entry(c).pop("provider_type"))
_simple("null_provider_id", lambda c: first_entry(c).update(provider_id=None))
_simple("empty_provider_id", lambda c: first_entry(c).update(provider_id=""))
_simple("disabled", lambda c: first_entry(c).update(provider_id="__disabled__", provider_type="remote::nope"))
_simple("number_as_provider_id", lambda c: first_entry(c).update(provider_id=5))
_simple("config_is_a_list", lambda c: first_entry(c).update(config=[]))
_simple("config_is_null", lambda c: first_entry(c).update(config=None))
_simple("no_config", lambda c: first_entry(c).pop("config"))
_simple("unknown_config_key", lambda c: first_entry(c)["config"].update(zzz=1))
_simple("unset_variable", lambda c: first_entry(c)["config"].update(zzz="${env.NOT_SET_ANYWHERE}"))
_simple("unset_variable_with_default", lambda c: first_entry(c)["config"].update(zzz="${env.NOT_SET:=1}"))
_simple("entry_is_text", lambda c: c["providers"]["inference"].append("remote::vllm"))
_simple("entries_are_a_mapping", lambda c: c["providers"].update(inference={"provider_id": "x"}))
_simple("providers_are_a_list", lambda c: c.update(providers=[]))
_simple("no_providers", lambda c: c.pop("providers"))
_simple("no_name", lambda c: (c.pop("image_name", None), c.pop("distro_name", None)))
_simple("name_is_a_number", lambda c: c.update({k: 5 for k in ("image_name", "distro_name") if k in c}))
_simple("version_is_text", lambda c: c.update(version="2"))
_simple("unknown_key", lambda c: c.update(zzz=1))
_simple("port_too_low", lambda c: c.update(server={"port": 80}))
_simple("port_as_text", lambda c: c.update(server={"port": "8400"}))
_simple("port_is_no_number", lambda c: c.update(server={"port": "many"}))
_simple("apis_is_text", lambda c: c.update(apis="inference"))
_simple("unknown_api_in_list", lambda c: c["apis"].append("foo"))
_simple("empty_apis", lambda c: c.update(apis=[]))
_simple("no_apis", lambda c: c.pop("apis"))
_simple("inference_not_listed", lambda c: c["apis"].remove("inference"))
_simple("no_vector_io", lambda c: c["providers"].pop("vector_io"))
_simple("no_files", lambda c: c["providers"].pop("files"))
_simple("empty_files", lambda c: c["providers"].update(files=[]))
_simple("unknown_backend", lambda c: c["storage"]["stores"]["metadata"].update(backend="zzz"))
_simple("backend_of_the_wrong_kind", lambda c: c["storage"]["stores"]["metadata"].update(backend="sql_default"))
_simple(
    "backend_renamed",
    lambda c: c["storage"]["backends"].update(zzz=c["storage"]["backends"].pop("kv_default")),
)
_simple("backend_of_unknown_type", lambda c: c["storage"]["backends"]["kv_default"].update(type="kv_zzz"))
_simple("backend_without_path", lambda c: c["storage"]["backends"]["kv_default"].pop("db_path"))
_simple("no_stores", lambda c: c["storage"].pop("stores"))
_simple("no_storage", lambda c: c.pop("storage"))
_simple("model_of_an_unknown_provider", lambda c: models(c).append(_model("zzz")))
_simple("model_of_a_known_provider", lambda c: models(c).append(_model(first_entry(c)["provider_id"])))
_simple("model_without_id", lambda c: models(c).append({"provider_id": first_entry(c)["provider_id"]}))
_simple("models_are_a_mapping", lambda c: _holder(c).update(models={"a": 1}))
_simple("shield_of_an_unknown_provider", lambda c: _resource(c, "shields", shield_id="x", provider_id="zzz"))
_simple("dataset_without_provider", lambda c: _resource(c, "datasets", **DATASET))
_simple(
    "benchmark_of_an_unknown_provider",
    lambda c: _resource(c, "benchmarks", benchmark_id="x", dataset_id="x", scoring_functions=[], provider_id="zzz"),
)
_simple("tool_group_of_an_unknown_provider", lambda c: _resource(c, "tool_groups", toolgroup_id="x", provider_id="zzz"))
_simple(
    "vector_store_of_an_unknown_provider",
    lambda c: _resource(c, "vector_stores", **VECTOR_STORE, vector_store_id="x", provider_id="zzz"),
)
_simple(
    "vector_db_of_an_unknown_provider",
    lambda c: _resource(c, "vector_dbs", **VECTOR_STORE, vector_db_id="x", provider_id="zzz"),
)
_simple(
    "embedding_model_of_an_unknown_provider",
    lambda c: c["vector_stores"].update(default_embedding_model={"provider_id": "zzz", "model_id": "m"}),
)
_simple("no_metadata_store", lambda c: c["storage"]["stores"].pop("metadata"))
_simple("null_metadata_store", lambda c: c["storage"]["stores"].update(metadata=None))
_simple("no_sql_backend", lambda c: c["storage"]["backends"].pop("sql_default"))
_simple("prompts_in_a_kv_store", lambda c: c["storage"]["stores"].update(prompts={**PROMPTS}))
_simple("connectors_in_a_kv_store", lambda c: c["storage"]["stores"].update(connectors={**PROMPTS}))
_simple("two_providers_without_router", lambda c: c["providers"]["files"].append(_renamed(c["providers"]["files"][0])))
_simple("same_id_in_two_apis", lambda c: first_entry(c, "files").update(provider_id=first_entry(c)["provider_id"]))
_simple("same_id_twice_in_an_api", lambda c: c["providers"]["inference"].append(copy.deepcopy(first_entry(c))))
_simple("no_version", lambda c: c.pop("version"))
_simple("auth_of_unknown_type", lambda c: c.update(server={"auth": {"provider_config": {"type": "zzz"}}}))
_simple("module_as_list", lambda c: first_entry(c).update(module=[]))
_simple("first_format", lambda c: (c.update(routing_table=c.pop("providers")), c.update(apis_to_serve=c.pop("apis"))))
_simple("first_format_without_apis", lambda c: (c.update(routing_table=c.pop("providers")), c.pop("apis")))
_simple("first_format_beside_the_new", lambda c: c.update(api_providers={"inference": {"provider_type": "x"}}))

DATASET = {
    "dataset_id": "x",
    "purpose": "eval/messages-answer",
    "source": {"type": "uri", "uri": "huggingface://datasets/a"},
}
VECTOR_STORE = {"embedding_model": "m", "embedding_dimension": 8}
PROMPTS = {"backend": "kv_default", "namespace": "prompts"}


def _renamed(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "provider_id": "another"}


def _resource(config: Config, key: str, **item: Any) -> None:
    _holder(config).setdefault(key, []).append(item)


def _holder(config: Config) -> dict[str, Any]:
    return config.setdefault("registered_resources", {}) if "storage" in config else config


def models(config: Config) -> list[Any]:
    return _holder(config).setdefault("models", [])


def _model(provider_id: str) -> dict[str, Any]:
    return {"model_id": "m", "provider_id": provider_id, "model_type": "llm", "metadata": {}}
