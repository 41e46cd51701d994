"""Decides what the pods of a stack run, and which builds that takes. Pure.

A stack whose image has all it needs runs it as it is. Else each layer of its install plan is one build: what a
`LlamaStackBuild` of the same inputs made is used, whoever asked for it first; a tag in a registry proves nothing.
Until the newest image exists, nothing of what runs is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llamastack_contract.build_json import PipSettings
from llamastack_contract.layer import Layer
from llamastack_contract.paths import packages_of
from llamastack_operator.api.build import BuildSettings, strategy_of
from llamastack_operator.api.conditions import Reason
from llamastack_operator.api.llamastackbuild import BuildAccess
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.builds import BuildRecord
from llamastack_operator.objects.child import digest
from llamastack_operator.planning.install.install_plan import InstallPlan
from llamastack_operator.planning.install.key import BuildInputs, build_key, key_name
from llamastack_operator.planning.install.why_build import build_required
from llamastack_operator.workloads.names import lock_name
from llamastack_operator.workloads.runtime import Runtime, StartInstall
from llamastack_operator.workloads.settings import ImageSettings
from llamastack_resolver.releases import Release

_PREFERENCE = {"Succeeded": 0, "Building": 1, "Queued": 2, "Failed": 3}


@dataclass(frozen=True, slots=True)
class BuildWish:
    """A build that a stack wants to be there.

    Attributes:
        name: the name of the LlamaStackBuild.
        spec: its spec, in wire form; empty for one that exists and is only to be used.
    """

    name: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ImageVerdict:
    """How the image of the newest generation stands.

    Attributes:
        ready: whether pods can run it.
        reason: the reason of the condition ImageReady.
        message: its message.
        hint: what to do, empty where nothing is to be done.
        stalled: whether no progress is expected without a change from outside.
        runtime: what the pods run, if it is ready.
        wishes: the builds that must exist, and belong to the stack too.
        current: the build that the newest generation runs or waits for.
        modules: what is known of the installed modules.
    """

    ready: bool
    reason: Reason
    message: str
    hint: str = ""
    stalled: bool = False
    runtime: Runtime | None = None
    wishes: tuple[BuildWish, ...] = ()
    current: str | None = None
    modules: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ImageQuestion:
    """All that decides the image of a stack.

    Attributes:
        spec: the stack's spec.
        plan: what is to be installed.
        builds: the builds of its namespace that it uses or could use.
        current: the build that it used last, or None.
        access: changes when a Secret or certificate of the build does, so that a failed build is tried anew.
        refresh: a token that asks for a fresh look at tags and versions; empty for none.
        unchanged: whether the image of this very spec was ready in the last pass, so that what an upgrade of the
            operator brings is no reason for a build.
    """

    spec: LlamaStackSpec
    plan: InstallPlan
    builds: tuple[BuildRecord, ...]
    current: str | None = None
    access: str = ""
    refresh: str = ""
    unchanged: bool = False


def as_it_is(spec: LlamaStackSpec) -> ImageVerdict:
    """Return the verdict for a stack that needs nothing installed."""
    image = spec.distribution.image or ""
    runtime = Runtime(image=image, release=release_of(spec), pull_secret=_pull_secret(spec.build))
    return ImageVerdict(True, Reason.PREBUILT, f"{image} has all that the stack needs", runtime=runtime)


def release_of(spec: LlamaStackSpec) -> Release | None:
    """Return the release that a spec names."""
    held = spec.distribution.release
    return Release(held.package, held.version) if held else None


def decide_image(question: ImageQuestion, settings: ImageSettings) -> ImageVerdict:
    """Return how the image of a stack stands, and which builds it takes."""
    plan, spec = question.plan, question.spec
    if not plan.layers:
        return as_it_is(spec)
    if not settings.operator:
        hint = "set --operator-image, which the chart does, or name an image that has the modules"
        message = "this operator was not told its own image, and cannot build without it"
        return ImageVerdict(False, Reason.BUILD_FAILED, message, hint, stalled=True)
    done: list[BuildRecord] = []
    wishes: list[BuildWish] = []
    for layer in plan.layers:
        wanted = _wanted(question, layer, done, settings)
        build = _found(question, layer, wanted)
        if build is None:
            wish = _wish(question, layer, wanted)
            waits = ImageVerdict(False, Reason.QUEUED, f"the build {wish.name} is asked for", current=wish.name)
            return _with(waits, [*wishes, wish])
        wishes.append(BuildWish(build.key[1], {}))
        if build.phase != "Succeeded":
            return _with(_unfinished(build), wishes)
        done.append(build)
    return _with(_finished(question, done, settings), wishes)


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: str
    inputs: BuildInputs
    earlier: tuple[str, ...]


def _wanted(question: ImageQuestion, layer: Layer, done: Sequence[BuildRecord], settings: ImageSettings) -> _Wanted:
    build = question.spec.build or BuildSettings()
    strategy = strategy_of(question.spec.build)
    base, base_pin = question.spec.distribution.image or settings.python, None
    earlier: tuple[Layer, ...] = ()
    if done and strategy == "Image":
        base = str(done[-1].status["image"])
    elif done:
        base = str(done[0].spec["inputs"]["base"]["image"])
        earlier = tuple(Layer.from_dict(one.spec["inputs"]["layer"]) for one in done)
    if "@" in base:
        base_pin = base.rpartition("@")[2]
    inputs = BuildInputs(
        base=base,
        layer=layer,
        earlier=earlier,
        pip=_pip(build, settings),
        base_digest=base_pin,
        refresh=question.refresh or None,
    )
    return _Wanted(build_key(inputs), inputs, tuple(one.key[1] for one in done) if strategy == "Start" else ())


def _to_wire(wanted: _Wanted, repository: str | None) -> dict[str, Any]:
    """Return the inputs as a LlamaStackBuild holds them: in the order in which pip is to see them."""
    return {
        **wanted.inputs.to_dict(),
        "layer": wanted.inputs.layer.to_dict(),
        "earlier": [layer.to_dict() for layer in wanted.inputs.earlier],
        "earlierBuilds": list(wanted.earlier),
        "repository": repository,
        "imageKey": build_key(replace(wanted.inputs, refresh=None)),
    }


def inputs_of(build: BuildRecord) -> BuildInputs:
    """Return the inputs that a LlamaStackBuild holds."""
    inputs = build.spec["inputs"]
    return BuildInputs(
        base=inputs["base"]["image"],
        layer=Layer.from_dict(inputs["layer"]),
        earlier=tuple(Layer.from_dict(layer) for layer in inputs["earlier"]),
        pip=PipSettings.from_dict(inputs["pip"]),
        base_digest=inputs["base"].get("digest"),
        platform=inputs.get("platform"),
        recipe=inputs["recipe"],
        refresh=inputs.get("refresh"),
    )


def _with_the_operators_part(last: BuildInputs, wanted: BuildInputs, named_base: bool) -> BuildInputs:
    """Return inputs with what the operator itself decides taken from others: its upgrade alone rebuilds nothing."""
    layer = last.layer if last.layer.kind == "modules" else replace(last.layer, constraints=wanted.layer.constraints)
    base = last.base if named_base or last.layer.kind == "modules" else wanted.base
    return replace(last, layer=layer, base=base, recipe=wanted.recipe, pip=wanted.pip)


def _pip(build: BuildSettings, settings: ImageSettings) -> PipSettings:
    pip = build.pip
    first = (pip and pip.index_url) or settings.index or ""
    extra = (pip and pip.extra_index_urls) or []
    return PipSettings(
        # An empty first one is pip's own default: further indexes are asked beside it.
        indexes=(first, *extra) if first or extra else (),
        source_distributions=bool(pip and pip.allow_source_distributions),
        named=dict(settings.named_indexes),
    )


def _found(question: ImageQuestion, layer: Layer, wanted: _Wanted) -> BuildRecord | None:
    """Return the build to use: one of the same inputs, or the one in use where only the operator's part differs."""
    access = _access_token(question)
    same = [build for build in question.builds if _fits(question, build, wanted)]
    usable = [build for build in same if build.phase != "Failed" or build.key[1].endswith(f"-{access}")]
    if usable:
        return min(usable, key=lambda build: (_PREFERENCE.get(build.phase, 9), build.created, build.key))
    last = _last_of(question, layer.kind)
    if last is None or last.deleting or last.phase != "Succeeded" or not _goes_to(question, last):
        return None
    inputs = inputs_of(last)
    if question.unchanged:
        named_base = question.spec.distribution.image is not None
        inputs = _with_the_operators_part(inputs, wanted.inputs, named_base)
    return None if build_required(inputs, wanted.inputs) else last


