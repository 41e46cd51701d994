"""What a build says when it fails: a reason of one vocabulary, one line of text, and whether another try can help.

The operator turns it into the condition `ImageReady`. It reads it from the container's termination message, of which
Kubernetes keeps 4096 bytes per container and 12 KiB per pod, so each of ours stays within 2048.
"""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MESSAGE_LIMIT = 2048
"""Most bytes of a termination message."""

type Reason = Literal[
    "BaseNotFound",
    "BuildFailed",
    "DiskFull",
    "LockLost",
    "PushDenied",
    "RegistryCertificate",
    "RegistryUnauthorized",
    "RegistryUnreachable",
    "Tampered",
    "UnsupportedBase",
]
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

    reason: Reason
    message: str
    hint: str = ""
    retry: bool = False

    def __str__(self) -> str:
        return self.message


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


def failure_message(error: BuildError, step: Step) -> bytes:
    """Render the termination message of a failed step; the message is cut where it would be too long."""
    content = {
        "reason": error.reason,
        "message": " ".join(error.message.split()),
        "hint": error.hint,
        "step": step,
        "retry": error.retry,
        "tail": [],
    }
    encoded = json.dumps(content, ensure_ascii=False).encode(errors="replace")
    if len(encoded) <= MESSAGE_LIMIT:
        return encoded
    excess = len(encoded) - MESSAGE_LIMIT
    kept = content["message"].encode(errors="replace")[: -(excess + 3)]  # type: ignore[attr-defined]
    content["message"] = kept.decode(errors="ignore") + "..."
    return json.dumps(content, ensure_ascii=False).encode(errors="replace")
