"""Makes LlamaStackBuilds and keeps their owners: every stack that uses one, none of them the controller.

A build goes when the last of its stacks goes or lets go of it. Owners are changed with the resourceVersion that they
were read at, so that two stacks never undo each other's entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llamastack_operator.api.labels import RERUN_ANNOTATION
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.objects.builds import BuildRecord, build_body, build_from
from llamastack_operator.objects.child import Key
from llamastack_operator.objects.owners import owner_reference
from llamastack_operator.objects.resources import LLAMASTACKBUILDS, LLAMASTACKS


class NotThisBuildError(Exception):
    """A LlamaStackBuild of the needed name exists, and is of other inputs: somebody else wrote it."""


class BuildKeeper:
    """Creates builds, and adds and removes their owners.

    Args:
        client: the API server.
        builds: the known builds; kept in step with the answers.
        changed: called with each build that was written or deleted, since its event will tell nothing new.
    """

    def __init__(self, client: Client, builds: Cache[BuildRecord], changed: Callable[[BuildRecord], None]) -> None:
        self._client = client
        self._builds = builds
        self._changed = changed

    async def ensure(self, stack: Key, uid: str, name: str, spec: Mapping[str, Any]) -> None:
        """See to it that a build exists and that a stack is among its owners.

        Args:
            stack: the stack's namespace and name.
            uid: its UID.
            name: the name of the build.
            spec: its spec; empty where it is known to exist.

        Raises:
            NotThisBuildError: the name is taken by a build of other inputs.
            ApiError: the API server refused; 409 where the build changed meanwhile.
        """
        build = self._builds.get((stack[0], name))
        if build is None:
            build = await self._create(stack, uid, name, spec) if spec else None
        if build is None:
            return
        if spec and build.inputs_key != spec["key"]:
            raise NotThisBuildError(f"the LlamaStackBuild {name} is not of this stack's inputs")
        if uid not in build.owner_uids and not build.deleting:
            await self._write(build, [*build.owners, owner_reference(LLAMASTACKS, stack[1], uid)])

    async def release(self, build: BuildRecord, uid: str) -> None:
        """Take a stack from the owners of a build, and delete the build with its last owner.

        Raises:
            ApiError: the API server refused; 409 where the build changed meanwhile, as by a stack that joined it.
        """
        left = [owner for owner in build.owners if owner["uid"] != uid]
        if left:
            await self._write(build, left)
            return
        await self._client.delete(LLAMASTACKBUILDS, *build.key, uid=build.uid, version=build.version)
        if self._builds.remove(build.key, build.uid) is not None:
            # Its event will tell nothing new, and its place is another's.
            self._changed(build)

    async def rerun(self, build: BuildRecord, token: str) -> None:
        """Ask for the image of a build to be made again from its lock."""
        await self._merge(build, {"annotations": {RERUN_ANNOTATION: token}})

    async def _create(self, stack: Key, uid: str, name: str, spec: Mapping[str, Any]) -> BuildRecord | None:
        body = build_body(stack, uid, name, spec)
        try:
            answer = await self._client.create(LLAMASTACKBUILDS, body)
        except ApiError as error:
            if error.code != 409:
                raise
            # It was made since the cache was filled, or by somebody who must not.
            found = await self._client.get(LLAMASTACKBUILDS, stack[0], name)
            if found is None:
                return None
            answer = found
        return self._known(build_from(answer))

    async def _write(self, build: BuildRecord, owners: list[Mapping[str, Any]]) -> None:
        await self._merge(build, {"ownerReferences": owners})

    async def _merge(self, build: BuildRecord, metadata: Mapping[str, Any]) -> None:
        patch = {"metadata": {**metadata, "uid": build.uid, "resourceVersion": str(build.version)}}
        self._known(build_from(await self._client.merge(LLAMASTACKBUILDS, *build.key, patch)))

    def _known(self, build: BuildRecord) -> BuildRecord:
        if self._builds.put(build):
            self._changed(build)
        return build
