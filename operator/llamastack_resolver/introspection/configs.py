"""Describes config classes: their JSON schema, with what JSON schema cannot say as `x-` keys.

`x-validators` marks fields and models whose own validators may accept more than the schema tells, `x-extra`
what happens to unknown keys, `x-names` the input names of a field with aliases.
"""

from __future__ import annotations

import importlib
from typing import Any

from pydantic import AliasChoices, AliasPath, BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue


def describe_config_class(dotted: str) -> dict[str, Any]:
    """Return the annotated JSON schema of a class, given as `package.module.Class`.

    Raises:
        ImportError, AttributeError: there is no such class.
        Exception: whatever the class raises while its schema is made.
    """
    return describe_class(load_class(dotted))


def load_class(dotted: str) -> type[Any]:
    """Import `package.module.Class`.

    Raises:
        ImportError: the module cannot be imported, or the text has no dot.
        AttributeError: the module has no such class.
    """
    module, _, name = dotted.rpartition(".")
    if not module:
        raise ImportError(f"{dotted!r} names no class: package.module.Class is expected")
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


def describe_class(cls: type[Any]) -> dict[str, Any]:
    """Return the annotated JSON schema of a class."""
    schema = TypeAdapter(cls).json_schema(mode="validation", schema_generator=_Generator)
    pruned: dict[str, Any] = _prune(schema)
    return pruned


def _prune(value: Any, in_properties: bool = False) -> Any:
    """Leave out what only documents: titles, descriptions and examples."""
    if isinstance(value, list):
        return [_prune(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _prune(item, in_properties=key in ("properties", "$defs") and not in_properties)
        for key, item in sorted(value.items())
        if in_properties or key not in ("title", "description", "examples")
    }


class _Generator(GenerateJsonSchema):
    """Marks validators and aliases; types that JSON schema cannot express become fields that are not
    judged."""

    def function_before_schema(self, schema: Any) -> JsonSchemaValue:
        return _marked(super().function_before_schema(schema), "before")

    def function_wrap_schema(self, schema: Any) -> JsonSchemaValue:
        return _marked(super().function_wrap_schema(schema), "wrap")

    def function_plain_schema(self, schema: Any) -> JsonSchemaValue:
        return {"x-validators": ["plain"]}

    def function_after_schema(self, schema: Any) -> JsonSchemaValue:
        return _marked(super().function_after_schema(schema), "after")

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {"x-validators": ["plain"]}

    def enum_schema(self, schema: Any) -> JsonSchemaValue:
        result = super().enum_schema(schema)
        return _marked(result, "plain") if schema.get("missing") else result

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Say nothing: a default that JSON cannot hold does not matter here."""

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        result = super().model_schema(schema)
        cls = schema["cls"]
        extra = cls.model_config.get("extra")
        if extra and "properties" in result:
            result["x-extra"] = extra
        for name, field in cls.model_fields.items():
            names = _input_names(cls, name, field)
            if names != [name]:
                for key in names:
                    if key in result.get("properties", {}):
                        result["properties"][key]["x-names"] = names
        return result


def _input_names(cls: type[BaseModel], name: str, field: Any) -> list[str]:
    alias = field.validation_alias or field.alias
    if alias is None:
        return [name]
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    names = [str(choice.path[0]) if isinstance(choice, AliasPath) else choice for choice in choices]
    if cls.model_config.get("populate_by_name") or cls.model_config.get("validate_by_name"):
        names.append(name)
    return list(dict.fromkeys(names))


def _marked(schema: JsonSchemaValue, mark: str) -> JsonSchemaValue:
    return {**schema, "x-validators": sorted({*schema.get("x-validators", ()), mark})}
