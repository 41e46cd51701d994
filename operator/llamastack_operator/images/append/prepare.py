"""The program `prepare`: the first container of a build's pod.

It alone (with `push`) holds the credentials for pulling. It looks the base up, so that a build knows the exact image
that it starts from, and puts the installer where the base's own interpreter can run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llamastack_contract.paths import BASE_FILE, PREPARE, TOOLS
from llamastack_operator.images.append.base import lookup_base, write_base
from llamastack_operator.images.append.inputs import read_inputs
from llamastack_operator.images.append.program import Access, parser, progress, run
from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.tools import copy_tools


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    options = parser(PREPARE, "Look up the base image and copy the installer.")
    options.add_argument("--tools", type=Path, default=Path(TOOLS), help="(default: %(default)s)")
    given = options.parse_args(arguments)

    def work() -> str:
        progress("preparing")
        try:
            copy_tools(given.tools)
        except RuntimeError as error:  # the operator's image is broken
            raise BuildError("BuildFailed", str(error)) from error
        look_up(given.inputs, given.facts, given.credentials, given.ca, given.inputs_digest)
        return ""

    return run(PREPARE, given.termination_log, work)


def look_up(inputs_file: Path, facts: Path, credentials: Path, ca_bundle: Path, digest: str | None = None) -> None:
    """Write `base.json`.

    Args:
        inputs_file: `build.json`.
        facts: folder to write to.
        credentials: folder with the Secret for pulling in `pull/`.
        ca_bundle: CA bundle of the registry, if it exists.
        digest: of `build.json`; None where the program was told of none.

    Raises:
        BuildError: there is no such base, or it cannot be had.
    """
    inputs = read_inputs(inputs_file, digest)
    reference = inputs.base_reference
    client = Access(inputs, credentials, ca_bundle).pull(reference)
    write_base(lookup_base(client, reference, inputs.wanted_platform), facts / BASE_FILE)
