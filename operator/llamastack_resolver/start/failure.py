"""What keeps one provider from starting."""

from __future__ import annotations

from llamastack_resolver.findings import Reason


class InstantiationError(Exception):
    """A provider cannot be started; `reason` and `hint` are the finding's."""

    def __init__(self, reason: Reason, message: str, hint: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.hint = hint
