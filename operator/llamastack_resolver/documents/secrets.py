"""Finds secrets that stand in a manifest in clear text: whoever can read the object can read them."""

from __future__ import annotations

from typing import Any

from llamastack_resolver.config.near_reference import near_reference
from llamastack_resolver.config.secret_values import PLACEHOLDERS, SECRET_KEY
from llamastack_resolver.findings import Findings
from llamastack_resolver.reasons import ConfigReason


def report_inline_secrets(value: Any, findings: Findings, path: str) -> None:
    """Warn about every literal below `value` whose key says that it is a secret."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            report_inline_secrets(item, findings, f"{path}[{index}]")
        return
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        place = f"{path}.{key}"
        literal = isinstance(item, str) and "${env." not in item and item.lower() not in PLACEHOLDERS
        if literal and SECRET_KEY.search(str(key)) and near_reference(item, whole=True) is None:
            findings.warning(
                ConfigReason.INLINE_SECRET,
                f"`{key}` holds a secret in clear text",
                place,
                hint="put it into a Secret, name it in server.env, and write ${env.NAME} here",
            )
        else:
            report_inline_secrets(item, findings, place)
