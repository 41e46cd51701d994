"""What the resolver says of a stack reaches `kubectl`, before anything is built or rolled."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.cli import main
from tests.cluster.controlplane import ControlPlane
from tests.e2e.operator import Stacks, eventually
from tests.support.minimal import minimal

pytestmark = pytest.mark.control_plane

VLLM = {"provider_id": "vllm", "provider_type": "remote::vllm", "config": {"base_url": "http://vllm:8000/v1"}}
FILES = {
    "provider_id": "files",
    "provider_type": "inline::localfs",
    "config": {"storage_dir": "/tmp/files", "metadata_store": {"backend": "sql_default", "table_name": "files"}},
}
INFERENCE = "spec.runConfig.providers.inference"


def config(**providers: Any) -> dict[str, Any]:
    """Return a run config with a provider of `inference` that is right, and others."""
    return {"version": 2, "providers": {"inference": [VLLM], **providers}}


def entry(provider_type: str, provider_id: str = "second", **settings: Any) -> dict[str, Any]:
    return {"provider_id": provider_id, "provider_type": provider_type, "config": settings}


WRONG = {
    "a type with a near name": (
        config(inference=[VLLM, entry("remote::vlm")]),
        ("ProvidersResolved", "UnknownProviderType", f"{INFERENCE}[1].provider_type"),
    ),
    "an id twice": (
        config(inference=[VLLM, VLLM]),
        ("ProvidersResolved", "DuplicateProviderId", f"{INFERENCE}[1].provider_id"),
    ),
    "a type that was renamed": (
        config(inference=[VLLM, entry("inline::meta-reference")]),
        ("ProvidersResolved", "ProviderRemoved", f"{INFERENCE}[1].provider_type"),
    ),
    "an API that is routed by itself": (
        config(models=[entry("inline::builtin")]),
        ("ProvidersResolved", "RoutedApiOverride", "spec.runConfig.providers.models"),
    ),
    "a key that moved": (
        config(inference=[entry("remote::vllm", url="http://vllm:8000/v1")]),
        ("ConfigValid", "UnknownField", f"{INFERENCE}[0].config.url"),
    ),
    "a dependency that is missing": (
        config(eval=[entry("inline::builtin", kvstore={"backend": "kv_default", "namespace": "eval"})]),
        ("ProvidersResolved", "MissingDependency", "spec.runConfig.providers.eval[0]"),
    ),
    "an API that there is not": (
        config(inferense=[VLLM]),
        ("ProvidersResolved", "UnknownApi", "spec.runConfig.providers.inferense"),
    ),
}


def template(stacks: Stacks, name: str) -> Any:
    return stacks.kubectl.json("get", "deployment", name)["spec"]["template"]


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_edit_is_told_and_changes_nothing_that_runs_and_mending_it_is_enough(stacks: Stacks, case: str) -> None:
    run_config, (condition, reason, path) = WRONG[case]
    stacks.kubectl.apply(minimal("edited", runConfig=config()))
    stacks.condition("edited", "ProvidersResolved", "True", "Resolved")
    before = eventually(lambda: template(stacks, "edited"))
    stacks.kubectl.apply(minimal("edited", runConfig=run_config))
    told = stacks.condition("edited", condition, "False", reason)
    assert path in told["message"]
    status = stacks.kubectl.json("get", "llamastack", "edited")["status"]
    assert (reason, path) in [(one["reason"], one["path"]) for one in status["findings"]]
    assert stacks.conditions("edited")["Stalled"]["status"] == "True"
    assert template(stacks, "edited") == before
    events = eventually(lambda: [one for one in _events(stacks) if one["reason"] == reason])
    assert {one["type"] for one in events} == {"Warning"}
    stacks.kubectl.apply(minimal("edited", runConfig=config()))
    stacks.condition("edited", "ProvidersResolved", "True", "Resolved")
    assert template(stacks, "edited") == before


def test_all_mistakes_are_told_at_once_with_the_row_of_each_provider(stacks: Stacks) -> None:
    wrong = config(inference=[VLLM, entry("remote::vlm", "typo"), entry("remote::vllm", "moved", url="http://v")])
    stacks.kubectl.apply(minimal("several", runConfig=wrong))
    stacks.condition("several", "ProvidersResolved", "False", "UnknownProviderType")
    stacks.condition("several", "ConfigValid", "False", "UnknownField")
    status = stacks.kubectl.json("get", "llamastack", "several")["status"]
    assert {one["id"]: one["state"] for one in status["providers"]} == {
        "vllm": "Resolved",
        "typo": "Failed",
        "moved": "Failed",
    }
    assert status["providersResolved"] == "1/3"
    hints = [one["hint"] for one in status["findings"]]
    assert any("remote::vllm" in hint for hint in hints) and any("base_url" in hint for hint in hints)
    assert stacks.get("deployment", "several") is None


def test_a_variable_of_a_secret_or_a_config_map_counts_once_it_is_there(stacks: Stacks) -> None:
    run_config = config(inference=[entry("remote::vllm", base_url="${env.URL}", api_token="${env.TOKEN}")])
    sources = [{"configMapRef": {"name": "urls"}}, {"secretRef": {"name": "tokens"}}]
    stacks.kubectl("create", "configmap", "urls", "--from-literal=OTHER=x")
    stacks.kubectl("create", "secret", "generic", "tokens", "--from-literal=TOKEN=correct-horse")
    release = {"release": {"package": "llama-stack", "version": "0.7.3"}}
    stacks.kubectl.apply(minimal("variables", runConfig=run_config, distribution=release, server={"envFrom": sources}))
    told = stacks.condition("variables", "ConfigValid", "False", "MissingEnv")
    assert "URL is not set" in told["message"]
    stacks.kubectl("patch", "configmap", "urls", "--type", "merge", "-p", '{"data": {"URL": "http://vllm:8000/v1"}}')
    stacks.condition("variables", "ConfigValid", "True", "Valid")
    assert "correct-horse" not in str(stacks.kubectl.json("get", "llamastack", "variables")["status"])


def test_a_user_who_knows_better_is_warned_and_served(stacks: Stacks) -> None:
    wrong = config(inference=[VLLM, VLLM])
    stacks.kubectl.apply(minimal("insists", runConfig=wrong))
    stacks.condition("insists", "ProvidersResolved", "False", "DuplicateProviderId")
    stacks.kubectl.apply(minimal("insists", runConfig=wrong, startup={"validation": "Warn"}))
    stacks.condition("insists", "ProvidersResolved", "Unknown", "DuplicateProviderId")
    assert eventually(lambda: stacks.get("deployment", "insists"))


def test_what_an_unknown_image_may_bring_does_not_stop_it(stacks: Stacks) -> None:
    own = config(inference=[VLLM, entry("remote::our-own")])
    image = {"image": "registry.example/our-own:1"}
    stacks.kubectl.apply(minimal("own", runConfig=own, distribution=image))
    told = stacks.condition("own", "ProvidersResolved", "Unknown", "UnknownProviderType")
    assert "remote::our-own" in told["message"]
    assert eventually(lambda: stacks.get("deployment", "own"))


def test_a_deprecated_provider_is_told_and_runs(stacks: Stacks) -> None:
    image = "docker.io/llamastack/distribution-starter:0.5.0"
    distribution = {"image": image, "release": {"package": "llama-stack", "version": "0.5.0"}}
    store = {"persistence": {"backend": "kv_default", "namespace": "vectors"}}
    old = config(vector_io=[entry("inline::meta-reference", **store)], files=[FILES])
    stacks.kubectl.apply(minimal("old", runConfig=old, distribution=distribution))
    told = stacks.condition("old", "Deprecated", "True", "ProviderDeprecated")
    assert "inline::faiss" in told["message"]
    stacks.condition("old", "ProvidersResolved", "True", "Resolved")
    assert eventually(lambda: stacks.get("deployment", "old"))


def test_describe_tells_a_person_the_same(
    stacks: Stacks, served: ControlPlane, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks.kubectl.apply(minimal("told", runConfig=config(inference=[VLLM, entry("remote::vlm")])))
    stacks.condition("told", "ProvidersResolved", "False", "UnknownProviderType")
    monkeypatch.setenv("PATH", f"{served.kubectl.program.parent}:/usr/bin:/bin")
    options = ["--kubeconfig", str(served.kubectl.kubeconfig), "--namespace", stacks.kubectl.namespace or ""]
    assert main(["describe", "told", *options]) == 1
    assert "-> did you mean remote::vllm?" in capsys.readouterr().out
    assert main(["status", *options]) == 1
    assert "told  stalled" in capsys.readouterr().out


def _events(stacks: Stacks) -> list[Any]:
    found = stacks.kubectl.json("get", "events", "--field-selector", "involvedObject.name=edited")["items"]
    return [one for one in found if one["source"]["component"] == "llamastack-operator"]
