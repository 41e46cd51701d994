"""What an install plan, and what was installed, mean for a stack. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.build_status import RecordedModule
from llamastack_operator.planning.install.install_plan import InstallPlan
from llamastack_operator.planning.stack.inputs.external import directory_keys
from llamastack_operator.planning.stack.inputs.modules import needs_install
from llamastack_resolver.findings import Finding


def plan_findings(plan: InstallPlan) -> tuple[Finding, ...]:
    """Return the findings of an install plan as conditions need them: with the place in the message."""
    return tuple(replace(finding, message=f"{finding.path}: {finding.message}") for finding in plan.findings)


def runs_as_written(spec: LlamaStackSpec, modules: bool) -> bool:
    """Tell whether a stack's image runs its run config as both are, by a cheap look.

    Args:
        spec: the stack's spec.
        modules: whether its run config may name a module.
    """
    return not (needs_install(spec, modules) or spec.distribution.release is not None or directory_keys(spec))


def needs_import_names(modules: Sequence[RecordedModule]) -> bool:
    """Tell whether upstream's server would look for a module under another name than the one it was installed with."""
    return any(module.requirement.split("==")[0].strip() != module.import_name for module in modules)
