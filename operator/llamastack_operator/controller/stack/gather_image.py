"""Collects what decides the image of a stack: its install plan, the builds there are, and what builds need to reach.

What takes time (parsing a large run config, reading the catalog) runs in a thread, once for each generation.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

from llamastack_operator.api.conditions import ConditionType, is_true
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.referents import Referents
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.objects.child import Key, digest
from llamastack_operator.planning.image.decide import decide_image
from llamastack_operator.planning.image.install import (
    needs_import_names,
    needs_install,
    plan_findings,
    plan_install,
    with_import_names,
)
from llamastack_operator.planning.image.outcome import as_it_is
from llamastack_operator.planning.image.question import ImageQuestion
from llamastack_operator.planning.install.install_plan import InstallPlan
from llamastack_operator.planning.stack.image_verdict import ImageVerdict
from llamastack_operator.planning.stack.inputs.providers import Provider, has_modules, providers_of
from llamastack_operator.planning.stack.snapshot import Referred, Snapshot
from llamastack_operator.planning.stack.stack import Stack
from llamastack_operator.workloads.settings import ImageSettings
from llamastack_resolver.findings import Severity
from llamastack_resolver.yaml_io import read_yaml

_UNITS = {"h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What decides the image of a stack.

    Attributes:
        question: the question to decide, or None where nothing has to be installed.
        providers: the enabled providers of the run config.
        again: seconds until a fresh look at versions is due, or None.
    """

    question: ImageQuestion | None = None
    providers: tuple[Provider, ...] = ()
    again: float | None = None


@dataclass(frozen=True, slots=True)
class _Planned:
    identity: tuple[Any, ...]
    plan: InstallPlan | None
    providers: tuple[Provider, ...]


class ImageGatherer:
    """Collects the facts about images.

    Args:
        builds: the known builds.
        referents: reads what stacks refer to.
    """

    def __init__(self, builds: Cache[BuildRecord], referents: Referents) -> None:
        self._builds = builds
        self._referents = referents
        self._planned: dict[Key, _Planned] = {}
        self._configs: dict[Key, tuple[tuple[Any, ...], str]] = {}

    def forget(self, key: Key) -> None:
        """Forget a stack."""
        self._planned.pop(key, None)
        self._configs.pop(key, None)

    async def complete(self, snapshot: Snapshot, settings: ImageSettings) -> tuple[Snapshot, float | None]:
        """Return a snapshot with how its image stands, and the seconds until a fresh look at versions is due.

        Where the spec has errors, or leads nowhere, nothing is decided: what runs stays.
        """
        stack, referred = snapshot.stack, snapshot.referred
        if has_errors(snapshot):
            return with_image(snapshot, ImageFacts(providers=stack.providers), settings), None
        facts = await self.facts(stack, referred)
        completed = with_image(snapshot, facts, settings)
        if completed.image is not None and not completed.image.ready and facts.question is not None:
            # Only now do credentials matter: they tell a failed build that is to be tried anew from one that is not.
            access = await self._access(stack, referred)
            completed = with_image(snapshot, replace(facts, question=replace(facts.question, access=access)), settings)
        if completed.image is None:
            return completed, None
        config = await self.server_config(stack, referred, completed.image)
        return replace(completed, run_config=config), facts.again

    async def facts(self, stack: Stack, referred: Referred) -> ImageFacts:
        """Return what decides the image of a stack whose spec could be read and refers to nothing that is missing."""
        spec, run_config = stack.spec, stack.run_config or referred.run_config
        if spec is None or run_config is None:
            return ImageFacts(providers=stack.providers)
        planned = await self._plan(stack, referred, spec, run_config)
        if planned.plan is None:
            return ImageFacts(providers=planned.providers)
        token, again = _refresh(stack, spec, time.time())
        question = ImageQuestion(
            spec=spec,
            plan=planned.plan,
            builds=self._candidates(stack),
            current=(stack.status.get("buildRef") or {}).get("name"),
            refresh=token,
            unchanged=stack.status.get("observedGeneration") == stack.generation
            and is_true(stack.status, ConditionType.IMAGE_READY),
        )
        return ImageFacts(question, planned.providers, again)

    async def server_config(self, stack: Stack, referred: Referred, verdict: ImageVerdict) -> str | None:
        """Return the run config that the server gets: its modules under the names that they are imported by."""
        run_config = stack.run_config or referred.run_config
        if run_config is None or not verdict.ready or not needs_import_names(verdict.modules):
            return run_config
        identity = (stack.uid, stack.generation, referred.digest, verdict.current)
        known = self._configs.get(stack.key)
        if known is None or known[0] != identity:
            text = await asyncio.to_thread(with_import_names, run_config, verdict.modules)
            known = self._configs[stack.key] = (identity, text)
        return known[1]

    async def _plan(self, stack: Stack, referred: Referred, spec: LlamaStackSpec, run_config: str) -> _Planned:
        inline = spec.run_config_from is None
        if inline and not needs_install(stack, stack.modules):
            return _Planned((), None, stack.providers)
        identity = (stack.uid, stack.generation, referred.digest)
        known = self._planned.get(stack.key)
        if known is None or known.identity != identity:
            plan, providers = await asyncio.to_thread(_read, stack, spec, run_config, referred)
            known = self._planned[stack.key] = _Planned(identity, plan, providers)
        return known

    def _candidates(self, stack: Stack) -> tuple[BuildRecord, ...]:
        """Return the builds of the stack's namespace, its own among them."""
        return tuple(self._builds.of((stack.key[0], "")))

    async def _access(self, stack: Stack, referred: Referred) -> str:
        """Return what changes when credentials or certificates do."""
        build = stack.spec.build if stack.spec else None
        if build is None:
            return ""
        index = build.pip.secret_ref if build.pip else None
        names = {ref.name for ref in (build.push_secret_ref, build.pull_secret_ref, index) if ref is not None}
        versions = {name: await self._referents.secret_version((stack.key[0], name)) for name in sorted(names)}
        return digest([versions, referred.certificates])


