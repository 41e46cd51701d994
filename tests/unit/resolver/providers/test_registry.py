"""Specs of `module:` entries are shared by all entries of their type, as the releases have it."""

from typing import Any

import pytest

from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ProviderSpec
from llamastack_resolver.providers.reasons import ModuleReason
from llamastack_resolver.providers.requirements import ModuleRequirement
from llamastack_resolver.resolution import Resolution, resolve
from tests.support.small_release import config, entry, knowledge


class Loader:
    """Installed modules without packages: how packages are asked is tested in tests/unit/resolver/installed."""

    def load(
        self, entry: ProviderEntry, requirement: ModuleRequirement, findings: Findings
    ) -> list[ProviderSpec] | None:
        if requirement.name == "broken":
            findings.error(ModuleReason.MODULE_IMPORT_FAILED, "broken", f"{entry.path}.module", hint="mend it")
            return None
        data = {"module": f"{requirement.name}.adapter", "pip_packages": ["p"]}
        return [ProviderSpec.from_dict(entry.api, entry.provider_type, data)]

    def version(self, requirement: ModuleRequirement) -> str | None:
        return {"mine": "1.0", "other": "2.0"}.get(requirement.name)

    def api_providers(self, *_: Any) -> list[ProviderSpec] | None:
        raise AssertionError("the configs here name no external API")


def resolved(*entries: dict[str, Any], installed: bool = True) -> Resolution:
    return resolve(config(providers={"inference": list(entries)}), knowledge(), loader=Loader() if installed else None)


def found(resolution: Resolution) -> list[tuple[str, str, str]]:
    return [(f.severity.value, f.reason.value, f.path) for f in resolution.findings]


def modules(resolution: Resolution) -> list[tuple[str | None, str | None]]:
    (group,) = [group for key, group in resolution.prepared.by_key.items() if key == "inner-inference"]
    return [(provider.spec.module, provider.module_version) for provider in group.values()]


@pytest.mark.parametrize("installed", [True, False])
def test_a_second_entry_of_the_type_needs_no_module(installed: bool):
    for entries in ([("a", "mine"), ("b", None)], [("a", None), ("b", "mine")]):
        resolution = resolved(
            *(entry(name, "remote::mine", **({"module": module} if module else {})) for name, module in entries),
            installed=installed,
        )

        assert not resolution.has_errors
        wanted = ("mine.adapter", "1.0") if installed else ("mine", None)
        assert modules(resolution) == [wanted, wanted]


@pytest.mark.parametrize("installed", [True, False])
def test_a_module_replaces_a_built_in_type_for_all_entries_and_says_so_once(installed: bool):
    resolution = resolved(entry("a", "remote::vllm"), entry("b", "remote::vllm", module="mine"), installed=installed)

    path = "providers.inference[1].module"
    assert [one for one in found(resolution) if one[0] != "info"] == [("warning", "ShadowedProvider", path)]
    assert {module for module, _ in modules(resolution)} == {"mine.adapter" if installed else "mine"}


def test_the_last_module_of_a_type_wins_for_all_entries_with_a_warning():
    resolution = resolved(entry("a", "remote::mine", module="mine"), entry("b", "remote::mine", module="other"))

    assert found(resolution) == [("warning", "ShadowedProvider", "providers.inference[1].module")]
    assert modules(resolution) == [("other.adapter", "2.0"), ("other.adapter", "2.0")]


def test_a_module_that_fails_is_one_finding_for_all_entries_of_its_type():
    resolution = resolved(entry("a", "remote::mine", module="broken"), entry("b", "remote::mine"))

    assert found(resolution) == [("error", "ModuleImportFailed", "providers.inference[0].module")]


@pytest.mark.parametrize("module", ["my-provider>=1.0,", "my provider", "my-provider==1..0", "-r file", "a\nb"])
def test_a_requirement_that_pip_would_refuse_is_told_where_it_is_still_to_be_installed(module: str):
    resolution = resolved(entry("a", "remote::mine", module=module), installed=False)

    assert found(resolution) == [("error", "RequirementInvalid", "providers.inference[0].module")]
