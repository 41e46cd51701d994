"""A preflight's Job is made once, is never another's, and one that cannot be made holds nothing.

The client is a fake that answers as it is told to: refusals and races cannot be asked for on a real one.
tests/e2e/test_preflight.py has the real one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from llamastack_operator.kube.brake import AT_ONCE
from llamastack_operator.kube.cache import Cache
from llamastack_operator.kube.client import ApiError, Client
from llamastack_operator.kube.preflight_keeper import PreflightKeeper
from llamastack_operator.objects.preflights import PreflightJob, PreflightPod
from llamastack_operator.objects.resources import Resource
from tests.support.preflights import asked, held

Body = dict[str, Any]
STACK = ("team-a", "bot")


class Server:
    """Answers a create with an error, or with what was created.

    Args:
        error: the error, or None.
        stored: what a get finds.
    """

    def __init__(self, error: ApiError | None = None, stored: Body | None = None) -> None:
        self.error = error
        self.stored = stored
        self.deleted: list[str] = []

    async def create(self, resource: Resource, body: Body) -> Body:
        if self.error is not None:
            raise self.error
        return as_stored(body)

    async def get(self, resource: Resource, namespace: str, name: str) -> Body | None:
        return self.stored

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        self.deleted.append(uid)


def as_stored(body: Body, **metadata: Any) -> Body:
    return {**body, "metadata": {**body["metadata"], "uid": "job", "resourceVersion": "7", **metadata}}


def run[T](work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def keeper(server: Server) -> PreflightKeeper:
    jobs: Cache[PreflightJob] = Cache()
    pods: Cache[PreflightPod] = Cache()
    return PreflightKeeper(cast(Client, server), jobs, pods)


def test_is_known_as_soon_as_it_is_made_and_forgotten_when_it_is_deleted() -> None:
    server = Server()
    made = keeper(server)
    assert run(made.start(asked(held()))) == ""
    (job,) = made.facts(STACK).jobs
    assert (job.uid, job.group) == ("job", "bot")
    run(made.release(job))
    assert server.deleted == ["job"]
    assert made.facts(STACK).jobs == ()


def test_that_somebody_deletes_again_and_again_is_given_up() -> None:
    made = keeper(Server())
    said = [run(made.start(asked(held()))) for _ in range(AT_ONCE + 1)]
    assert said == [""] * AT_ONCE + ["somebody deletes its Job again and again"]


def test_of_another_stack_is_not_its() -> None:
    made = keeper(Server())
    run(made.start(asked(held())))
    assert made.facts(("team-a", "other")).jobs == ()


def test_that_was_made_before_is_taken() -> None:
    body = asked(held())
    made = keeper(Server(ApiError(409, {"reason": "AlreadyExists"}), as_stored(body)))
    assert run(made.start(body)) == ""
    assert len(made.facts(STACK).jobs) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"ownerReferences": []},
        {"ownerReferences": [{"kind": "LlamaStack", "name": "bot", "uid": "other", "controller": True}]},
        {"annotations": {"llamastack.dev/revision": "other"}},
        {"labels": {}},
    ],
)
def test_of_somebody_else_that_has_its_name_is_not(change: Body) -> None:
    body = asked(held())
    made = keeper(Server(ApiError(409, {"reason": "AlreadyExists"}), as_stored(body, **change)))
    assert run(made.start(body)) == f"a Job {body['metadata']['name']!r} exists that is not its own"
    assert made.facts(STACK).jobs == ()


@pytest.mark.parametrize("code", [400, 403, 422, 500])
def test_that_the_api_server_refuses_is_told_in_its_words(code: int) -> None:
    made = keeper(Server(ApiError(code, {"message": "exceeded quota"})))
    assert run(made.start(asked(held()))) == "the API server refused its Job: exceeded quota"


@pytest.mark.parametrize("code", [429, 503, 504])
def test_is_asked_for_again_where_the_api_server_is_busy(code: int) -> None:
    made = keeper(Server(ApiError(code, {"message": "later"})))
    for _ in range(2 * AT_ONCE):
        with pytest.raises(ApiError):
            run(made.start(asked(held())))
