"""The install plan of a stack: which layers its image needs, and what is in each. Pure, and shared by all renderers.

The release with its built-in providers' packages is one layer and everything external another, so that stacks share
the big one. The builds of the cluster, the pods that install at start, `llamastack containerfile` and
`llamastack build` all begin here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llamastack_contract.layer import Layer
from llamastack_contract.limits import LOCK_FILES, MODULES
from llamastack_contract.names import canonical, name_of
from llamastack_operator.planning.install.reasons import InstallReason
from llamastack_operator.planning.install.requirements import (
    Calls,
    Wanted,
    canonical_name,
    check_constraint,
    check_pins,
    check_release,
    parse,
)
from llamastack_operator.planning.install.upstream import (
    Entries,
    builtin_packages,
    read_entries,
    release_packages,
    server_dependencies,
)
from llamastack_resolver.behaviour import NEWEST
from llamastack_resolver.config.env import Environment
from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Finding, Findings, Whose, with_prefix
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.reasons import ModuleReason
from llamastack_resolver.providers.requirements import MODULE_CURE, RequirementError, check_module, parse_module
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import Resolution
from llamastack_resolver.yaml_io import read_value


@dataclass(frozen=True)
class InstallPlan:
    """What an image needs.

    Attributes:
        image: the base that the spec names; None where the base is the operator's Python image.
        release: the release that is installed, or that the image is said to be; None where it is not known.
        layers: first the stack layer (where there is no image), then the modules layer (where anything is external).
        findings: what is wrong; with an error among them nothing should be built.
        least: the layers without the entries that only variables of which nothing is known bring back, such as
            `provider_id: ${env.X:=__disabled__}`; None where there are no such entries, or they need nothing.
        asked: what asks for the modules layer, each with its place: modules, requirements, packages of external files.
    """

    image: str | None
    release: Release | None
    layers: tuple[Layer, ...]
    findings: tuple[Finding, ...]
    least: tuple[Layer, ...] | None = None
    asked: tuple[Wanted, ...] = ()

    @property
    def has_errors(self) -> bool:
        """Whether a build would fail, or give something else than what was asked for."""
        return Findings(self.findings).has_errors

    def places_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return where modules and requirements of some names are asked for, as field paths, each once."""
        wanted = {canonical(name) for name in names}
        return tuple(dict.fromkeys(one.path for one in self.asked if canonical(name_of(one.text)) in wanted))

    def layer(self, kind: str) -> Layer | None:
        """Return the layer of a kind, None where the image needs none."""
        return next((layer for layer in self.layers if layer.kind == kind), None)


def install_plan(
    run_config: Mapping[str, Any] | None,
    knowledge: ReleaseKnowledge | None,
    *,
    image: str | None,
    release: Release | None,
    environment: Environment | None = None,
    requirements: Sequence[Wanted] = (),
    constraints: Sequence[Wanted] = (),
    external_packages: Sequence[Wanted] = (),
    prefix: str = "",
) -> InstallPlan:
    """Plan what is installed.

    Args:
        run_config: as YAML gives it; None where the image brings its own.
        knowledge: what the release ships; None where the catalog does not have it. Needed without an image only.
        image: the image to run, or to put the modules on.
        release: the release to install where there is no image, else the one in it, if that is known.
        environment: the variables that the server will see; default: nothing is known about them.
        requirements: further packages (`spec.build.pip.requirements`).
        constraints: constraints of the user (`spec.build.pip.constraints`); they replace known-good ones.
        external_packages: packages of external providers and external APIs, options included as in their specs.
        prefix: path of the run config, such as `spec.runConfig`, put before the paths of its entries.
    """
    findings = Findings()
    environment = environment or Environment(others="unknown")
    # Where no release is known, the newest rules of substitution hold.
    limits = [one for one in constraints if check_constraint(one, findings)]

    def layers_of(entries: Entries, told: Findings) -> tuple[tuple[Layer, ...], _Modules]:
        modules = _modules_layer(entries.kept, requirements, external_packages, limits, prefix, told)
        stack = _stack_layer(release, knowledge, entries, limits, told) if image is None else None
        return tuple(layer for layer in (stack, modules.layer) if layer), modules

    entries = read_entries(run_config or {}, release or NEWEST, environment)
    findings.extend(with_prefix(entries.findings, prefix))
    layers, modules = layers_of(entries, findings)
    least = None
    if any(entry.condition and entry.condition.removes for entry in entries.kept):
        known = replace(environment, others="unset", unknown=frozenset())
        least, _ = layers_of(read_entries(run_config or {}, release or NEWEST, known), Findings())
    if release is not None:
        check_release([*modules.wanted, *limits], release, findings)
    check_pins([*modules.wanted, *limits], findings)
    least = None if least == layers else least
    return InstallPlan(image, release, layers, tuple(findings.sorted()), least, modules.asked)


