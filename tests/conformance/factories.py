"""Finds the implementation class of a built-in provider without calling its factory, inside a release's
environment.

The class is read from the factory's own source (`start/returned.py`). A package that
an implementation's module imports and that is not installed gets a stand-in: an object that can be imported,
called, subscripted and derived from, and that adds nothing to a class. All methods are the release's own.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
from types import ModuleType
from typing import Any

from llamastack_resolver.knowledge import ProviderSpec
from llamastack_resolver.start.instantiate import factory_name
from llamastack_resolver.start.returned import returned_class

STACK = ("llama_stack", "llama_stack_api", "ogx", "ogx_api")


class StandIn:
    """Any name of an absent package. As a base class it vanishes (PEP 560)."""

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As a decorator it changes nothing."""
        return args[0] if len(args) == 1 and not kwargs and callable(args[0]) else StandIn()

    def __getitem__(self, item: Any) -> Any:
        return StandIn()

    def __or__(self, other: Any) -> Any:
        return Any

    __ror__ = __or__

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.any_schema()


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports stand-ins for chosen packages."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        if any(name == known or name.startswith(f"{known}.") for known in self.names):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> ModuleType:
        module = ModuleType(spec.name)
        module.__getattr__ = StandIn().__getattr__  # type: ignore[method-assign]
        return module

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


def find_class(spec: ProviderSpec, stand_ins: StandIns) -> type:
    """Return a provider's class; absent packages are replaced as its imports ask for them."""
    while True:
        try:
            return returned_class(factory_of(spec))
        except ModuleNotFoundError as error:
            name = str(error.name).split(".")[0]
            if name in STACK or name in stand_ins.names:
                raise
            stand_ins.names.add(name)


def factory_of(spec: ProviderSpec) -> Any:
    """Return a provider's factory function.

    Raises:
        AttributeError: its module has none.
    """
    return getattr(importlib.import_module(str(spec.module)), factory_name(spec))
