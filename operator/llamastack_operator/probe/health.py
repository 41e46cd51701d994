"""Asks a running server how its providers are, which makes it ask the vendors of some of them.

All that is taken from the answer is a word, OK or Error, for each provider that is known already. What a vendor says
with it is left out: it may quote the key that it was given, and the operator does not know the values of keys.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from llamastack_operator.api.status import Health, ProviderName
from llamastack_operator.probe.answer import answer_of

TIMEOUT = 5.0
"""Seconds that the whole look may take: servers give their providers three."""
SIZE_LIMIT = 256 * 1024
"""Most bytes of an answer, which has the providers' configs too; one that is larger cannot be read."""


async def provider_health(
    host: str, port: int, providers: Collection[ProviderName]
) -> dict[ProviderName, Health] | None:
    """Return the health that a server reports of providers at `/v1/providers`.

    What it does not tell is left out: nothing is told where it wants a login, has no such path, or knows the health of
    no provider.

    Args:
        host: an IP address.
        port: the TCP port.
        providers: those that matter.

    Returns:
        The health of those that it tells of; None where nothing answers that speaks HTTP, or says that it cannot now:
        another try may help.
    """
    answer = await answer_of(host, port, "/v1/providers", TIMEOUT, SIZE_LIMIT)
    if answer is None or answer.status >= 500:
        return None
    return parse_health(answer.body, providers)


def parse_health(answer: bytes, providers: Collection[ProviderName]) -> dict[ProviderName, Health]:
    """Return the health of providers in an answer of `/v1/providers`, as far as it is told there."""
    try:
        rows = json.loads(answer)["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    said: dict[tuple[Any, Any], Health] = {}
    for row in rows if isinstance(rows, list) else ():
        match row:
            case {"api": str(api), "provider_id": str(name), "health": {"status": "OK" | "Error" as word}}:
                said.setdefault((api, name), word)
    # Under the names that are known: none of the answer's own texts is kept.
    return {name: said[name] for name in providers if name in said}
