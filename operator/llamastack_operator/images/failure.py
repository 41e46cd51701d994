"""What ends a program of the operator's image: a reason of the builds' vocabulary, a line, and whether a try helps.

The operator turns it into the condition `ImageReady`.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llamastack_contract.message import FailureMessage
from llamastack_contract.reasons import FailureReason

type Step = Literal["prepare", "pack", "push"]

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@dataclass(eq=False)
class BuildError(Exception):
    """A build cannot go on.

    Attributes:
        reason: why, in one word of the contract between the build's pod and the operator.
        message: one line that names what it is about; never a credential, never what a server wrote.
        hint: what to do.
        retry: whether the same build can succeed later without a change.
    """

    reason: FailureReason
    message: str
    hint: str = ""
    retry: bool = False

    def __str__(self) -> str:
        return self.message

    def last_words(self, step: Step) -> FailureMessage:
        """Return the termination message of the step that fails with it."""
        return FailureMessage(self.reason, self.message, self.hint, step, self.retry)


def from_os_error(error: OSError, step: Step) -> BuildError:
    """Say what an error of the file system means for a build.

    Args:
        error: as the operating system gave it.
        step: what the build was doing.
    """
    if error.errno in _NO_SPACE:
        hint = "raise spec.build.workspace.sizeLimit, or free space on the node"
        return BuildError("DiskFull", f"no space was left during {step}", hint)
    name = Path(str(error.filename)).name if error.filename else "a file"
    return BuildError("BuildFailed", f"{step}: {name!r}: {error.strerror or type(error).__name__}")
