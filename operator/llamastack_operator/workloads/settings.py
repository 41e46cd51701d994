"""What the operator's own installation decides for all stacks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkloadSettings:
    """Defaults for all stacks of this operator.

    Attributes:
        run_as: the user, group and fsGroup of the pods; None lets the platform choose, as OpenShift does.
        progress_deadline: seconds after which a rollout counts as failed.
    """

    run_as: int | None = 1001
    progress_deadline: int = 600
