"""All that decides the image of a stack."""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.install.install_plan import InstallPlan


@dataclass(frozen=True, slots=True)
class ImageQuestion:
    """All that decides the image of a stack.

    Attributes:
        spec: the stack's spec.
        plan: what is to be installed.
        builds: the builds of its namespace that it uses or could use.
        current: the build that it used last, or None.
        access: changes when a Secret or certificate of the build does, so that a failed build is tried anew; empty
            where they were not looked at, which is enough to find a build that succeeded.
        refresh: a token that asks for a fresh look at tags and versions; empty for none.
        unchanged: whether the image of this very spec was ready in the last pass, so that what an upgrade of the
            operator brings is no reason for a build.
    """

    spec: LlamaStackSpec
    plan: InstallPlan
    builds: tuple[BuildRecord, ...]
    current: str | None
    access: str
    refresh: str
    unchanged: bool
