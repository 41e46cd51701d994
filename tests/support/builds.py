"""Makes stacks that need a build, and snapshots in which it stands somehow."""

from __future__ import annotations

from typing import Any

from llamastack_operator.objects.child import Child
from llamastack_operator.objects.pods import Pod
from llamastack_operator.planning.stack.snapshot import Snapshot
from tests.support.world import judged, llamastack, snapshot, succeeded

MODULE = "my_provider==1.0"


def with_module(**status: Any) -> dict[str, Any]:
    """Return a stack that needs a build; the arguments are its status."""
    entry = {"provider_id": "mine", "provider_type": "remote::mine", "module": MODULE}
    other = {"provider_id": "a", "provider_type": "remote::vllm"}
    run_config = {"providers": {"safety": [entry], "inference": [other]}}
    return llamastack(status=status, runConfig=run_config, build={"repository": "registry.example/team/bot"})


def building(*members: Child | Pod, body: dict[str, Any] | None = None, **status: Any) -> Snapshot:
    """Return a snapshot whose build stands with this status; it is not there where none is given."""
    seen = snapshot(body or with_module(), *members)
    assert seen.image is not None
    (wish,) = seen.image.wishes
    return judged(seen.facts, succeeded(wish.name, wish.spec, **status)) if status else seen
