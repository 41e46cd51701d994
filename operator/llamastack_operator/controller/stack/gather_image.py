"""Collects what decides the image of a stack, the builds there are and what they need to reach, and judges by it."""

from __future__ import annotations

import time
from dataclasses import replace

from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.referents import Referents
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.image.access import secrets_of, seen_access
from llamastack_operator.planning.image.judge import judge_image, snapshot_of, unplanned
from llamastack_operator.planning.image.question import ImageQuestion, question_about
from llamastack_operator.planning.reading.answer import Planned
from llamastack_operator.planning.stack.facts import StackFacts
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.stack import Stack
from llamastack_operator.workloads.settings import ImageSettings


class ImageGatherer:
    """Collects the facts about images, and judges by them.

    Args:
        builds: the known builds.
        referents: reads what stacks refer to.
    """

    def __init__(self, builds: Cache[BuildRecord], referents: Referents) -> None:
        self._builds = builds
        self._referents = referents

    async def judge(
        self, facts: StackFacts, planned: Planned | None, settings: ImageSettings
    ) -> tuple[Snapshot, float | None]:
        """Return the facts with how the image stands, and the seconds until a fresh look at versions is due.

        Where the spec has errors, leads nowhere, or could not be read, nothing is decided: what runs stays.

        Args:
            facts: what was gathered about the stack.
            planned: what it asks for; None where that could not be found out.
            settings: the operator's settings.
        """
        if facts.has_errors:
            return Snapshot(facts, None), None
        if planned is None and (why := unplanned(facts)):
            return Snapshot(facts, None, why), None
        question, again = self._question(facts, planned)
        judged = judge_image(facts, question, settings)
        if judged.verdict is not None and not judged.verdict.ready and question is not None:
            # Only now do credentials matter: they tell a failed build that is to be tried anew from one that is not.
            question = replace(question, access=await self._access(facts))
            judged = judge_image(facts, question, settings)
        snapshot = snapshot_of(facts, planned, judged)
        return snapshot, again if snapshot.image is not None else None

    def _question(self, facts: StackFacts, planned: Planned | None) -> tuple[ImageQuestion | None, float | None]:
        """Return what decides the image of a stack, and the seconds until a fresh look at versions is due; None where
        nothing has to be installed."""
        stack, spec = facts.stack, facts.stack.spec
        if spec is None or planned is None or planned.install is None:
            return None, None
        return question_about(stack, spec, planned.install, self._candidates(stack), time.time())

    def _candidates(self, stack: Stack) -> tuple[BuildRecord, ...]:
        """Return the builds of the stack's namespace, its own among them."""
        return tuple(self._builds.of((stack.key[0], "")))

    async def _access(self, facts: StackFacts) -> str:
        """Return what changes when credentials or certificates do."""
        stack = facts.stack
        build = stack.spec.build if stack.spec else None
        if build is None:
            return ""
        versions = {name: await self._referents.secret_version((stack.key[0], name)) for name in secrets_of(build)}
        return seen_access(versions, facts.referred.certificates)
