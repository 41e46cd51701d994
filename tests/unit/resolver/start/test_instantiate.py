"""Starting providers: every failure is collected, and dependents say so once.

Modules and config classes are real ones, written to a directory; the release around them is a Layout that
names APIs. Real releases start real providers in tests/conformance.
"""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from llamastack_resolver.behaviour import NEWEST, Behaviour
from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ProviderSpec
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import resolve
from llamastack_resolver.start.instantiate import ProviderState, Runtime, instantiate_providers, make_config
from tests.support.small_release import config, entry, knowledge

_NUMBERS = itertools.count()
Writer = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(factory: str) -> str:
        name = f"started_{next(_NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(
            f"import pydantic\nclass Config(pydantic.BaseModel):\n    size: int = 1\nclass Impl: pass\n{factory}\n"
        )
        return name

    return write


GOOD = "async def get_provider_impl(config, deps):\n    impl = Impl(); impl.deps = deps; return impl"


def start(types: dict, sections: dict) -> tuple[dict, list[ProviderState], list]:
    release = knowledge(providers=types, routed=[])
    resolution = resolve(config(providers=sections), release)
    runtime = Runtime(SimpleNamespace(api=str), release, SimpleNamespace(), None)
    findings = Findings()
    impls, states = asyncio.run(instantiate_providers(resolution.plan, runtime, findings))
    return impls, states, [(f.severity.value, f.reason.value, f.path, f.message) for f in findings]


def spec(name: str, **more: object) -> dict:
    return {"kind": "inline", "module": name, "config_class": f"{name}.Config", **more}


def test_instances_get_their_dependencies_and_upstreams_marks(module: Writer):
    files, user = module(GOOD), module(GOOD)
    types = {
        "files": {"inline::f": spec(files)},
        "responses": {"inline::r": spec(user, api_dependencies=["files"])},
    }

    impls, states, findings = start(
        types,
        {"responses": [entry("r", "inline::r")], "files": [entry("f", "inline::f", config={"size": 3})]},
    )

    assert findings == []
    assert impls["responses"].deps == {"files": impls["files"]}
    assert (impls["files"].__provider_id__, impls["files"].__provider_config__.size) == ("f", 3)
    assert impls["files"].__provider_spec__.provider_type == "inline::f"
    assert [state.state for state in states] == ["Ready", "Ready"]


def test_policy_is_given_to_factories_that_ask_for_it(module: Writer):
    name = module(GOOD.replace("deps)", "deps, policy)").replace("impl.deps = deps", "impl.policy = policy"))

    impls, _, _ = start({"files": {"inline::f": spec(name)}}, {"files": [entry("f", "inline::f")]})

    assert impls["files"].policy == []


@pytest.mark.parametrize(
    ("version", "kind", "names", "given"),
    [
        ("0.2.17", "inline", "policy", True),
        ("0.2.17", "remote", "policy", False),
        ("0.3.3", "remote", "policy", False),
        ("0.3.4", "remote", "policy", True),
        ("0.3.5", "inline", "telemetry_enabled", True),
        ("0.7.3", "inline", "telemetry_enabled", False),
        ("ogx-1.5.0", "inline", "policy, route_policy", True),
        ("ogx-1.3.0", "inline", "policy, route_policy", False),
        ("ogx-1.1.0", "inline", "policy, route_policy", False),
        ("ogx-1.0.4", "inline", "policy, route_policy", True),
        ("ogx-1.0.3", "inline", "policy, route_policy", True),
        ("ogx-1.0.2", "inline", "policy, route_policy", False),
        ("ogx-1.5.0", "remote", "policy, route_policy", False),
    ],
)
def test_what_a_factory_asks_for_is_given_by_kind_and_release(
    module: Writer, version: str, kind: str, names: str, given: bool
):
    factory = "get_adapter_impl" if kind == "remote" else "get_provider_impl"
    name = module(f"async def {factory}(config, deps, {names}):\n    return Impl()")
    package, _, number = version.rpartition("-")
    release = knowledge(
        package or "llama-stack", number, providers={"files": {"x::f": {**spec(name), "kind": kind}}}, routed=[]
    )
    resolution = resolve(config(providers={"files": [entry("f", "x::f")]}), release)
    run_config = SimpleNamespace(telemetry=SimpleNamespace(enabled=True))
    findings = Findings()

    impls, _ = asyncio.run(
        instantiate_providers(resolution.plan, Runtime(SimpleNamespace(api=str), release, run_config, None), findings)
    )

    assert ("files" in impls) is given
    assert all("missing 1 required positional argument" in finding.message for finding in findings)


def test_a_lack_that_no_finding_explains_is_an_error(module: Writer):
    types = {"responses": {"inline::r": spec(module(GOOD), api_dependencies=["inspect"])}}

    _, states, findings = start(types, {"responses": [entry("r", "inline::r")]})

    assert [state.state for state in states] == ["DependencyFailed"]
    assert [finding[:3] for finding in findings] == [("error", "DependencyFailed", "providers.responses[0]")]


