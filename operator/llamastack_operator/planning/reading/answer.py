"""All that is found out about a stack where it is read: small, bounded, and without an object that the reader made."""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_operator.planning.install.install_plan import InstallPlan
from llamastack_operator.planning.stack.reading import NOTHING_READ, Reading
from llamastack_operator.workloads.server_config import ServerConfig


@dataclass(frozen=True, slots=True)
class Planned:
    """What the run config of a stack asks for.

    Attributes:
        install: what has to be installed; None where nothing has.
        completed: the run config for its server; None where that is the written one.
        renamed: the same with places for the import names of its modules; None where it names no module.
    """

    install: InstallPlan | None = None
    completed: ServerConfig | None = None
    renamed: ServerConfig | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question about a stack.

    Attributes:
        reading: what the resolver says of it.
        planned: what it asks for; None where that could not be found out.
    """

    reading: Reading
    planned: Planned | None


NOTHING_ANSWERED = Answer(NOTHING_READ, None)
"""Stands for the answer about a stack whose spec cannot be read."""
