"""Collects what decides the image of a stack: its install plan, the builds there are, and what builds need to reach.

What takes time (parsing a large run config, reading the catalog) runs in a thread, once for each generation.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.referents import Referents
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.objects.child import Key
from llamastack_operator.planning.image.access import secrets_of, seen_access
from llamastack_operator.planning.image.install import needs_install, read_install
from llamastack_operator.planning.image.judge import judge_image
from llamastack_operator.planning.image.question import ImageQuestion, question_about
from llamastack_operator.planning.image.server_config import may_change, server_text
from llamastack_operator.planning.install.install_plan import InstallPlan
from llamastack_operator.planning.stack.facts import Referred, StackFacts
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.stack import Stack
from llamastack_operator.workloads.settings import ImageSettings


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What decides the image of a stack.

    Attributes:
        question: the question to decide, or None where nothing has to be installed.
        again: seconds until a fresh look at versions is due, or None.
    """

    question: ImageQuestion | None
    again: float | None


@dataclass(frozen=True, slots=True)
class _Planned:
    identity: tuple[Any, ...]
    plan: InstallPlan | None


class ImageGatherer:
    """Collects the facts about images, and judges by them.

    Args:
        builds: the known builds.
        referents: reads what stacks refer to.
    """

    def __init__(self, builds: Cache[BuildRecord], referents: Referents) -> None:
        self._builds = builds
        self._referents = referents
        self._planned: dict[Key, _Planned] = {}
        self._configs: dict[Key, tuple[tuple[Any, ...], str | None]] = {}

    def forget(self, key: Key) -> None:
        """Forget a stack."""
        self._planned.pop(key, None)
        self._configs.pop(key, None)

    async def judge(self, facts: StackFacts, settings: ImageSettings) -> tuple[Snapshot, float | None]:
        """Return the facts with how the image stands, and the seconds until a fresh look at versions is due.

        Where the spec has errors, or leads nowhere, nothing is decided: what runs stays.
        """
        run_config = facts.run_config
        if facts.has_errors:
            return Snapshot(facts, None, (), run_config), None
        gathered = await self._facts(facts, run_config)
        question = gathered.question
        judged = judge_image(facts, question, settings)
        if judged.verdict is not None and not judged.verdict.ready and question is not None:
            # Only now do credentials matter: they tell a failed build that is to be tried anew from one that is not.
            question = replace(question, access=await self._access(facts))
            judged = judge_image(facts, question, settings)
        verdict = judged.verdict
        if verdict is None:
            return Snapshot(facts, None, judged.findings, run_config), None
        config = await self._server_config(facts, run_config, verdict)
        return Snapshot(facts, verdict, judged.findings, config), gathered.again

    async def _facts(self, facts: StackFacts, run_config: str | None) -> ImageFacts:
        """Return what decides the image of a stack whose spec could be read and refers to nothing that is missing."""
        stack, spec = facts.stack, facts.stack.spec
        if spec is None or run_config is None:
            return ImageFacts(None, None)
        planned = await self._plan(stack, facts.referred, spec, run_config)
        if planned.plan is None:
            return ImageFacts(None, None)
        question, again = question_about(stack, spec, planned.plan, self._candidates(stack), time.time())
        return ImageFacts(question, again)

    async def _server_config(self, facts: StackFacts, run_config: str | None, verdict: ImageVerdict) -> str | None:
        """Return the run config that the server gets; a text is kept only where it is not the written one."""
        stack = facts.stack
        if run_config is None or not verdict.ready or not may_change(stack, verdict.modules):
            return run_config
        identity = (stack.uid, stack.generation, facts.referred.digest, verdict.current)
        known = self._configs.get(stack.key)
        if known is None or known[0] != identity:
            text = await asyncio.to_thread(server_text, stack, run_config, verdict.modules)
            known = self._configs[stack.key] = (identity, None if text == run_config else text)
        return run_config if known[1] is None else known[1]

    async def _plan(self, stack: Stack, referred: Referred, spec: LlamaStackSpec, run_config: str) -> _Planned:
        inline = spec.run_config_from is None
        if inline and not needs_install(stack, stack.modules):
            return _Planned((), None)
        identity = (stack.uid, stack.generation, referred.digest)
        known = self._planned.get(stack.key)
        if known is None or known.identity != identity:
            plan = await asyncio.to_thread(read_install, stack, spec, run_config, referred.files)
            known = self._planned[stack.key] = _Planned(identity, plan)
        return known

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
