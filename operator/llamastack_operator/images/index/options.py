"""What the programs that talk to package indexes have in common: their options and their client."""

from __future__ import annotations

import argparse
from pathlib import Path

from llamastack_contract.build_json import DIGEST_OPTION, BuildJson, PipSettings
from llamastack_contract.paths import (
    AUTHORITIES,
    AUTHORITIES_FILE,
    BUILD_FILE,
    CREDENTIALS,
    INDEX_LOGIN,
    INPUTS,
    TERMINATION_LOG,
)
from llamastack_installer.failure import FailureError
from llamastack_operator.images.index.client import IndexClient
from llamastack_operator.images.index.credentials import CredentialsError, read_credentials


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options with the paths of a build's pod."""
    options = (
        ("--build", f"{INPUTS}/{BUILD_FILE}", "the build's inputs"),
        ("--credentials", f"{CREDENTIALS}/{INDEX_LOGIN}", "folder with username and password, or netrc"),
        ("--certificate", f"{AUTHORITIES}/{AUTHORITIES_FILE}", "authorities to trust too"),
        ("--termination-log", TERMINATION_LOG, "where a failure goes"),
    )
    for name, default, text in options:
        parser.add_argument(name, type=Path, default=Path(default), metavar="PATH", help=text)
    parser.add_argument(DIGEST_OPTION, metavar="DIGEST", help="what the inputs must be, as sha256:...")
    parser.add_argument("--attempts", type=int, default=4, metavar="N", help="how often to try what may pass")
    parser.add_argument("--pause", type=float, default=0.5, metavar="S", help="seconds before the second try")


def client_of(build: BuildJson, options: argparse.Namespace) -> IndexClient:
    """Return the client for a build's indexes.

    Raises:
        FailureError: the Secret of the index cannot be used.
    """
    indexes = addresses(build.pip)
    first = next((url for url in build.pip.indexes if url), None)
    try:
        credentials = read_credentials(options.credentials, first, indexes.values())
    except (CredentialsError, OSError, UnicodeDecodeError) as error:
        message = str(error) if isinstance(error, CredentialsError) else "the Secret of the index cannot be read"
        raise FailureError("IndexUnauthorized", message, "look at spec.build.pip.secretRef") from error
    return IndexClient(indexes, credentials, options.certificate, options.attempts, options.pause)


def addresses(pip: PipSettings) -> dict[str, str]:
    """Return the address of each index by its key; an empty one stands for pip's own default.

    Raises:
        FailureError: an address is none.
    """
    found = {f"index/{number}": url or default_index() for number, url in enumerate(pip.indexes or ("",))}
    found |= {f"named/{name}": url for name, url in pip.named.items()}
    for key, url in found.items():
        if not url.startswith(("https://", "http://")):
            raise FailureError("IndexUnreachable", f"{key}: {url!r} is no http or https address")
    return found


def default_index() -> str:
    """Return the index that pip uses when it is told nothing: pip's own constant, for it is pip's to change."""
    from pip._internal.models.index import PyPI

    return str(PyPI.simple_url)
