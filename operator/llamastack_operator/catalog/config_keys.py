"""Makes the resolver's `providers/config_keys.json`: which releases know which keys of a provider's config.

`python -m llamastack_operator.catalog.config_keys DIRECTORY [--check]`. The resolver stands below the catalog, and
runs in pods without it, so what it has to know of other releases travels with it as data.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise

from llamastack_operator.api.generated import write_or_check
from llamastack_operator.catalog.reader import load_release, releases
from llamastack_resolver.config.schema_keys import schema_keys
from llamastack_resolver.providers.migrations import MIGRATIONS
from llamastack_resolver.releases import Release

NAME = "config_keys.json"
Row = tuple[str, str, str, str]


def text() -> str:
    """Return the file: a row for each key that not every release of a type knows, with the types it goes for.

    A row is API, key, first release with it, first release without it, and the provider types; an empty text is no
    bound: the first release of the type had it already, or the newest still has it.
    """
    rows: dict[Row, list[str]] = {}
    for (api, provider_type), known in sorted(_types().items()):
        for key, since, until in _changes(known):
            rows.setdefault((api, key, since, until), []).append(provider_type)
    lines = [json.dumps([*row, sorted(types)]) for row, types in sorted(rows.items())]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _types() -> dict[tuple[str, str], dict[Release, frozenset[str]]]:
    """Return the keys of each API's provider types by release; a renamed type has the history of the one before."""
    found: dict[tuple[str, str], dict[Release, frozenset[str]]] = {}
    for release in releases():
        knowledge = load_release(release)
        for api, types in knowledge.providers.items():
            for provider_type, spec in types.items():
                schema = knowledge.schemas.get(spec.config_class or "")
                if schema is not None:
                    found.setdefault((api, provider_type), {})[release] = schema_keys(schema)
    for one in MIGRATIONS:
        own = found.get((one.new_api or one.api, one.new or ""))
        if own is not None and one.advice is None:
            before = {r: keys for r, keys in found[one.api, one.old].items() if r < min(own)}
            own |= before
    return found


def _changes(known: Mapping[Release, frozenset[str]]) -> Iterator[tuple[str, str, str]]:
    """Yield each span of releases in which a key is known; what changes together with its section is left out."""
    order = sorted(known)
    for key in sorted(frozenset().union(*known.values())):
        present = [key in known[release] for release in order]
        section = key.rpartition(".")[0]
        if all(present) or (section and present == [section in known[release] for release in order]):
            continue
        edges = [str(new) for (_, was), (new, now) in pairwise(zip(order, present, strict=True)) if was != now]
        bounds = [*([""] if present[0] else []), *edges, *([""] if present[-1] else [])]
        for since, until in zip(bounds[::2], bounds[1::2], strict=True):
            yield key, since, until


def main(arguments: list[str] | None = None) -> int:
    """Write the file into a directory, or tell whether it is up to date."""
    return write_or_check(NAME, text(), arguments)


if __name__ == "__main__":
    sys.exit(main())