def has_errors(snapshot: Snapshot) -> bool:
    """Tell whether a stack has errors of its own, or refers to what is not there."""
    findings = (*snapshot.stack.findings, *snapshot.referred.findings)
    return snapshot.stack.spec is None or any(finding.severity is Severity.ERROR for finding in findings)


def with_image(snapshot: Snapshot, facts: ImageFacts, settings: ImageSettings) -> Snapshot:
    """Return a snapshot with how its image stands, as far as errors in the spec do not forbid to say. Pure."""
    stack = snapshot.stack
    run_config = stack.run_config or snapshot.referred.run_config
    told = replace(snapshot, run_config=run_config, providers=facts.providers)
    if stack.spec is None or has_errors(snapshot):
        return told
    if facts.question is None:
        return replace(told, image=as_it_is(stack.spec))
    told = replace(told, install_findings=plan_findings(facts.question.plan))
    if facts.question.plan.has_errors:
        return told
    return replace(told, image=decide_image(facts.question, settings))


def _read(
    stack: Stack, spec: LlamaStackSpec, run_config: str, referred: Referred
) -> tuple[InstallPlan | None, tuple[Provider, ...]]:
    if spec.run_config_from is None:
        return plan_install(spec, run_config, referred.files), stack.providers
    documents, _ = read_yaml(run_config)
    value = documents[0].value if documents else None
    needed = needs_install(stack, has_modules(value))
    return plan_install(spec, run_config, referred.files) if needed else None, providers_of(value)


def _refresh(stack: Stack, spec: LlamaStackSpec, now: float) -> tuple[str, float | None]:
    """Return the token that asks for a fresh look, and the seconds until the next interval."""
    interval = spec.build.refresh_interval if spec.build else None
    if interval is None:
        return stack.rebuild, None
    seconds = int(interval[:-1]) * _UNITS[interval[-1]]
    epoch, passed = divmod(now, seconds)
    token = f"{stack.rebuild}@{interval}/{int(epoch)}".removeprefix("@")
    return token, seconds - passed
