"""Which builds a stack lets go of, and which image is made again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from llamastack_operator.api.build import BuildSettings
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.planning.image.history import let_go, lost_image
from llamastack_operator.planning.stack.snapshot import Snapshot
from tests.support.build_attempts import build
from tests.support.world import UID, built, deployment, facts, llamastack, pod

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def made(name: str, phase: str, created: str = "", owner: str = UID) -> BuildRecord:
    found = build(phase=phase)
    return replace(found, key=("team-a", name), created=created or name, owners=({"uid": owner, "name": "bot"},))


def names(builds: list[BuildRecord]) -> list[str]:
    return sorted(one.key[1] for one in builds)


class TestLetGo:
    ALL = tuple(made(f"{phase}-{number}", phase) for phase in ("Succeeded", "Failed") for number in range(5))

    def test_leaves_the_newest_two_of_each_sort(self) -> None:
        gone = let_go(self.ALL, UID, set(), None, settled=True)
        assert names(gone) == ["Failed-0", "Failed-1", "Failed-2", "Succeeded-0", "Succeeded-1", "Succeeded-2"]

    def test_leaves_what_is_used_and_what_is_waited_for(self) -> None:
        gone = let_go(self.ALL, UID, {"Succeeded-0"}, None, settled=True)
        assert "Succeeded-0" not in names(gone)

    def test_leaves_successes_while_pods_of_an_older_generation_may_need_them(self) -> None:
        assert names(let_go(self.ALL, UID, set(), None, settled=False)) == ["Failed-0", "Failed-1", "Failed-2"]

    def test_follows_the_limits_of_the_spec(self) -> None:
        limits = BuildSettings(successful_builds_history_limit=0, failed_builds_history_limit=5)
        assert names(let_go(self.ALL, UID, set(), limits, settled=True)) == [f"Succeeded-{n}" for n in range(5)]

    @pytest.mark.parametrize("phase", ["Queued", "Building"])
    def test_ends_what_is_not_wanted_any_more(self, phase: str) -> None:
        assert names(let_go([made("old", phase)], UID, set(), None, settled=False)) == ["old"]

    def test_touches_nothing_of_other_stacks(self) -> None:
        others = [made("a", "Building", owner="other"), made("b", "Failed", owner="other")]
        assert let_go(others, UID, set(), BuildSettings(failed_builds_history_limit=0), settled=True) == []


class TestLostImage:
    def waiting(self, message: str) -> tuple[Snapshot, BuildRecord]:
        entry = {"provider_id": "a", "provider_type": "remote::m", "module": "m==1"}
        body = llamastack(runConfig={"providers": {"safety": [entry]}}, build={"repository": "registry.example/bot"})
        found = built(facts(body, deployment()))
        assert found.image is not None
        assert found.image.runtime is not None
        image = found.image.runtime.image
        state = {"waiting": {"reason": "ImagePullBackOff", "message": message.format(image=image)}}
        done = build(phase="Succeeded", image=image, finishedAt="2026-01-01T11:00:00Z")
        return found.renewed(found.children, (pod(container={"state": state}),)), done

    def test_is_made_again_where_the_registry_has_it_no_more(self) -> None:
        found, done = self.waiting("{image}: not found")
        assert lost_image(found, [done], NOW) is done

    @pytest.mark.parametrize("message", ["{image}: connection refused", "another/image: not found"])
    def test_is_not_where_the_pull_fails_for_another_cause(self, message: str) -> None:
        found, done = self.waiting(message)
        assert lost_image(found, [done], NOW) is None

    @pytest.mark.parametrize(("finished", "again"), [("2026-01-01T11:30:00Z", False), ("2026-01-01T10:00:00Z", True)])
    def test_is_not_made_again_at_once_but_may_be_lost_twice(self, finished: str, again: bool) -> None:
        found, done = self.waiting("{image}: not found")
        remade = replace(done, rerun="an earlier time", status=replace(done.status, finished_at=finished))
        assert lost_image(found, [remade], NOW) is (remade if again else None)
