"""The words that the resolver has for what it finds, wherever it runs: what another process says is read by this table.

It stands beside none of the rooms, for what is written by one place is read by another: by the operator from the
process that reads a stack, and from the check at a pod's start.
"""

from __future__ import annotations

from collections.abc import Mapping

from llamastack_resolver.findings import Reason
from llamastack_resolver.providers.reasons import ModuleReason, ProviderReason
from llamastack_resolver.reasons import ConfigReason, ProtocolReason
from llamastack_resolver.start.reasons import StartReason
from llamastack_resolver.start_plan.reasons import StartPlanReason

RESOLVERS_REASONS: Mapping[str, Reason] = {
    reason.value: reason
    for room in (ConfigReason, ProtocolReason, ProviderReason, ModuleReason, StartPlanReason, StartReason)
    for reason in room
}
"""Every reason of the resolver by its word."""
