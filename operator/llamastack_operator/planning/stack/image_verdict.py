"""How the image of a stack stands: what the rest of its planning needs to know of it, however that was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.objects.build_status import RecordedModule
from llamastack_operator.workloads.runtime import Runtime
from llamastack_resolver.findings import Reason


@dataclass(frozen=True, slots=True)
class BuildWish:
    """A build that a stack wants to be there.

    Attributes:
        name: the name of the LlamaStackBuild.
        spec: its spec, in wire form; empty for one that exists and is only to be used.
    """

    name: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ImageVerdict:
    """How the image of the newest generation stands.

    Attributes:
        ready: whether pods can run it.
        reason: the reason of the condition ImageReady.
        message: its message.
        hint: what to do, empty where nothing is to be done.
        stalled: whether no progress is expected without a change from outside.
        runtime: what the pods run, if it is ready.
        wishes: the builds that must exist, and belong to the stack too.
        current: the build that the newest generation runs or waits for.
        modules: what is known of the installed modules.
        places: field paths of what a failure is about, the most telling first; none where it is about no field.
    """

    ready: bool
    reason: Reason
    message: str
    hint: str = ""
    stalled: bool = False
    runtime: Runtime | None = None
    wishes: tuple[BuildWish, ...] = ()
    current: str | None = None
    modules: tuple[RecordedModule, ...] = ()
    places: tuple[str, ...] = ()
