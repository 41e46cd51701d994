"""All that decides the image of a stack."""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_operator.api.conditions import ConditionType, is_true
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.image.refresh import refresh_token
from llamastack_operator.planning.install.install_plan import InstallPlan
from llamastack_operator.planning.stack.stack import Stack


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


def question_about(
    stack: Stack, spec: LlamaStackSpec, plan: InstallPlan, builds: tuple[BuildRecord, ...], now: float
) -> tuple[ImageQuestion, float | None]:
    """Return what decides the image of a stack, credentials apart, and the seconds until a fresh look is due.

    Args:
        stack: the stack.
        spec: its spec.
        plan: what is to be installed.
        builds: the builds of its namespace.
        now: the time, in seconds since 1970.
    """
    current = (stack.status.get("buildRef") or {}).get("name")
    interval = spec.build.refresh_interval if spec.build else None
    token, again = refresh_token(stack.rebuild, interval, stack.uid, _held(current, builds), now)
    question = ImageQuestion(
        spec=spec,
        plan=plan,
        builds=builds,
        current=current,
        access="",
        refresh=str(token),
        unchanged=stack.status.get("observedGeneration") == stack.generation
        and is_true(stack.status, ConditionType.IMAGE_READY),
    )
    return question, again


def _held(current: str | None, builds: tuple[BuildRecord, ...]) -> str:
    """Return the token of the build that a stack runs or waits for, empty for none."""
    return next((build.spec.inputs.refresh or "" for build in builds if build.key[1] == current), "")
