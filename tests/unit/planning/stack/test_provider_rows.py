"""The providers that a status lists, and how each stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llamastack_operator.api.status import LlamaStackStatus
from llamastack_operator.planning.stack.pass_outcome import PassOutcome
from llamastack_operator.planning.stack.snapshot import Snapshot
from llamastack_operator.planning.stack.status import status_of
from tests.support.builds import MODULE, building, with_module
from tests.support.conditions import NOW, message, told
from tests.support.world import judged, llamastack, read_facts, with_facts

RELEASE = {"release": {"package": "llama-stack", "version": "0.7.3"}}


def rows(seen: Snapshot) -> dict[str, dict[str, Any]]:
    """Return the rows of a status by the provider's id."""
    status = status_of(seen, PassOutcome(), NOW)
    LlamaStackStatus.model_validate(status)
    return {row["id"]: row for row in status["providers"]}


def row(entry: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return the only row of a stack with one provider of `inference`."""
    run_config = {"version": 2, "distro_name": "a", "providers": {"inference": [entry]}}
    found = judged(read_facts(llamastack(**{"distribution": RELEASE, "runConfig": run_config, **spec})))
    (only,) = rows(found).values()
    return only


class TestProviders:
    def test_have_the_version_of_their_module_once_that_is_installed(self) -> None:
        seen = building(phase="Succeeded")
        found = replace(seen, facts=read_facts(with_module()))
        mine = rows(found)["mine"]
        assert (mine["api"], mine["type"], mine["module"]) == ("safety", "remote::mine", MODULE)
        assert mine["moduleVersion"] == "1.0"

    def test_that_the_release_brings_are_resolved(self) -> None:
        found = row({"provider_id": "v", "provider_type": "remote::vllm", "config": {"base_url": "http://v/v1"}})
        assert found == {"api": "inference", "id": "v", "type": "remote::vllm", "state": "Resolved"}

    def test_with_an_error_have_failed_and_say_of_what(self) -> None:
        found = row({"provider_id": "v", "provider_type": "remote::vlm"})
        assert found["state"] == "Failed"
        assert "remote::vlm" in found["message"]

    def test_that_are_switched_off_are_disabled(self) -> None:
        for provider_id in (None, "", "__disabled__", "${env.NOT_SET:+v}"):
            assert row({"provider_id": provider_id, "provider_type": "remote::vllm"})["state"] == "Disabled"

    def test_that_a_variable_may_switch_on_are_unknown(self) -> None:
        entry = {"provider_id": "${env.VLLM_URL:+v}", "provider_type": "remote::vllm", "config": {}}
        source = {"secretRef": {"name": "not-looked-at", "optional": True}}
        distribution = {**RELEASE, "image": "registry.example/mine:1"}
        found = row(entry, distribution=distribution, server={"envFrom": [source]})
        assert (found["state"], found["message"]) == ("Unknown", "it is started where VLLM_URL is set")

    def test_of_a_module_are_unknown_until_it_is_installed(self) -> None:
        found = row({"provider_id": "m", "provider_type": "remote::mine", "module": "mine==1.0"})
        assert found["state"] == "Unknown"

    def test_that_only_an_image_may_have_are_unknown(self) -> None:
        image = {"image": "registry.example/mine:1", **RELEASE}
        found = row({"provider_id": "v", "provider_type": "remote::own"}, distribution=image)
        assert found["state"] == "Unknown"

    def test_with_names_of_any_length_fit_into_a_status(self) -> None:
        found = row({"provider_id": "v" * 100_000, "provider_type": "remote::" + "x" * 100_000})
        assert max(len(value) for value in found.values()) <= 512

    def test_that_are_too_many_are_counted_and_those_in_doubt_are_told(self) -> None:
        config = {"base_url": "http://v/v1"}
        fine = [{"provider_id": f"v{n}", "provider_type": "remote::vllm", "config": config} for n in range(70)]
        doubted = {"provider_id": "m", "provider_type": "remote::mine", "module": "mine==1.0"}
        providers = {"inference": [*fine, doubted, {"provider_id": "", "provider_type": "remote::vllm"}]}
        run_config = {"version": 2, "distro_name": "a", "providers": providers}
        found = judged(read_facts(llamastack(distribution=RELEASE, runConfig=run_config)))
        status = status_of(found, PassOutcome(), NOW)
        assert [row["id"] for row in status["providers"]] == [*(f"v{n}" for n in range(63)), "m"]
        assert (status["omittedProviders"], status["providersResolved"]) == (7, "70/71")
        assert told(found)["ProvidersResolved"] == ("Unknown", "ResolvedInImage")


def installed(body: dict[str, Any], *brought: str, module: str = MODULE) -> Snapshot:
    """Return a stack whose build found its module to bring these providers."""
    recorded = {"requirement": module, "distribution": "my_provider", "version": "1.2", "importName": "my_provider"}
    found = building(body=body, phase="Succeeded", modules=[{**recorded, "providers": list(brought)}])
    return with_facts(found, reading=read_facts(body).reading)


class TestProvidersOfAModule:
    def test_are_resolved_once_it_was_found_to_bring_them(self) -> None:
        found = installed(with_module(), "safety/remote::mine")
        mine = rows(found)["mine"]
        assert (mine["state"], mine["moduleVersion"], mine.get("message")) == ("Resolved", "1.2", None)
        assert status_of(found, PassOutcome(), NOW)["providersResolved"] == "2/2"

    def test_may_depend_on_what_nobody_knows_before_they_start(self) -> None:
        found = installed(with_module(), "safety/remote::mine")
        assert told(found)["ProvidersResolved"] == ("Unknown", "ResolvedInImage")
        assert "what it depends on is looked at when it starts" in message(found, "ProvidersResolved")

    def test_stay_unknown_where_its_record_does_not_name_them(self) -> None:
        for brought in ((), ("safety/remote::other", "inference/remote::mine")):
            mine = rows(installed(with_module(), *brought))["mine"]
            assert (mine["state"], mine["moduleVersion"]) == ("Unknown", "1.2")

    def test_stay_unknown_where_a_variable_may_switch_them_on(self) -> None:
        body = with_module()
        body["spec"]["server"] = {"envFrom": [{"secretRef": {"name": "not-looked-at", "optional": True}}]}
        body["spec"]["runConfig"]["providers"]["safety"][0]["provider_id"] = "${env.MINE:+mine}"
        (mine,) = [row for row in rows(installed(body, "safety/remote::mine")).values() if row.get("module")]
        assert (mine["state"], mine["message"]) == ("Unknown", "it is started where MINE is set")

    def test_have_its_version_however_long_its_name_is(self) -> None:
        module = "my_provider" + " " * 300 + "==1.0"
        body = with_module()
        body["spec"]["runConfig"]["providers"]["safety"][0]["module"] = module
        mine = rows(installed(body, "safety/remote::mine", module=module))["mine"]
        assert (mine["state"], mine["moduleVersion"]) == ("Resolved", "1.2")