def resolved_packages(resolution: Resolution) -> tuple[Wanted, ...]:
    """Return the packages of the external APIs, and of the providers of a directory that a resolved config uses."""
    found: dict[Wanted, None] = {}
    for group in resolution.prepared.by_key.values():
        for provider in group.values():
            if provider.origin == "directory":
                path = f"external_providers_dir/{provider.provider_type.replace('::', f'/{provider.spec.api}/')}.yaml"
                found.update(dict.fromkeys(Wanted(text, path) for text in provider.spec.pip_packages))
    for name, api in resolution.apis.items():
        texts = api.get("pip_packages")
        for text in texts if isinstance(texts, list) else ():
            found[Wanted(str(text), f"external_apis_dir/{name}.yaml")] = None
    return tuple(found)


def file_packages(files: Mapping[str, str]) -> Iterator[Wanted]:
    """Yield the packages that files of providers.d and apis.d ask for.

    Args:
        files: text by path; what cannot be read is left out, the resolver reports it.
    """
    for path, text in files.items():
        value, _ = read_value(text)
        value = value if isinstance(value, dict) else {}
        adapter = value.get("adapter")
        for holder in (value, adapter if isinstance(adapter, dict) else {}):
            packages = holder.get("pip_packages")
            for package in packages if isinstance(packages, list) else ():
                if isinstance(package, str):
                    yield Wanted(package, path)


def _stack_layer(
    release: Release | None,
    knowledge: ReleaseKnowledge | None,
    entries: Entries,
    limits: Sequence[Wanted],
    findings: Findings,
) -> Layer | None:
    if release is None or knowledge is None:
        message = f"{release} is not in the catalog" if release else "neither an image nor a release is named"
        hint = "choose a release of `llamastack catalog`, or name an image that has this one"
        path = "spec.distribution.release.version" if release else "spec.distribution"
        findings.error(ConfigReason.UNSUPPORTED_VERSION, f"{message}: nothing can be built for it", path, hint=hint)
        return None
    calls = Calls()
    for text in (*server_dependencies(release), *builtin_packages(entries, knowledge)):
        calls.add(Wanted(text, "spec.distribution.release"), findings)
    normal, special = calls.ordered()
    pinned = release_packages(release)
    taken = {canonical_name(text) for text in (*pinned, *(one.text for one in limits))}
    known_good = [line for line in knowledge.constraints.splitlines() if line and canonical_name(line) not in taken]
    own = [one.text for one in limits]
    return Layer("stack", (*pinned, *normal), special, constraints=tuple(sorted(dict.fromkeys([*known_good, *own]))))


@dataclass(frozen=True)
class _Modules:
    layer: Layer | None
    wanted: tuple[Wanted, ...]
    asked: tuple[Wanted, ...]


def _modules_layer(
    entries: Sequence[ProviderEntry],
    requirements: Sequence[Wanted],
    packages: Sequence[Wanted],
    limits: Sequence[Wanted],
    prefix: str,
    findings: Findings,
) -> _Modules:
    calls, modules, inner, asked = Calls(), dict[str, None](), Findings(), list[Wanted]()
    for entry in entries:
        if entry.module is None:
            continue
        text = _module(entry, inner)
        if text is not None:
            modules[text] = None
            asked.append(Wanted(text, _joined(prefix, f"{entry.path}.module")))
            if not is_import_path(text):
                calls.normal.setdefault(text, asked[-1])
    if len(modules) > MODULES:
        message = f"{len(modules)} provider modules are named, and one image can record {MODULES}"
        hint = "use fewer modules, or a base image that has some of them"
        inner.error(InstallReason.LIMIT_EXCEEDED, message, "providers", hint=hint)
    findings.extend(with_prefix(inner, prefix))
    for one in (*requirements, *packages):
        calls.add(one, findings)
    wanted = tuple(calls.requirements())
    if not modules and not wanted:
        return _Modules(None, (), ())
    if len(wanted) > LOCK_FILES:
        message = f"{len(wanted)} requirements are asked for, and one image can record {LOCK_FILES} packages"
        hint = "ask for fewer, or use a base image that has most of them"
        findings.error(InstallReason.LIMIT_EXCEEDED, message, "spec.build", hint=hint)
        return _Modules(None, (), ())
    asked += wanted
    normal, special = calls.ordered()
    own = tuple(sorted(dict.fromkeys(one.text for one in limits)))
    return _Modules(Layer("modules", normal, special, tuple(sorted(modules)), own), wanted, tuple(asked))


def _module(entry: ProviderEntry, findings: Findings) -> str | None:
    """Return the requirement of an entry; None after the finding that the resolver gives for it too."""
    text = (entry.module or "").strip()
    path = f"{entry.path}.module"
    try:
        check_module(text)
    except RequirementError as error:
        whose: Whose = {"api": entry.api, "provider": entry.provider_id}
        hint = error.hint or MODULE_CURE
        findings.error(ModuleReason.REQUIREMENT_INVALID, str(error), path, hint=hint, **whose)
        return None
    return text if parse(Wanted(text, path), findings) else None


def is_import_path(module: str) -> bool:
    """Whether a `module:` entry names a package inside another one, such as `my_pkg.sub`, and no distribution.

    `module:` is a requirement and an import name at once. A dotted name without a version can only be the latter:
    its distribution has to come from the base, from another module or from the further requirements.
    """
    requirement = parse_module(module)
    plain = not (requirement.specifier or requirement.extras or requirement.url)
    return plain and "." in requirement.name and requirement.plain


def _joined(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix else path
