"""What is deleted of earlier tries: all but the last two, of this very build, a few at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llamastack_operator.objects.build_config_map import BuildConfigMap, build_config_map
from llamastack_operator.planning.build.leftovers import MOST, left_behind
from llamastack_operator.workloads.build_job import inputs_config_map
from tests.support.build_attempts import build, job_of


def config_map(name: str, **metadata: str) -> BuildConfigMap:
    body = inputs_config_map(build(), 1, "{}")
    own = {"name": name, "uid": name, "resourceVersion": "1"}
    return build_config_map({"metadata": {**body["metadata"], **own, **metadata}})


def inputs_of(*attempts: int) -> list[BuildConfigMap]:
    return [config_map(f"modules-a-{attempt}") for attempt in attempts]


@pytest.mark.parametrize(("attempts", "gone"), [(None, []), (1, []), (2, []), (3, [1]), (5, [1, 2, 3])])
def test_the_last_two_tries_stay(attempts: int | None, gone: list[int]) -> None:
    owner = build(attempts=attempts) if attempts else build()
    jobs = [job_of(owner, attempt) for attempt in range(1, (attempts or 0) + 1)]
    assert [job.attempt for job in left_behind(owner, jobs[::-1])] == gone
    found = left_behind(owner, inputs_of(*range(1, (attempts or 0) + 1)))
    assert [one.attempt for one in found] == gone


def test_a_later_try_than_the_status_knows_stays() -> None:
    """The status is written after the Job is made."""
    owner = build(attempts=2)
    assert left_behind(owner, [job_of(owner, 3)]) == []


def test_what_many_tries_left_goes_little_by_little_the_oldest_first() -> None:
    owner = build(attempts=900)
    jobs = [job_of(owner, attempt) for attempt in range(899, 0, -1)]
    assert [job.attempt for job in left_behind(owner, jobs)] == list(range(1, MOST + 1))


def test_what_is_another_builds_or_on_its_way_out_is_left_alone() -> None:
    owner = build(attempts=9)
    job = job_of(owner, 1)
    assert left_behind(owner, [replace(job, build_uid="other"), replace(job, deleting=True)]) == []


@pytest.mark.parametrize("name", ["modules-a-lock", "modules-a", "modules-a-x", "modules-a-1x", "other-1"])
def test_a_config_map_that_is_no_inputs_of_a_try_stays(name: str) -> None:
    assert config_map(name).attempt is None
    assert left_behind(build(attempts=99), [config_map(name)]) == []


def test_a_config_map_is_known_with_its_build() -> None:
    kept = config_map("modules-a-7", deletionTimestamp="2026-01-01T00:00:00Z")
    assert (kept.key, kept.group, kept.build_uid, kept.attempt, kept.deleting) == (
        ("team-a", "modules-a-7"),
        "modules-a",
        "build",
        7,
        True,
    )