def _fits(question: ImageQuestion, build: BuildRecord, wanted: _Wanted) -> bool:
    return build.inputs_key == wanted.key and not build.deleting and _goes_to(question, build)


def _goes_to(question: ImageQuestion, build: BuildRecord) -> bool:
    settings = question.spec.build
    strategy = strategy_of(settings)
    repository = settings.repository if settings is not None and strategy == "Image" else None
    return build.spec.get("strategy") == strategy and build.spec["inputs"].get("repository") == repository


def _last_of(question: ImageQuestion, kind: str) -> BuildRecord | None:
    """Return the build of a kind that the stack used last: the one that its status names, or that one's base."""
    named = next((build for build in question.builds if build.key[1] == question.current), None)
    if named is None or named.spec["inputs"]["layer"]["kind"] == kind:
        return named
    inputs = named.spec["inputs"]
    return next(
        (
            build
            for build in question.builds
            if build.spec["inputs"]["layer"]["kind"] == kind
            and (build.status.get("image") == inputs["base"]["image"] or build.key[1] in inputs["earlierBuilds"])
        ),
        None,
    )


def _wish(question: ImageQuestion, layer: Layer, wanted: _Wanted) -> BuildWish:
    last = _last_of(question, layer.kind)
    changes = build_required(inputs_of(last) if last is not None else None, wanted.inputs)
    settings, strategy = question.spec.build, strategy_of(question.spec.build)
    repository = settings.repository if settings is not None and strategy == "Image" else None
    spec = {
        "key": wanted.key,
        "strategy": strategy,
        "inputs": _to_wire(wanted, repository),
        "reasons": [change.text[:512] for change in changes][:16] or ["the last build failed, or is gone"],
        "access": _access(question.spec.build).to_wire(),
    }
    return BuildWish(f"{layer.kind}-{key_name(wanted.key)}-{_access_token(question)}", spec)


