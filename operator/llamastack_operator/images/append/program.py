"""What the programs of a build's pod have in common: their paths, their progress lines, and how they end."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from llamastack_contract.build_json import DIGEST_OPTION
from llamastack_contract.paths import (
    AUTHORITIES,
    AUTHORITIES_FILE,
    BUILD_FILE,
    CREDENTIALS,
    FACTS,
    INPUTS,
    PULL,
    PUSH_LOGIN,
    TERMINATION_LOG,
)
from llamastack_contract.progress import progress_line
from llamastack_operator.images.append.inputs import PushInputs
from llamastack_operator.images.failure import BuildError, Step, from_os_error
from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.credentials import Keyring, read_keyring
from llamastack_operator.images.registry.reference import ImageReference
from llamastack_operator.images.registry.transport import Transport

_lock = threading.Lock()


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every program has; the defaults are the paths of a build's pod."""
    result = argparse.ArgumentParser(f"python3 -m llamastack_operator.images {name}", description=description)
    add = result.add_argument
    add("--inputs", type=Path, default=Path(INPUTS, BUILD_FILE), help="the build (default: %(default)s)")
    add(DIGEST_OPTION, metavar="DIGEST", help="what the build must be, as sha256:... (default: whatever it is)")
    add("--facts", type=Path, default=Path(FACTS), help="folder of base.json (default: %(default)s)")
    add(
        "--credentials",
        type=Path,
        default=Path(CREDENTIALS),
        help="folder of pull/ and push/ (default: %(default)s)",
    )
    add(
        "--ca",
        type=Path,
        default=Path(AUTHORITIES, AUTHORITIES_FILE),
        help="CA bundle, if it exists (default: %(default)s)",
    )
    add("--termination-log", type=Path, default=Path(TERMINATION_LOG), help="(default: %(default)s)")
    return result


def say(line: str) -> None:
    """Print one line at once; several threads may."""
    with _lock:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def progress(what: str) -> None:
    """Print how far the build is."""
    say(progress_line(what))


def run(step: Step, log: Path, work: Callable[[], str]) -> int:
    """Do the work and leave the termination message, that of a failure included.

    Args:
        step: what a failure is called after.
        log: the termination log.
        work: returns the termination message of a success.

    Returns:
        The exit status.
    """
    try:
        words, status = work(), 0
    except BuildError as error:
        words, status = _failed(error, step), 1
    except OSError as error:
        words, status = _failed(from_os_error(error, step), step), 1
    except Exception as error:  # a mistake of ours must still end in a reason that the operator can show
        traceback.print_exc()
        unforeseen = BuildError(
            "BuildFailed", f"{step}: unforeseen {type(error).__name__}", "report it with the pod's log"
        )
        words, status = _failed(unforeseen, step), 1
    if words:
        _leave(words, log)
    return status


def _failed(error: BuildError, step: Step) -> str:
    say(f"{error.reason}: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")
    return error.last_words(step).to_text()


def _leave(words: str, log: Path) -> None:
    """Write the termination message; outside a pod, where there is no such file to write to, it is left out."""
    if log.exists() or os.access(log.parent, os.W_OK):
        log.write_text(words, "utf-8")


class Access:
    """The registry clients of one step: the operator's settings, the CA bundle, and the Secrets that it holds."""

    def __init__(self, inputs: PushInputs, credentials: Path, ca_bundle: Path) -> None:
        """Read CA bundle and Secrets.

        Raises:
            BuildError: one of them cannot be used.
        """
        self._endpoints = inputs.endpoints
        try:
            self._transport = Transport(self._endpoints, ca_bundle if ca_bundle.is_file() else None)
        except ValueError as error:
            raise BuildError("RegistryCertificate", str(error), "check spec.build.caBundleRef") from None
        self._pull = _keyring(credentials / PULL, "spec.build.pullSecretRef")
        self._push = _keyring(credentials / PUSH_LOGIN, "spec.build.pushSecretRef")

    def pull(self, reference: ImageReference) -> Client:
        """Return a client that reads; where nothing is set for pulling, it uses what is set for pushing."""
        names = (reference.host, reference.repository)
        credential = self._pull.find(*names) or self._push.find(*names)
        return Client(self._transport, self._endpoints.pull(reference), "pull", credential)

    def push(self, reference: ImageReference) -> Client:
        """Return a client that writes."""
        credential = self._push.find(reference.host, reference.repository)
        return Client(self._transport, self._endpoints.push(reference), "push", credential)


def _keyring(folder: Path, field: str) -> Keyring:
    try:
        return read_keyring(folder)
    except ValueError as error:
        hint = f"{field} must name a Secret of type kubernetes.io/dockerconfigjson"
        raise BuildError("RegistryUnauthorized", f"{field}: {error}", hint) from None
