"""`--stack-version`: the release that a user names on the command line."""

from __future__ import annotations

from llamastack_operator import catalog
from llamastack_operator.cli.parser import CliError
from llamastack_resolver.documents.detect import parse_release
from llamastack_resolver.releases import Release, UnknownReleaseError


def named_release(text: str | None) -> Release | None:
    """Read `--stack-version`.

    Raises:
        CliError: the catalog has no such release; the message names the nearest.
    """
    if text is None:
        return None
    try:
        return parse_release(text, catalog.releases())
    except UnknownReleaseError as error:
        raise CliError(f"--stack-version: {error}") from error