def _access(build: BuildSettings | None) -> BuildAccess:
    settings = build or BuildSettings()
    workspace = settings.workspace
    return BuildAccess(
        push_secret_ref=settings.push_secret_ref,
        pull_secret_ref=settings.pull_secret_ref,
        index_secret_ref=settings.pip.secret_ref if settings.pip else None,
        ca_bundle_ref=settings.ca_bundle_ref,
        resources=settings.resources,
        timeout_seconds=settings.timeout_seconds,
        workspace_medium=workspace.medium if workspace else None,
        workspace_size_limit=workspace.size_limit if workspace else None,
    )


def _access_token(question: ImageQuestion) -> str:
    """Return what tells builds of the same inputs apart: where they push to, and by which credentials."""
    settings = question.spec.build
    place = settings.repository if settings is not None else None
    return digest([_access(settings).to_wire(), question.access, strategy_of(settings), place])[:6]


def _unfinished(build: BuildRecord) -> ImageVerdict:
    name, step = build.key[1], build.status.get("step", "")
    if build.phase == "Failed":
        return _failed(build)
    if build.phase == "Building":
        return ImageVerdict(False, Reason.BUILDING, f"{step or 'starting'} (build {name})", current=name)
    return ImageVerdict(False, Reason.QUEUED, f"the build {name} waits for its turn", current=name)


def _failed(build: BuildRecord) -> ImageVerdict:
    failure = build.status.get("failure") or {}
    recorded = failure.get("reason", "")
    reason = Reason(recorded) if recorded in set(Reason) else Reason.BUILD_FAILED
    attempts = build.status.get("attempts", 1)
    again = build.status.get("nextAttemptAt")
    when = f"; try {attempts} failed, the next is at {again}" if again else ""
    return ImageVerdict(
        False,
        reason,
        f"{failure.get('message', 'the build failed')}{when} (build {build.key[1]})",
        failure.get("hint", ""),
        stalled=not again,
        current=build.key[1],
    )


def _finished(question: ImageQuestion, done: Sequence[BuildRecord], settings: ImageSettings) -> ImageVerdict:
    last, modules = done[-1], _modules(done)
    spec = question.spec
    if strategy_of(spec.build) == "Image":
        runtime = Runtime(
            image=str(last.status["image"]),
            release=release_of(spec),
            architecture=_architecture(last),
            pull_secret=_pull_secret(spec.build),
        )
        message = f"built as {last.status['image']}"
        return ImageVerdict(True, Reason.UP_TO_DATE, message, runtime=runtime, current=last.key[1], modules=modules)
    install = StartInstall(
        lock=lock_name(last.key[1]),
        packages=tuple(_site_packages(one) for one in reversed(done) if _kind(one) == "modules"),
        programs=tuple(f"{one.spec['inputs']['layer']['root']}/bin" for one in done if _kind(one) == "stack"),
        settings=spec.build or BuildSettings(),
        operator=str(last.status.get("operatorImage") or settings.operator),
    )
    runtime = Runtime(
        # What was locked is for the base that it was locked on, not for the one of a newer operator.
        image=spec.distribution.image or str(done[0].spec["inputs"]["base"]["image"]),
        release=release_of(spec),
        architecture=_architecture(last),
        install=install,
        pull_secret=_pull_secret(spec.build),
    )
    count = sum(one.status.get("installed", 0) for one in done)
    message = f"{count} packages are locked; each pod installs them at its start, for want of build.repository"
    if spec.build is not None and spec.build.repository is not None:
        message = f"{count} packages are locked; each pod installs them at its start, as spec.build.strategy asks for"
    return ImageVerdict(True, Reason.INSTALLED_AT_START, message, runtime=runtime, current=last.key[1], modules=modules)


def _kind(build: BuildRecord) -> str:
    return str(build.spec["inputs"]["layer"]["kind"])


def _site_packages(build: BuildRecord) -> str:
    return f"{build.spec['inputs']['layer']['root']}/{packages_of(build.status.get('python', '3'))}"


def _architecture(build: BuildRecord) -> str | None:
    return str(build.status.get("platform", "")).partition("/")[2].partition("/")[0] or None


def _modules(done: Iterable[BuildRecord]) -> tuple[Mapping[str, Any], ...]:
    return tuple(module for build in done for module in build.status.get("modules") or ())


def _pull_secret(build: BuildSettings | None) -> str | None:
    reference = (build.pull_secret_ref or build.push_secret_ref) if build else None
    return reference.name if reference else None


def _with(verdict: ImageVerdict, wishes: Iterable[BuildWish]) -> ImageVerdict:
    return replace(verdict, wishes=tuple(wishes))
