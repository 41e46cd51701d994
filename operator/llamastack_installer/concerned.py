"""Which modules and requirements of a layer a failure is about.

pip speaks of whatever package it was at, which a user may never have heard of. What a user wrote are the layer's
requirements and modules, so a package is led back to those that ask for it, as far as that is known.
"""

from __future__ import annotations

from collections.abc import Iterable

from llamastack_contract.layer import Layer
from llamastack_contract.limits import CONCERNED
from llamastack_contract.names import canonical, name_of
from llamastack_installer.specs import Modules


def concerned(layer: Layer, modules: Modules, packages: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the modules and requirements that are among some packages, or whose specs ask for them.

    Args:
        layer: the layer.
        modules: what is known of its modules; nothing before their specs were read.
        packages: requirements or names of the packages that a failure is about.

    Returns:
        Names as they stand in the layer, each once, at most `CONCERNED`.
    """
    texts = [*layer.modules, *layer.requirements, *(word for call in layer.special for word in call)]
    own = {canonical(name): name for text in reversed(texts) if (name := name_of(text))}
    found: dict[str, None] = {}
    for package in (canonical(name_of(text)) for text in packages):
        if package in own:
            found[own[package]] = None
            continue
        for module, asked in modules.asked.items():
            if package in {canonical(name_of(word)) for text in asked for word in text.split()} - {""}:
                found[name_of(module)] = None
    return tuple(found)[:CONCERNED]
