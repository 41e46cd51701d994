"""What ends an installation: a reason of the builds' vocabulary, in words that a user can act on."""

from __future__ import annotations

from collections.abc import Iterable

from llamastack_contract.message import FailureMessage
from llamastack_contract.paths import INSTALL
from llamastack_contract.reasons import FailureReason


class FailureError(Exception):
    """A step cannot go on.

    Attributes:
        reason: why, in one word.
        message: what is wrong, naming packages, versions and addresses.
        hint: what to do about it.
        retry: whether another try can help though nothing is changed.
        tail: the last lines of what failed.
        concerns: names of the packages that it is about; those of the layer's modules and requirements alone, once
            `install_layer` has led them back to these.
    """

    def __init__(
        self,
        reason: FailureReason,
        message: str,
        hint: str = "",
        *,
        retry: bool = False,
        tail: Iterable[str] = (),
        concerns: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.hint = hint
        self.retry = retry
        self.tail = tuple(tail)
        self.concerns = tuple(concerns)

    def last_words(self, step: str = INSTALL) -> FailureMessage:
        """Return the termination message of the step that fails with it."""
        return FailureMessage(self.reason, self.message, self.hint, step, self.retry, self.tail, self.concerns)