@pytest.mark.parametrize(
    ("factory", "reason", "words"),
    [
        (
            "async def get_provider_impl(config, deps):\n    raise OSError('disk full')",
            "InstantiationFailed",
            "disk full",
        ),
        (
            "async def get_provider_impl(config, deps):\n    raise SystemExit(3)",
            "InstantiationFailed",
            "SystemExit",
        ),
        ("async def get_provider_impl(config, deps):\n    raise KeyboardInterrupt", "InstantiationFailed", ".py:"),
        (
            "import asyncio\nasync def get_provider_impl(config, deps):\n    raise asyncio.CancelledError",
            "InstantiationFailed",
            "CancelledError",
        ),
        ("raise SystemExit(0)", "ModuleImportFailed", "SystemExit: 0"),
        ("def get_provider_impl(config):\n    return Impl()", "InstantiationFailed", "TypeError"),
        ("def get_provider_impl(config, deps):\n    return Impl()", "InstantiationFailed", "has to be async"),
        ("x = 1", "SpecMissing", "has no get_provider_impl()"),
        ("import not_there_at_all", "ModuleImportFailed", "not_there_at_all"),
        (GOOD + "\ndel Config", "ModuleImportFailed", "config class"),
        (GOOD.replace("Impl()", "5"), "InstantiationFailed", ""),
    ],
)
def test_a_failure_is_one_finding_and_its_dependents_say_so_once(module: Writer, factory: str, reason: str, words: str):
    types = {
        "files": {"inline::f": spec(module(factory))},
        "responses": {"inline::r": spec(module(GOOD), api_dependencies=["files"])},
    }
    sections = {"files": [entry("f", "inline::f")], "responses": [entry("r", "inline::r")]}

    impls, states, findings = start(types, sections)

    assert impls == {}
    assert [state.state for state in states] == ["Failed", "DependencyFailed"]
    assert [finding[:3] for finding in findings] == [
        ("error", reason, "providers.files[0]"),
        ("warning", "DependencyFailed", "providers.responses[0]"),
    ]
    assert words in findings[0][3]


def test_a_slow_start_is_worth_knowing_and_no_error(module: Writer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("llamastack_resolver.start.instantiate._SLOW", -1)

    _, states, findings = start({"files": {"inline::f": spec(module(GOOD))}}, {"files": [entry("f", "inline::f")]})

    assert [state.state for state in states] == ["Ready"]
    assert [finding[:3] for finding in findings] == [("info", "SlowStart", "providers.files[0]")]


def test_whoever_gives_up_waiting_is_not_taken_for_a_provider_that_fails(module: Writer):
    slow = module(GOOD.replace("impl =", "import asyncio; await asyncio.sleep(9); impl ="))
    release = knowledge(providers={"files": {"inline::f": spec(slow)}}, routed=[])
    plan = resolve(config(providers={"files": [entry("f", "inline::f")]}), release).plan
    runtime, findings = Runtime(SimpleNamespace(api=str), release, SimpleNamespace(), None), Findings()

    async def give_up() -> None:
        await asyncio.wait_for(instantiate_providers(plan, runtime, findings), 0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert [*findings] == []


def test_a_config_that_the_class_refuses_is_told_without_its_values(module: Writer):
    types = {"files": {"inline::f": spec(module(GOOD))}}

    _, _, findings = start(types, {"files": [entry("f", "inline::f", config={"size": "hunter2"})]})

    assert findings[0][1] == "InvalidProviderConfig"
    assert findings[0][3].startswith("size: ")
    assert "hunter2" not in findings[0][3]


class TestWhatTheReleaseFillsIn:
    """By release and kind; `run_config` stands for the release's own object."""

    CONFIG = "class Config(pydantic.BaseModel):\n    metadata_store: dict | None = None\n"
    RUN_CONFIG = SimpleNamespace(
        vector_stores={"from": "the run config"},
        storage=SimpleNamespace(
            stores=SimpleNamespace(vector_stores=SimpleNamespace(model_dump=lambda: {"of": "all"}))
        ),
    )

    @pytest.mark.parametrize(
        ("release", "kind", "found"),
        [
            ("0.3.5", "inline", (None, None)),
            ("0.4.0", "inline", ({"from": "the run config"}, None)),
            ("0.7.3", "remote", (None, None)),
            ("0.7.3", "inline", ({"from": "the run config"}, None)),
            ("ogx-1.0.4", "remote", (None, None)),
            ("ogx-1.1.0", "inline", ({"from": "the run config"}, {"of": "all"})),
            ("ogx-1.1.0", "remote", ({"from": "the run config"}, {"of": "all"})),
        ],
    )
    def test_into_a_config(self, module: Writer, release: str, kind: str, found: tuple[object, object]):
        name = module(self.CONFIG + "    vector_stores_config: dict | None = None")
        described = ProviderSpec.from_dict("files", f"{kind}::x", spec(name, kind=kind))
        provider = ProviderWithSpec("x", f"{kind}::x", described)

        made = make_config(provider, self.RUN_CONFIG, Behaviour.of(Release.parse(release)))

        assert (made.vector_stores_config, made.metadata_store) == found

    def test_is_not_what_a_provider_says_itself(self, module: Writer):
        kind, own = "inline::x", {"metadata_store": {"its": "own"}}
        entry_of = ProviderEntry("files", "x", kind, own, None, "p")
        described = ProviderSpec.from_dict("files", kind, spec(module(self.CONFIG)))

        made = make_config(ProviderWithSpec("x", kind, described, entry_of), self.RUN_CONFIG, Behaviour.of(NEWEST))

        assert made.metadata_store == {"its": "own"}
