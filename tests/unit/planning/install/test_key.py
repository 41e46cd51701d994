"""The key of a build and the reasons for a new one."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llamastack_contract.build_json import PipSettings
from llamastack_contract.layer import Layer
from llamastack_contract.lock import Locked
from llamastack_operator import catalog
from llamastack_operator.planning.install.install_plan import install_plan
from llamastack_operator.planning.install.key import BuildInputs, build_key, key_name
from llamastack_operator.planning.install.why_build import ChangeKind, build_required
from llamastack_resolver.releases import Release

RELEASE = Release("llama-stack", "0.7.3")
MODULES = Layer("modules", ("a==1", "b>=2"), (("torch", "--index-url", "${index.x}"),), ("a==1",), ("numpy<3",))
INPUTS = BuildInputs("docker.io/library/base:1", MODULES, base_digest="sha256:" + "1" * 64)

names = st.sampled_from(["a", "b", "c-d", "e_f"])
requirements = st.builds(lambda name, number: f"{name}=={number}", names, st.integers(0, 3))
texts = st.lists(requirements, max_size=4, unique_by=lambda text: text.split("==")[0]).map(tuple)
layers = st.builds(
    Layer,
    st.just("modules"),
    texts,
    st.lists(requirements.map(lambda text: (text, "--no-deps")), max_size=2).map(tuple),
    texts,
    texts,
)
# What an earlier layer has already is not asked for again, so its names are others.
earlier = texts.filter(bool).map(lambda found: Layer("stack", tuple(f"stack-{text}" for text in found)))
digests = st.sampled_from(["sha256:" + "1" * 64, "sha256:" + "2" * 64])
pips = st.builds(
    PipSettings,
    st.lists(st.sampled_from(["https://i.example/simple", "https://j.example/simple"]), max_size=2).map(tuple),
    st.booleans(),
    st.dictionaries(st.sampled_from(["pytorch-cpu", "own"]), st.just("https://k.example"), max_size=2),
)
inputs = st.builds(
    BuildInputs,
    st.sampled_from(["base:1", "base:2"]),
    layers,
    st.lists(earlier, max_size=1).map(tuple),
    pips,
    digests,
    st.sampled_from([None, "linux/amd64", "linux/arm64"]),
    st.integers(1, 2),
    st.sampled_from(["", "monday", "tuesday"]),
)


@settings(deadline=None)
@given(inputs, st.randoms(use_true_random=False))
def test_the_order_of_requirements_makes_no_difference(one: BuildInputs, random: Any) -> None:
    shuffled = {
        name: tuple(random.sample(getattr(one.layer, name), len(getattr(one.layer, name))))
        for name in ("requirements", "modules", "constraints")
    }
    assert build_key(replace(one, layer=replace(one.layer, **shuffled))) == build_key(one)


PROVIDERS = [
    (api, name)
    for api, types in catalog.load_release(RELEASE).providers.items()
    for name in types
    if api in ("inference", "vector_io", "tool_runtime")
]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(PROVIDERS), max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_providers_in_a_run_config_makes_no_difference(
    chosen: list[tuple[str, str]], random: Any
) -> None:
    def key(order: list[tuple[str, str]]) -> str:
        sections: dict[str, list[dict[str, Any]]] = {}
        for api, name in order:
            sections.setdefault(api, []).append({"provider_id": f"{name}-{len(sections)}", "provider_type": name})
        plan = install_plan({"providers": sections}, catalog.load_release(RELEASE), image=None, release=RELEASE)
        return build_key(BuildInputs("python:3.12", plan.layers[0]))

    assert key(chosen) == key(random.sample(chosen, len(chosen)))


CHANGES = {
    "base": {"base": "docker.io/library/base:2"},
    "digest": {"base_digest": "sha256:" + "2" * 64},
    "no digest": {"base_digest": None},
    "root": {"layer": replace(MODULES, kind="stack")},
    "requirement": {"layer": replace(MODULES, requirements=("a==1", "b>=3"))},
    "special": {"layer": replace(MODULES, special=())},
    "module": {"layer": replace(MODULES, modules=())},
    "constraint": {"layer": replace(MODULES, constraints=())},
    "earlier": {"earlier": (MODULES,)},
    "index": {"pip": PipSettings(("https://i.example/simple",))},
    "source": {"pip": PipSettings(source_distributions=True)},
    "named index": {"pip": PipSettings(named={"x": "https://j.example"})},
    "platform": {"platform": "linux/arm64"},
    "recipe": {"recipe": INPUTS.recipe + 1},
    "refresh": {"refresh": "2026-01-01"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_everything_that_decides_the_outcome_changes_the_key(change: dict[str, Any]) -> None:
    assert build_key(replace(INPUTS, **change)) != build_key(INPUTS)


def test_every_field_of_the_inputs_has_such_a_case() -> None:
    covered = {name for change in CHANGES.values() for name in change}
    assert covered == set(BuildInputs.__dataclass_fields__)


def test_credentials_and_the_lock_do_not_change_it() -> None:
    open_index, secret = PipSettings(("https://i.example/simple",)), PipSettings(("https://me:pw@i.example/simple",))
    assert build_key(replace(INPUTS, pip=secret)) == build_key(replace(INPUTS, pip=open_index))
    locked = replace(INPUTS, layer=replace(MODULES, lock=(Locked("a", "1", "a-1-py3-none-any.whl", "0" * 64),)))
    assert build_key(locked) == build_key(INPUTS)


def test_keys_stay_what_they_are() -> None:
    """Keys name images that exist in registries: another way of writing them down would rebuild every stack."""
    assert build_key(INPUTS) == "c8422c2ce0a0aa7817369b37e7608de0931a168aa57f702584916eb0859a987d"
    assert key_name(build_key(INPUTS)) == build_key(INPUTS)[:16]


@settings(max_examples=300, deadline=None)
@given(inputs, inputs)
def test_a_build_is_required_exactly_where_the_key_differs_by_more_than_recipe_or_an_absent_refresh(
    last: BuildInputs, wanted: BuildInputs
) -> None:
    alike = replace(wanted, recipe=last.recipe, refresh=wanted.refresh or last.refresh)
    assert bool(build_required(last, wanted)) == (build_key(alike) != build_key(last))


@settings(deadline=None)
@given(inputs, inputs)
def test_a_recipe_is_told_beside_other_reasons_and_never_alone(last: BuildInputs, wanted: BuildInputs) -> None:
    assume(last.recipe != wanted.recipe)
    kinds = [change.kind for change in build_required(last, wanted)]
    assert kinds != [ChangeKind.RECIPE] and (not kinds or ChangeKind.RECIPE in kinds)


def reasons(**change: Any) -> list[tuple[ChangeKind, str]]:
    return [(one.kind, one.text) for one in build_required(INPUTS, replace(INPUTS, **change))]


def test_the_first_build_says_so() -> None:
    assert [one.kind for one in build_required(None, INPUTS)] == [ChangeKind.FIRST]


def test_nothing_changed_is_no_reason() -> None:
    assert build_required(INPUTS, INPUTS) == []


def test_packages_are_told_apart_by_what_happened_to_them() -> None:
    layer = replace(MODULES, requirements=("a==2", "c[x]"), modules=("a==2",))
    (change,) = build_required(INPUTS, replace(INPUTS, layer=layer))
    assert change.kind is ChangeKind.REQUIREMENTS
    assert (change.added, change.removed, change.changed) == (("c[x]",), ("b>=2",), (("a", "a==1", "a==2"),))
    assert change.text == "packages: a 1 -> 2; added c[x]; removed b>=2"


def test_many_packages_are_counted() -> None:
    layer = replace(MODULES, requirements=(*MODULES.requirements, *(f"p{number}" for number in range(8))))
    assert reasons(layer=layer)[0][1] == "packages: added p0, p1, p2, p3, p4 and 3 more"


def test_a_module_that_is_asked_for_its_spec_from_now_on_is_a_reason() -> None:
    assert reasons(layer=replace(MODULES, modules=("a==1", "b>=2"))) == [
        (ChangeKind.REQUIREMENTS, "provider modules: added b>=2")
    ]


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ("base", ChangeKind.BASE, "base image: docker.io/library/base:1 -> docker.io/library/base:2"),
        ("digest", ChangeKind.BASE, "digest of docker.io/library/base:1: sha256:111111111111 -> sha256:222222222222"),
        ("constraint", ChangeKind.CONSTRAINTS, "constraints: removed numpy<3"),
        ("index", ChangeKind.PIP_SETTINGS, "pip settings: indexes changed"),
        ("platform", ChangeKind.PLATFORM, "platform: the node's -> linux/arm64"),
        ("refresh", ChangeKind.REFRESH, "a fresh look at tags and versions was asked for (2026-01-01)"),
    ],
)
def test_each_change_has_its_line(change: str, kind: ChangeKind, text: str) -> None:
    assert reasons(**CHANGES[change]) == [(kind, text)]


def test_a_base_that_is_not_pinned_anew_is_no_reason() -> None:
    assert reasons(**CHANGES["no digest"]) == []


def test_a_new_release_is_told_before_what_follows_from_it() -> None:
    last, wanted = (
        BuildInputs(
            "python:3.12", install_plan({}, catalog.load_release(release), image=None, release=release).layers[0]
        )
        for release in (Release("llama-stack", "0.7.2"), Release("ogx", "1.5.0"))
    )
    changes = build_required(last, wanted)
    assert changes[0].text == "release: llama-stack 0.7.2 -> ogx 1.5.0"
    assert changes[1].text.startswith("packages: added httpx2")
