"""Keeps one ConfigMap a namespace with the program that checks and runs servers, shared by the stacks there.

It is immutable and named by what it holds. Pods compare the SHA-256 that stands in their template, so a forged one
starts nothing. It has no owners: with a thousand stacks in a namespace, their list alone would be as large as the
program, and be written with each of them. So it is deleted here, when no Deployment of the namespace needs it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Set
from typing import Any

from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client, Object
from llamastack_operator.objects.program_record import ProgramRecord, program_record
from llamastack_operator.objects.resources import CONFIGMAPS
from llamastack_operator.workloads.runtime import StartProgram
from llamastack_operator.workloads.start_program import program_config_map


class NotThisProgramError(Exception):
    """A ConfigMap of the needed name exists, and holds something else: somebody else wrote it.

    Attributes:
        name: of the ConfigMap.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the ConfigMap {name!r} does not hold the program that it is named after")


class ProgramKeeper:
    """Creates such ConfigMaps, and deletes them.

    Args:
        client: the API server.
        programs: the known ones; kept in step with the answers.
        content: the file of this operator's own program.
    """

    def __init__(self, client: Client, programs: Cache[ProgramRecord], content: bytes) -> None:
        self._client = client
        self._programs = programs
        self._content = content
        # Many stacks of a namespace come at once: one of them makes it, the others wait.
        self._making = asyncio.Lock()
        self.program = StartProgram(hashlib.sha256(content).hexdigest())

    async def ensure(self, namespace: str, program: StartProgram) -> None:
        """See to it that a program is there; one that is not this operator's own cannot be made.

        Raises:
            NotThisProgramError: the name is taken.
            ApiError: the API server refused.
        """
        if program != self.program or program.config_map in self.names(namespace):
            return
        async with self._making:
            if program.config_map not in self.names(namespace):
                await self._make(namespace, program)

    async def _make(self, namespace: str, program: StartProgram) -> None:
        body = program_config_map(namespace, self.program, self._content)
        try:
            answer = await self._client.create(CONFIGMAPS, body)
        except ApiError as error:
            if error.code != 409:
                raise
            # It was made since the cache was filled, or by somebody who must not.
            found = await self._client.get(CONFIGMAPS, namespace, program.config_map)
            if found is None:
                raise
            if not _is_as_wanted(found, body):
                raise NotThisProgramError(program.config_map) from error
            answer = found
        self._programs.put(program_record(answer))

    async def sweep(self, namespace: str, needed: Set[str]) -> None:
        """Delete the programs of a namespace but those with these names.

        Raises:
            ApiError: the API server refused.
        """
        for record in tuple(self._programs.of((namespace, ""))):
            if record.key[1] not in needed and not record.deleting:
                await self._client.delete(CONFIGMAPS, *record.key, uid=record.uid, version=record.version)
                self._programs.remove(record.key, record.uid)

    def names(self, namespace: str) -> frozenset[str]:
        """Return the names of the ConfigMaps with programs in a namespace."""
        return frozenset(record.key[1] for record in self._programs.of((namespace, "")) if not record.deleting)


def _is_as_wanted(found: Object, wanted: Mapping[str, Any]) -> bool:
    """Tell whether a ConfigMap holds what it is to hold, and is found again by its labels."""
    labels = (found.get("metadata") or {}).get("labels") or {}
    same = all(found.get(part) == wanted[part] for part in ("binaryData", "immutable"))
    return same and wanted["metadata"]["labels"].items() <= labels.items()
