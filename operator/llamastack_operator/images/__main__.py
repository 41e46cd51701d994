"""Runs one of the programs of a build's containers: `python3 -m llamastack_operator.images PROGRAM`."""

from __future__ import annotations

import sys
from importlib import import_module

from llamastack_contract.paths import FETCH, INDEX, PREPARE, PUSH

_PROGRAMS = {
    PREPARE: "llamastack_operator.images.append.prepare:main",
    INDEX: "llamastack_operator.images.index.proxy:main",
    PUSH: "llamastack_operator.images.append.push:main",
    FETCH: "llamastack_operator.images.index.fetch:main",
}


def main(arguments: list[str]) -> int:
    """Run the program that the first argument names; 2 where it names none."""
    if not arguments or arguments[0] not in _PROGRAMS:
        sys.stderr.write(f"usage: python3 -m llamastack_operator.images {'|'.join(_PROGRAMS)} ...\n")
        return 2
    module, _, function = _PROGRAMS[arguments[0]].partition(":")
    status: int = getattr(import_module(module), function)(arguments[1:])
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
