"""Reads `build.json` for the programs that hand what is in it to pip.

The operator wrote it, but a layer's requirements are a tenant's words: whatever could become an option of pip is
refused here.
"""

from __future__ import annotations

import re
from pathlib import Path

from llamastack_contract.build_json import FORGED_HINT, BuildJson, OtherFileError, as_told
from llamastack_contract.layer import Layer
from llamastack_installer.failure import FailureError


def read_build(path: Path, digest: str | None = None) -> BuildJson:
    """Read `build.json`.

    Args:
        path: the file.
        digest: of its bytes; None where the program was told of none.

    Raises:
        FailureError: it cannot be read, is another one than was told of, is of another format, or has a requirement
            that pip would take for an option.
    """
    try:
        build = BuildJson.parse(as_told(path.read_bytes(), digest))
    except OtherFileError as error:
        raise FailureError("Tampered", f"{path.name} is not what the operator wrote: {error}", FORGED_HINT) from error
    except (OSError, ValueError) as error:
        detail = f"{type(error).__name__}: {error}"
        raise FailureError("BuildFailed", f"the build's inputs cannot be read: {detail}") from error
    for layer in (*build.earlier, build.layer):
        _refuse_options(layer)
    return build


def _refuse_options(layer: Layer) -> None:
    for text in (*layer.requirements, *layer.modules, *layer.constraints):
        if text.lstrip().startswith("-") or re.search(r"[\r\n]|\s--?\w", text):
            hint = "write one PEP 508 requirement such as my-provider>=1.0, without options of pip"
            raise FailureError("RequirementInvalid", f"{text!r} is no requirement", hint)
