"""The process that checks a module for its author: as that of a pod's start, it may be ended by what it looks at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from llamastack_resolver.redact import Redactor
from llamastack_resolver.start.child import Teller, leaving_all_open, make


def run(pipe: int, arguments: Sequence[str]) -> None:
    """Make the check, and end this process without waiting for anything.

    Args:
        pipe: file descriptor for what it does.
        arguments: module, provider type, file of a config and folder for what a start needs; empty for none.
    """
    make(_check, pipe, arguments)


def _check(teller: Teller, arguments: Sequence[str]) -> None:
    from llamastack_resolver.config.secret_values import SecretVariables

    # Before anything is imported that may fail, and quote a variable.
    redactor = Redactor(SecretVariables().values(os.environ))
    teller.secrets(redactor)
    from llamastack_resolver.start.check import quiet
    from llamastack_resolver.start.module_check import Asked, check_module
    from llamastack_resolver.watching import redacting, watched_by

    module, provider_type, config, scratch = arguments
    asked = Asked(module, provider_type or None, Path(config) if config else None, Path(scratch) if scratch else None)
    with watched_by(teller), redacting(redactor), quiet():
        report = check_module(asked, redactor, leaving_all_open)
    teller.whole(report)
