"""Collects all that one pass looks at, so that what follows is pure.

Everything comes from the caches, but for objects that the spec refers to by name. Of ConfigMaps the caches have no
texts: those are read for each pass that needs them, one object after the other, and go with the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.referents import Referents, Uses
from llamastack_operator.objects.child import Child, Key
from llamastack_operator.objects.child_facts import DeploymentFacts
from llamastack_operator.objects.config_map import ConfigMapDigests
from llamastack_operator.objects.pods import Pod
from llamastack_operator.planning.stack.facts import (
    NO_PREFLIGHTS,
    NOTHING_REFERRED,
    PreflightFacts,
    Referred,
    StackFacts,
)
from llamastack_operator.planning.stack.inputs.config_map_texts import (
    Texts,
    exceeds,
    take,
    texts_of,
    used_of,
)
from llamastack_operator.planning.stack.inputs.references import SpecReference, references_of
from llamastack_operator.planning.stack.referred import (
    digest_of_contents,
    leads_somewhere,
    referred_of,
    tells_by_contents,
    texts_by_name,
)
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.stack import Stack


class Gatherer:
    """Gathers facts about stacks.

    Args:
        stacks: the known stacks.
        children: the known children, by kind.
        pods: the known pods.
        referents: reads what stacks refer to.
        programs: tells the ConfigMaps of a namespace with programs that check and run servers, by name.
        preflights: tells what there is of preflights of a stack.
    """

    def __init__(
        self,
        stacks: Cache[Stack],
        children: Mapping[str, Cache[Child]],
        pods: Cache[Pod],
        referents: Referents,
        programs: Callable[[str], frozenset[str]] = lambda _: frozenset(),
        preflights: Callable[[Key], PreflightFacts] = lambda _: NO_PREFLIGHTS,
    ) -> None:
        self._stacks = stacks
        self._children = children
        self._pods = pods
        self._referents = referents
        self._programs = programs
        self._preflights = preflights
        # References to Secrets and claims that were found, by stack, for one generation.
        self._verified: dict[Key, tuple[str, int, dict[SpecReference, Any]]] = {}
        # By stack the digest of what pods use, made of digests, and the same made of contents.
        self._by_contents: dict[Key, tuple[str, str]] = {}

    async def gather(self, key: Key) -> StackFacts | None:
        """Return the facts about a stack, or None where it is gone."""
        stack = self._stacks.get(key)
        if stack is None or stack.deleting:
            self._referents.follow(key, {})
            self._verified.pop(key, None)
            self._by_contents.pop(key, None)
            return None
        referred = await self._follow(stack)
        programs, preflights = self._programs(key[0]), self._preflights(key)
        members, pods = self._members(key), tuple(self._pods.of(key))
        return StackFacts(stack, members, pods, referred, programs=programs, preflights=preflights)

    async def with_texts(self, facts: StackFacts) -> StackFacts:
        """Return the facts with all texts of ConfigMaps that a reading needs, values of variables among them.

        They are those of now: where they have changed since the facts were gathered, the watch tells of it.
        """
        references = references_of(facts.stack.spec) if facts.stack.spec else []
        namespace = facts.stack.key[0]
        wanted = texts_of(references, namespace, variables=True)
        digests: dict[Key, ConfigMapDigests | None] = {}
        texts: dict[Key, Mapping[str, str] | None] = {}
        for key in sorted(wanted):
            content = await self._referents.peek(key)
            digests[key] = None if content is None else content.digests(wanted[key])
            texts[key] = None if content is None else content.texts(wanted[key])
            if exceeds(digests, wanted):
                texts = {}
                break
        return replace(facts, referred=replace(facts.referred, texts=texts_by_name(references, namespace, texts)))

    def renewed(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot with what the caches hold of the stack's objects now."""
        key = snapshot.stack.key
        return snapshot.renewed(self._members(key), tuple(self._pods.of(key)))

    def deployments(self, namespace: str) -> Iterator[DeploymentFacts]:
        """Yield how the Deployments of a namespace stand."""
        for child in self._children["Deployment"].of((namespace, "")):
            if isinstance(child.facts, DeploymentFacts):
                yield child.facts

    def _members(self, key: Key) -> tuple[Child, ...]:
        return tuple(child for cache in self._children.values() for child in cache.of(key))

    async def _follow(self, stack: Stack) -> Referred:
        references = references_of(stack.spec) if stack.spec else []
        namespace = stack.key[0]
        uses = used_of(references, namespace)
        self._referents.follow(stack.key, uses)
        if not references or stack.spec is None:
            return NOTHING_REFERRED
        digests, texts = await self._config_maps(references, namespace, uses)
        others = await self._others(stack, [ref for ref in references if ref.kind != "ConfigMap"])
        taken = take(stack.spec, namespace, texts)
        referred = referred_of(references, namespace, digests, others, texts, taken)
        if not (referred.digest and tells_by_contents(digests)):
            return referred
        return replace(referred, digest=await self._of_contents(stack.key, references, referred.digest))

    async def _of_contents(self, key: Key, references: list[SpecReference], digest: str) -> str:
        """Return the digest of contents, which are read for it where their digest is another one than before."""
        known = self._by_contents.get(key)
        if known is None or known[0] != digest:
            namespace = key[0]
            contents = {one: await self._referents.peek(one) for one in sorted(used_of(references, namespace))}
            known = self._by_contents[key] = (digest, digest_of_contents(references, namespace, contents))
        return known[1]

    async def _config_maps(
        self, references: list[SpecReference], namespace: str, uses: Uses
    ) -> tuple[dict[Key, ConfigMapDigests | None], Texts]:
        """Look at ConfigMaps, and read the texts; no more than one stack may take are held at a time."""
        taken, wanted = (texts_of(references, namespace, every) for every in (True, False))
        digests: dict[Key, ConfigMapDigests | None] = {}
        texts: dict[Key, Mapping[str, str] | None] = {}
        for key in sorted(uses):
            if key not in wanted or exceeds(digests, taken):
                digests[key] = await self._referents.digests(key, uses[key])
                continue
            content = await self._referents.content(key)
            digests[key] = None if content is None else content.digests(uses[key])
            texts[key] = None if content is None else content.texts(wanted[key])
        return digests, {} if exceeds(digests, taken) else texts

    async def _others(self, stack: Stack, references: list[SpecReference]) -> dict[SpecReference, Any]:
        """Look up Secrets and claims; what was found once is not asked for again in the same generation."""
        known = self._verified.get(stack.key)
        if known is not None and known[:2] == (stack.uid, stack.generation):
            return known[2]
        secrets = {ref.name for ref in references if ref.kind == "Secret"}
        claims = {ref.name for ref in references if ref.kind == "PersistentVolumeClaim"}
        namespace = stack.key[0]
        keys = {name: await self._referents.secret_keys((namespace, name)) for name in sorted(secrets)}
        modes = {name: await self._referents.claim_modes((namespace, name)) for name in sorted(claims)}
        found: dict[SpecReference, Any] = {
            ref: keys[ref.name] if ref.kind == "Secret" else modes[ref.name] for ref in references
        }
        if all(ref.optional or leads_somewhere(ref, value) for ref, value in found.items()):
            self._verified[stack.key] = (stack.uid, stack.generation, found)
        return found
