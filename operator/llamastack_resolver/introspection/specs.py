"""Describes provider specs, whatever class of the ProviderSpec family a release or a module returns, and makes them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llamastack_resolver.introspection.layout import Layout
from llamastack_resolver.knowledge import ProviderSpec

_TEXTS = (
    "module",
    "config_class",
    "deprecation_warning",
    "deprecation_error",
    "provider_data_validator",
    "adapter_type",
    "toolgroup_id",
    "description",
    "container_image",
)


def describe_spec(spec: Any) -> dict[str, Any]:
    """Return the JSON shape of a spec object, with its `api` and `provider_type`.

    Raises:
        AttributeError: the object is no provider spec.
    """
    adapter = getattr(spec, "adapter", None)
    data: dict[str, Any] = {
        "api": name_of(spec.api),
        "provider_type": spec.provider_type,
        "kind": kind_of(spec),
        "api_dependencies": [name_of(api) for api in spec.api_dependencies],
        "optional_api_dependencies": [name_of(api) for api in spec.optional_api_dependencies],
        "pip_packages": list(getattr(spec, "pip_packages", None) or getattr(adapter, "pip_packages", None) or ()),
    }
    for name in _TEXTS:
        value = getattr(spec, name, None)
        if value is None and name != "module":
            # Up to 0.2.22 remote specs keep these in `adapter`; the module there is not what is imported.
            value = getattr(adapter, name, None)
        if value:
            data[name] = str(value)
    return {key: value for key, value in data.items() if value != []}


def release_spec(spec: ProviderSpec, layout: Layout) -> Any:
    """Return the release's own object of a spec that was read from a file; instances carry it, and the release's
    routing tables ask it for its API.

    Args:
        spec: what the file says.
        layout: the installed release; the spec itself is returned where it has no such class.
    """
    cls = layout.spec_class("RemoteProviderSpec" if spec.kind == "remote" else "InlineProviderSpec")
    if cls is None:
        return spec
    given = {key: value for key, value in asdict(spec).items() if value is not None and key != "kind"}
    given["api"] = layout.api(spec.api)
    for key in ("api_dependencies", "optional_api_dependencies"):
        given[key] = [layout.api(api) for api in given[key]]
    given["pip_packages"] = list(spec.pip_packages)
    adapter_class = layout.spec_class("AdapterSpec")
    if "adapter" in cls.model_fields and adapter_class is not None:
        # Up to 0.2.22.
        given["adapter"] = adapter_class(**{key: given[key] for key in adapter_class.model_fields if key in given})
    return cls(**{key: value for key, value in given.items() if key in cls.model_fields})


def kind_of(spec: Any) -> str:
    """Return which factory the release calls for a spec: `remote`, `inline`, or `other` for a bare
    ProviderSpec."""
    names = {cls.__name__ for cls in type(spec).__mro__}
    if "RemoteProviderSpec" in names:
        return "remote"
    return "inline" if "InlineProviderSpec" in names else "other"


def name_of(api: Any) -> str:
    """Return the name of an API, which is an enum member or a text."""
    return str(getattr(api, "value", api))
