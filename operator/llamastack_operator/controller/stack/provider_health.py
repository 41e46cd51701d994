"""Whose server is asked how its providers are, and what a pass knows of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamastack_operator.api.conditions import ConditionType, is_true
from llamastack_operator.api.status import Health, ProviderName
from llamastack_operator.controller.stack.looks import Looks, Server
from llamastack_operator.objects.child import Key
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.workloads.names import server_port


class ProviderHealth:
    """What servers say of their providers' health, as passes see it.

    Args:
        looks: asks servers; None where none is to be asked.
    """

    def __init__(self, looks: Looks | None) -> None:
        self._looks = looks

    def told(self, snapshot: Snapshot) -> Mapping[ProviderName, Health] | None:
        """Return what the server of a stack said last: nothing where none is asked, or it has no pods by its own wish;
        None where it is yet to be asked.

        Args:
            snapshot: the stack and its objects, as they are after the pass.
        """
        stack, deployment = snapshot.stack, snapshot.deployment
        if self._looks is None or deployment is None or not deployment.wanted:
            return {}
        return self._looks.told(stack.key, stack.uid, deployment.revision)

    def follow(self, snapshot: Snapshot, status: Mapping[str, Any]) -> None:
        """Have the server of a stack asked as long as it is ready.

        Args:
            snapshot: the stack and its objects, as they are after the pass.
            status: what the pass says of it.
        """
        if self._looks is None:
            return
        stack, deployment = snapshot.stack, snapshot.deployment
        server = _server(snapshot, status)
        if server is not None:
            self._looks.follow(stack.key, server, serves_already=is_true(stack.status, ConditionType.READY))
        elif deployment is None or not deployment.wanted:
            self._looks.forget(stack.key)
        else:
            self._looks.pause(stack.key)

    def forget(self, key: Key) -> None:
        """Forget a stack."""
        if self._looks is not None:
            self._looks.forget(key)


def _server(snapshot: Snapshot, status: Mapping[str, Any]) -> Server | None:
    """Return the server of a stack if it is ready, has an address, and providers of which it could tell."""
    stack, deployment, service = snapshot.stack, snapshot.deployment, snapshot.service
    serves = is_true(status, ConditionType.READY) and status["readyReplicas"]
    if stack.spec is None or deployment is None or not serves:
        return None
    address = service.cluster_ip if service else ""
    providers = frozenset((row["api"], row["id"]) for row in status.get("providers", ()))
    if address in ("", "None") or not providers:
        return None
    return Server(stack.uid, deployment.revision, address, server_port(stack.spec), providers)
