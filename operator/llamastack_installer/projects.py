"""Asks the index beside this container about a project, and about what went wrong with it.

pip skips an index that does not answer and files that do not fit without a word, and then says that nothing
matches. The reason is what a user needs.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

from llamastack_contract.message import one_line
from llamastack_contract.names import canonical
from llamastack_contract.reasons import FailureReason
from llamastack_installer.failure import FailureError
from llamastack_installer.pip import Sources

_TIMEOUT = 120
# The proxy starts beside this container, and is there within a second.
_PATIENCE, _PAUSE = 30, 0.05
_PAGE_LIMIT = 100 * 2**20
_REASONS: dict[str, FailureReason] = {
    "unauthorized": "IndexUnauthorized",
    "certificate": "IndexCertificate",
    "unreachable": "IndexUnreachable",
}
_HINTS = {
    "unauthorized": "look at the user name and password in the Secret that spec.build.pip.secretRef names",
    "certificate": "name the authority of the index in spec.build.caBundleRef",
    "unreachable": "look at the address in spec.build.pip, and at network rules between the build and the index",
}
# A refusal of one project is common on indexes with rules; of the whole index it is not.
_FATAL = ("certificate", "unreachable")


@dataclass(frozen=True)
class Project:
    """What the indexes have of one project.

    Attributes:
        name: its name.
        known: whether any index knows it.
        files: names of its files on all indexes.
    """

    name: str
    known: bool
    files: tuple[str, ...] = ()

    def wheels(self, version: str | None = None) -> list[str]:
        """Return the names of its wheels, of one version or of all."""
        return [file for file in self._of(version) if file.endswith(".whl")]

    def sources(self, version: str | None = None) -> list[str]:
        """Return the names of its source distributions, of one version or of all."""
        return [file for file in self._of(version) if file.endswith((".tar.gz", ".zip", ".tar.bz2"))]

    def _of(self, version: str | None) -> list[str]:
        if version is None:
            return list(self.files)
        return [file for file in self.files if _version_of(file, self.name) == version]


def look_up(name: str, sources: Sources) -> Project:
    """Return what the indexes, or the folder of wheels, have of a project."""
    if sources.wheels is not None:
        files = tuple(sorted(path.name for path in sources.wheels.iterdir()))
        own = tuple(file for file in files if canonical(file.split("-")[0]) == canonical(name))
        return Project(name, bool(own), own)
    files = ()
    known = False
    for number in range(sources.build.pip.count):
        page = _get(f"{sources.index}/index/{number}/simple/{canonical(name)}/")
        if isinstance(page, dict):
            known = True
            files += tuple(str(file.get("filename")) for file in page.get("files") or ())
    return Project(name, known, files)


def index_failure(sources: Sources, *, succeeded: bool = False) -> FailureError | None:
    """Return what the proxy says is wrong with an index.

    Args:
        sources: names the proxy.
        succeeded: whether pip found all it wanted; an index that refused or did not answer may still have been
            the one to ask.
    """
    if sources.wheels is not None:
        return None
    errors = _get(f"{sources.index}/status")
    for kind in ("certificate", "unauthorized", "unreachable"):
        for error in (errors or {}).get("errors") or ():
            if error.get("kind") == kind and (not succeeded or kind in _FATAL or error.get("status") == 401):
                message = one_line(str(error.get("message")), 500)
                return FailureError(_REASONS[kind], message, _HINTS[kind], retry=kind == "unreachable")
    return None


def wait_for_index(sources: Sources) -> None:
    """See that the proxy answers.

    Raises:
        FailureError: it does not.
    """
    if sources.wheels is None and _get(f"{sources.index}/status", attempts=round(_PATIENCE / _PAUSE)) is None:
        raise FailureError("IndexUnreachable", f"the index proxy at {sources.index} does not answer", retry=True)


def _version_of(file: str, name: str) -> str | None:
    """Return the version in a file's name; a source distribution's own name may hold dashes."""
    if file.endswith(".whl"):
        return file.split("-")[1] if file.count("-") >= 4 else None
    stem = re.sub(r"\.(tar\.gz|tar\.bz2|zip)$", "", file)
    left, _, version = stem.rpartition("-")
    return version if canonical(left) == canonical(name) else None


def _get(url: str, attempts: int = 1) -> dict[str, Any] | None:
    accept = {"Accept": "application/vnd.pypi.simple.v1+json, application/json"}
    request = urllib.request.Request(url, headers=accept)  # noqa: S310 (the address of our own proxy)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for attempt in range(attempts):
        if attempt:
            time.sleep(_PAUSE)
        try:
            with opener.open(request, timeout=_TIMEOUT) as answer:
                data = json.loads(answer.read(_PAGE_LIMIT))
        except (OSError, ValueError):
            continue
        return data if isinstance(data, dict) else None
    return None
