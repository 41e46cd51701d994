"""Reads the record that an installation left in its layer, beside a tenant's code that may have changed it."""

from __future__ import annotations

from pathlib import Path

from llamastack_contract.limits import RECORD_BYTES
from llamastack_contract.paths import RECORD_FILE
from llamastack_contract.record import Record
from llamastack_contract.shape import LimitError
from llamastack_operator.images.failure import BuildError


def read_record(root: Path) -> Record:
    """Read the record in the root of a layer.

    Raises:
        BuildError: reason `LimitExceeded`: it is more than can be handed on; reason `Tampered`: it is missing, a link,
            or not what the installer writes.
    """
    path = root / RECORD_FILE
    try:
        if path.is_symlink() or not path.is_file():
            raise BuildError("Tampered", f"the installation left no {RECORD_FILE}")
        with path.open("rb") as file:
            return Record.parse(file.read(RECORD_BYTES + 1))
    except LimitError as error:
        raise BuildError("LimitExceeded", f"{RECORD_FILE}: {error}", error.hint) from None
    except ValueError as error:
        raise BuildError(
            "Tampered", f"{RECORD_FILE}: {error}", "a module's code may have changed it; ask its author"
        ) from None
