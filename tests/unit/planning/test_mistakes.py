"""What a user is told of each mistake that is made often: one row for each, in the words that reach `kubectl`.

A row goes through a whole pass, from the stack's bytes to its status and its Events. No error touches what runs, no
warning stops anything, and mending the spec is enough for a status without any of it.

No real release refuses a deprecated provider, though their code can; a small made-up release does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from llamastack_operator import catalog
from llamastack_operator.planning.stack.transitions import transitions
from llamastack_resolver.knowledge import ReleaseKnowledge
from tests.support.passes import NOTHING_THERE, Namespace, Passed, a_pass
from tests.support.small_release import knowledge
from tests.support.world import llamastack

VLLM = {"provider_id": "vllm", "provider_type": "remote::vllm", "config": {"base_url": "http://vllm:8000/v1"}}
BARE = {"provider_id": "vllm", "provider_type": "remote::vllm"}
STORE = {"backend": "kv_default", "namespace": "eval"}
SECTIONS = "spec.runConfig.providers"
SECOND = f"{SECTIONS}.inference[1]"
INSTALLED = {"release": {"package": "llama-stack", "version": "0.7.3"}}
"""A release that the operator installs: an image may set variables of its own."""


def entry(provider_type: str, provider_id: str = "second", **settings: Any) -> dict[str, Any]:
    return {"provider_id": provider_id, "provider_type": provider_type, "config": settings}


def config(**sections: Any) -> dict[str, Any]:
    """Return a run config of 0.7.3 with one right provider, and others."""
    return {"version": 2, "distro_name": "bot", "providers": {"inference": [VLLM], **sections}}


def beside(*others: dict[str, Any]) -> dict[str, Any]:
    """Return the same with more providers of inference."""
    return {"runConfig": config(inference=[VLLM, *others])}


@dataclass(frozen=True)
class Mistake:
    """One mistake and what is told of it.

    Attributes:
        spec: what is wrong, beside what is right anyway.
        condition: type and status of the condition that tells it.
        reason: the reason of condition, finding and Event.
        words: words of the message, which has the path too.
        hint: words of the hint.
        path: the path of the finding.
        row: API, state and words of the message of the provider's row; None where no row tells it.
        there: what is in the namespace.
        mended: what is in the namespace once the mistake is mended; the spec is, if this is None.
        severity: of the finding.
        release: what stands for the release 0.7.3; None for itself.
    """

    spec: Mapping[str, Any]
    condition: tuple[str, str]
    reason: str
    words: str
    path: str
    hint: str = ""
    row: tuple[str, str, str] | None = None
    there: Namespace = NOTHING_THERE
    mended: Namespace | None = None
    severity: str = "error"
    release: ReleaseKnowledge | None = None


def env(**source: Any) -> dict[str, Any]:
    """Return a server with the variable TOKEN of a source."""
    return {"server": {"env": [{"name": "TOKEN", "valueFrom": source}]}}


OF_SECRET = env(secretKeyRef={"name": "tokens", "key": "vllm"})
FROM_MAP = {"runConfig": None, "runConfigFrom": {"configMapKeyRef": {"name": "run", "key": "run.yaml"}}}
WITH_MAP = Namespace(config_maps={"run": {"run.yaml": json.dumps(config())}})


def own(api: str, name: str) -> dict[str, Any]:
    """Return an external provider whose spec is a key of the ConfigMap `own`."""
    return {"api": api, "providerType": f"remote::{name}", "configMapKeyRef": {"name": "own", "key": name}}


def specs(**needs: list[str]) -> Namespace:
    """Return a namespace with the specs of external providers, by name, and what each depends on."""
    texts = {
        name: json.dumps(
            {
                "adapter_type": name,
                "module": f"{name}_provider",
                "config_class": f"{name}_provider.Config",
                "pip_packages": [],
                "api_dependencies": apis,
            }
        )
        for name, apis in needs.items()
    }
    return Namespace(config_maps={"own": texts})


CIRCLE = {
    "runConfig": config(inference=[VLLM, entry("remote::own")], safety=[entry("inline::llama-guard")]),
    "externalProviders": [own("inference", "own")],
}
NEW_CIRCLE = {
    "distribution": {"image": "docker.io/ogx/distribution-starter:1.5.0"},
    "runConfig": config(inference=[VLLM, entry("remote::own")], files=[entry("remote::other")]),
    "externalProviders": [own("inference", "own"), own("files", "other")],
}
OF_SMALL = {"version": 2, "distro_name": "small"}

MISTAKES = {
    "a type with a near name": Mistake(
        spec=beside(entry("remote::vlm")),
        condition=("ProvidersResolved", "False"),
        reason="UnknownProviderType",
        words="remote::vlm",
        path=f"{SECOND}.provider_type",
        hint="did you mean remote::vllm?",
        row=("inference", "Failed", "remote::vlm"),
    ),
    "a Secret that is missing": Mistake(
        spec=OF_SECRET,
        condition=("ConfigValid", "False"),
        reason="MissingReference",
        words="the Secret 'tokens' does not exist",
        path="spec.server.env[0].valueFrom.secretKeyRef",
        hint="Create it",
        mended=Namespace(secrets={"tokens": frozenset({"vllm"})}),
    ),
    "a key of a Secret that is missing": Mistake(
        spec=OF_SECRET,
        condition=("ConfigValid", "False"),
        reason="MissingReference",
        words="the Secret 'tokens' has no key 'vllm'",
        path="spec.server.env[0].valueFrom.secretKeyRef",
        hint="Add the key",
        there=Namespace(secrets={"tokens": frozenset({"openai"})}),
        mended=Namespace(secrets={"tokens": frozenset({"openai", "vllm"})}),
    ),
    "a variable that nothing sets": Mistake(
        spec={**beside(entry("remote::vllm", base_url="${env.VLLM_URL}")), "distribution": INSTALLED},
        condition=("ConfigValid", "False"),
        reason="MissingEnv",
        words="VLLM_URL is not set",
        path=f"{SECOND}.config.base_url",
        row=("inference", "Failed", "VLLM_URL"),
    ),
    "a ConfigMap that is missing": Mistake(
        spec=FROM_MAP,
        condition=("ConfigValid", "False"),
        reason="MissingReference",
        words="the ConfigMap 'run' does not exist",
        path="spec.runConfigFrom.configMapKeyRef",
        hint="Create it",
        mended=WITH_MAP,
    ),
    "a dependency that is missing": Mistake(
        spec={"runConfig": config(eval=[entry("inline::builtin", kvstore=STORE)])},
        condition=("ProvidersResolved", "False"),
        reason="MissingDependency",
        words="needs the API `responses`",
        path=f"{SECTIONS}.eval[0]",
        row=("eval", "Failed", "needs the API `responses`"),
    ),
    "providers that need each other, of which one starts without the other": Mistake(
        spec=CIRCLE,
        condition=("ProvidersResolved", "Unknown"),
        reason="DependencyCycle",
        words="inference (vllm, second) -> safety (second) -> inference (vllm, second)",
        path=f"{SECTIONS}.inference[0]",
        there=specs(own=["safety"]),
        mended=specs(own=[]),
        severity="warning",
    ),
    "providers that need each other, which newer releases refuse": Mistake(
        spec=NEW_CIRCLE,
        condition=("ProvidersResolved", "False"),
        reason="DependencyCycle",
        words="depend on each other: ",
        path=f"{SECTIONS}.inference[0]",
        row=("inference", "Failed", "depend on each other: "),
        there=specs(own=["files"], other=["inference"]),
        mended=specs(own=["files"], other=[]),
    ),
    "an id twice": Mistake(
        spec=beside(VLLM),
        condition=("ProvidersResolved", "False"),
        reason="DuplicateProviderId",
        words="vllm",
        path=f"{SECOND}.provider_id",
        row=("inference", "Failed", "vllm"),
    ),
    "a type that was renamed": Mistake(
        spec={"runConfig": config(vector_io=[entry("inline::meta-reference")])},
        condition=("ProvidersResolved", "False"),
        reason="ProviderRenamed",
        words="inline::meta-reference",
        path=f"{SECTIONS}.vector_io[0].provider_type",
        hint="inline::faiss",
        row=("vector_io", "Failed", "inline::meta-reference"),
    ),
    "an API that is routed by itself": Mistake(
        spec={"runConfig": config(models=[entry("inline::builtin")])},
        condition=("ProvidersResolved", "False"),
        reason="RoutedApiOverride",
        words="models",
        path=f"{SECTIONS}.models",
        hint="inference",
        row=("models", "Failed", "cannot be overridden"),
    ),
    "a type that will go": Mistake(
        spec={"runConfig": {**OF_SMALL, "providers": {"safety": [entry("inline::old-guard")], "inference": [BARE]}}},
        condition=("Deprecated", "True"),
        reason="ProviderDeprecated",
        words="Use inline::llama-guard.",
        path=f"{SECTIONS}.safety[0].provider_type",
        row=("safety", "Deprecated", "Use inline::llama-guard."),
        severity="warning",
        release=knowledge(),
    ),
    "a type that has gone": Mistake(
        spec={"runConfig": {**OF_SMALL, "providers": {"safety": [entry("inline::dead-guard")], "inference": [BARE]}}},
        condition=("Deprecated", "True"),
        reason="ProviderDeprecationError",
        words="It is gone.",
        path=f"{SECTIONS}.safety[0].provider_type",
        row=("safety", "Failed", "It is gone."),
        release=knowledge(),
    ),
    "a key that moved": Mistake(
        spec=beside(entry("remote::vllm", url="http://vllm:8000/v1")),
        condition=("ConfigValid", "False"),
        reason="UnknownField",
        words="url",
        path=f"{SECOND}.config.url",
        hint="base_url",
        row=("inference", "Failed", "url"),
    ),
}


def passed(spec: Mapping[str, Any], there: Namespace, before: Mapping[str, Any] | None = None) -> Passed:
    """Return a pass of a right stack with other parts of its spec, of which None leaves one out."""
    body = llamastack(status=dict(before or {}), **{"runConfig": config(), **spec})
    body["spec"] = {key: value for key, value in body["spec"].items() if value is not None}
    return a_pass(json.dumps(body), there)


def pass_of(mistake: Mistake) -> Passed:
    return passed(mistake.spec, mistake.there)


@pytest.fixture(params=MISTAKES)
def mistake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mistake:
    """One mistake after the other, with the release that it is made in."""
    found = MISTAKES[request.param]
    if found.release is not None:
        monkeypatch.setattr(catalog, "load_release", lambda release: found.release)
    return found


def condition(status: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in status["conditions"] if one["type"] == kind)


def test_is_told_by_the_condition_that_it_is_about(mistake: Mistake) -> None:
    status = pass_of(mistake).status
    kind, answer = mistake.condition
    told = condition(status, kind)
    assert (told["status"], told["reason"]) == (answer, mistake.reason)
    assert mistake.words in told["message"] and mistake.path in told["message"]


def test_is_the_only_finding_with_its_place_and_what_to_do(mistake: Mistake) -> None:
    (finding,) = pass_of(mistake).status["findings"]
    found = (finding["severity"], finding["reason"], finding["path"])
    assert found == (mistake.severity, mistake.reason, mistake.path)
    assert mistake.words in finding["message"]
    assert finding["hint"] and mistake.hint in finding["hint"]


def test_is_told_in_the_row_of_its_provider_and_in_no_other(mistake: Mistake) -> None:
    rows = pass_of(mistake).status.get("providers", [])
    wrong = [row for row in rows if row["state"] != "Resolved"]
    if mistake.row is None:
        assert wrong == []
        return
    (row,) = wrong
    api, state, words = mistake.row
    assert (row["api"], row["state"]) == (api, state)
    assert words in row["message"]


def test_is_one_event(mistake: Mistake) -> None:
    (event,) = transitions({}, pass_of(mistake).status)
    assert (event.reason, event.warning) == (mistake.reason, True)
    assert mistake.words in event.message


def test_stops_the_stack_where_it_is_an_error_and_only_there(mistake: Mistake) -> None:
    done = pass_of(mistake)
    if mistake.severity == "warning":
        assert done.plan.desired is not None
        return
    assert (done.plan.desired, done.plan.builds, done.plan.obsolete) == (None, (), ())
    ready = condition(done.status, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", mistake.reason)


def test_is_gone_once_it_is_mended(mistake: Mistake) -> None:
    before = pass_of(mistake).status
    # Of the small release just what both releases know.
    right = {"runConfig": {**OF_SMALL, "providers": {"inference": [BARE]}}} if mistake.release else {}
    spec = right if mistake.mended is None else mistake.spec
    done = passed(spec, mistake.mended or NOTHING_THERE, before)
    status = done.status
    assert "findings" not in status
    assert done.plan.desired is not None
    assert {row["state"] for row in status["providers"]} <= {"Resolved", "Unknown"}
    assert mistake.reason not in {one["reason"] for one in status["conditions"]}
    assert condition(status, "ConfigValid")["status"] == "True"
    assert condition(status, "Deprecated")["status"] == "False"
    assert list(transitions(before, status)) == []


def test_several_are_told_at_once_each_in_its_place() -> None:
    typo, moved = entry("remote::vlm", "typo"), entry("remote::vllm", "moved", url="http://vllm:8000/v1")
    done = passed({**OF_SECRET, "runConfig": config(inference=[VLLM, typo, moved, VLLM], models=[BARE])}, NOTHING_THERE)
    status = done.status
    assert done.plan.desired is None
    told = {(one["reason"], one["path"].removeprefix(f"{SECTIONS}.")) for one in status["findings"]}
    assert told == {
        ("MissingReference", "spec.server.env[0].valueFrom.secretKeyRef"),
        ("UnknownProviderType", "inference[1].provider_type"),
        ("UnknownField", "inference[2].config.url"),
        ("DuplicateProviderId", "inference[3].provider_id"),
        ("RoutedApiOverride", "models"),
    }
    assert [row["state"] for row in status["providers"]] == ["Resolved", "Failed", "Failed", "Failed", "Failed"]
    assert status["providersResolved"] == "1/5"
    assert "(and 2 more in status.findings)" in condition(status, "ProvidersResolved")["message"]
    assert "(and 1 more in status.findings)" in condition(status, "ConfigValid")["message"]
    assert {event.reason for event in transitions({}, status)} == {reason for reason, _ in told}
    mended = passed({}, NOTHING_THERE, status).status
    assert "findings" not in mended
