"""`python -m llamastack_resolver.introspection OUT`: writes what the installed release ships, for the
catalog."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

from llamastack_resolver.introspection import (
    describe_distributions,
    describe_release,
    describe_schemas,
    find_layout,
)

_OWN = frozenset({"pip", "setuptools", "wheel", "uv"})


def main(out: Path) -> None:
    """Write all parts of the installed release as one JSON file.

    Raises:
        IntrospectionError: something of the release could not be described.
    """
    layout = find_layout()
    core = describe_release(layout)
    parts = {
        "core": core,
        "schemas": describe_schemas(layout, core),
        "distributions": describe_distributions(layout),
        "constraints": _constraints(),
    }
    text = json.dumps(parts, sort_keys=True)
    out.write_text(text.replace(str(Path.home()), "~"), "utf-8")


def _constraints() -> str:
    """Return the installed set, with which the release was just imported: it is known to work."""
    pairs = {
        (distribution.metadata["Name"].lower().replace("_", "-"), distribution.version)
        for distribution in importlib.metadata.distributions()
    }
    return "".join(f"{name}=={version}\n" for name, version in sorted(pairs) if name not in _OWN)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
