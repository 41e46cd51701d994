"""The providers that a status lists."""

from __future__ import annotations

from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.status import status_of
from tests.support.builds import MODULE, building
from tests.support.conditions import NOW
from tests.support.world import llamastack, snapshot


class TestProviders:
    def test_are_listed_with_the_version_of_their_module_once_that_is_installed(self) -> None:
        before = status_of(building(), PassOutcome(), NOW)["providers"]
        after = status_of(building(phase="Succeeded"), PassOutcome(), NOW)["providers"]
        mine = {"api": "safety", "id": "mine", "type": "remote::mine", "module": MODULE}
        plain = {"api": "inference", "id": "a", "type": "remote::vllm"}
        assert sorted(before, key=lambda one: str(one["id"])) == [plain, mine]
        assert sorted(after, key=lambda one: str(one["id"])) == [plain, {**mine, "moduleVersion": "1.0"}]

    def test_are_known_without_any_build(self) -> None:
        (provider,) = status_of(snapshot(llamastack()), PassOutcome(), NOW)["providers"]
        assert provider == {"api": "inference", "id": "a", "type": "remote::vllm"}
