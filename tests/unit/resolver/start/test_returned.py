"""The class of what a factory returns is told by its source, or not at all."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest

from llamastack_resolver.start.returned import returned_class


class Mine:
    def __init__(self, config: object) -> None: ...


def make(config: object) -> Mine:
    return Mine(config)


async def at_once(config: object, deps: object) -> Any:
    return Mine(config)


async def by_a_name(config: object, deps: object) -> Any:
    impl = Mine(config)
    await asyncio.sleep(0)
    return impl


async def by_a_name_with_its_type(config: object, deps: object) -> Any:
    impl: Any = Mine(config)
    return impl


async def imported_under_another_name(config: object, deps: object) -> Any:
    from tests.unit.resolver.start.returned_there import There as Here

    return Here(config)


async def by_another_function(config: object, deps: object) -> Any:
    return make(config)


async def one_of_two(config: object, deps: object) -> Any:
    if config:
        return Mine(config)
    return functools.partial(config)  # type: ignore[arg-type]


async def nothing(config: object, deps: object) -> Any: ...


async def a_name_that_is_not_there(config: object, deps: object) -> Any:
    return Absent(config)  # type: ignore[name-defined]  # noqa: F821


async def from_a_module_that_is_not_there(config: object, deps: object) -> Any:
    from tests.unit.resolver.start.absent import Absent  # type: ignore[import-not-found]

    return Absent(config)


async def a_class_that_its_module_has_not(config: object, deps: object) -> Any:
    from tests.unit.resolver.start.returned_there import Absent  # type: ignore[attr-defined]

    return Absent(config)


@pytest.mark.parametrize("factory", [at_once, by_a_name, by_a_name_with_its_type])
def test_what_is_constructed_is_the_class(factory: Callable[..., Any]):
    assert returned_class(factory) is Mine


def test_a_class_is_imported_as_the_factory_does_it():
    assert returned_class(imported_under_another_name).__name__ == "There"


@pytest.mark.parametrize(
    "factory", [by_another_function, one_of_two, nothing, a_name_that_is_not_there, len, Mine(None), lambda: 1]
)
def test_where_the_source_does_not_say_it_nothing_is_guessed(factory: Any):
    with pytest.raises(LookupError):
        returned_class(factory)


@pytest.mark.parametrize("factory", [from_a_module_that_is_not_there, a_class_that_its_module_has_not])
def test_a_class_that_cannot_be_imported_is_no_silence(factory: Callable[..., Any]):
    with pytest.raises(ImportError):
        returned_class(factory)
