"""The names that the resolver offers at its top, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import llamastack_resolver


def printed_by(program: str) -> list[str]:
    """Return the words that a program prints in an interpreter of its own, since others have imported much here."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("name", llamastack_resolver.__all__)
def test_a_name_of_the_package_is_what_its_module_defines(name: str) -> None:
    found = getattr(llamastack_resolver, name)
    assert found.__name__ == name and found.__module__.startswith("llamastack_resolver.")


def test_a_function_is_not_hidden_by_a_module_of_its_name() -> None:
    program = (
        "import llamastack_resolver.documents.read, llamastack_resolver.start.check, llamastack_resolver as package"
    )
    program += "; print(all(callable(getattr(package, name)) for name in package.__all__))"
    assert printed_by(program) == ["True"]


def test_a_name_that_it_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'resolv'"):
        _ = llamastack_resolver.resolv


def test_importing_it_loads_none_of_its_modules() -> None:
    loaded = printed_by("import sys, llamastack_resolver; print(*sys.modules)")
    assert [name for name in loaded if name.startswith("llamastack_resolver.")] == []
