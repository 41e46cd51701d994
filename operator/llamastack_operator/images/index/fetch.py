"""The program `fetch`: the files of a lock into a folder, for pods that install at their start.

It runs in the operator's image with the credentials of the index, and runs nothing that it downloads. What it
leaves is exactly the lock: every file's digest is checked, in the cache too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from llamastack_contract.build_json import BuildJson
from llamastack_contract.lock import Locked
from llamastack_contract.names import canonical
from llamastack_contract.paths import FETCH, WHEELS
from llamastack_contract.reasons import FailureReason
from llamastack_installer.failure import FailureError
from llamastack_installer.inputs import read_build
from llamastack_installer.progress import progress
from llamastack_operator.images.index.client import IndexClient, IndexProblem
from llamastack_operator.images.index.options import add_options, client_of
from llamastack_operator.images.tools import copy_tools

_AT_ONCE = 4
_CHUNK = 2**18
_REASONS: dict[str, FailureReason] = {
    "unauthorized": "IndexUnauthorized",
    "certificate": "IndexCertificate",
    "unreachable": "IndexUnreachable",
    "absent": "LockLost",
}
_HINTS = {
    "unauthorized": "look at the user name and password in the Secret that spec.build.pip.secretRef names",
    "certificate": "name the authority of the index in spec.build.caBundleRef",
    "unreachable": "look at the address in spec.build.pip, and at network rules between the pod and the index",
    "absent": "ask for a fresh build, which locks what the index has now",
}


class Fetcher:
    """Gets the files of a lock.

    Args:
        client: talks to the indexes.
        target: folder for the files.
        cache: folder that outlives the pod, or None.
    """

    def __init__(self, client: IndexClient, target: Path, cache: Path | None = None) -> None:
        self._client = client
        self._target = target
        self._cache = cache
        self._done = 0

    async def all(self, lock: Sequence[Locked]) -> None:
        """Get all files, a few at a time.

        Raises:
            FailureError: one could not be got; the first that failed.
        """
        self._target.mkdir(parents=True, exist_ok=True)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(entry: Locked) -> None:
            async with gate:
                await self._one(entry)
                self._done += 1
                progress(f"fetching {self._done} of {len(lock)}")

        try:
            async with asyncio.TaskGroup() as group:
                for entry in lock:
                    group.create_task(one(entry))
        except* FailureError as failures:
            raise failures.exceptions[0] from None
        except* OSError as errors:
            raise errors.exceptions[0] from None

    async def _one(self, entry: Locked) -> None:
        final = self._target / entry.file
        if self._cached(entry, final):
            return
        part = self._target / f".{entry.sha256}.part"
        try:
            await self._download(entry, part)
            part.replace(final)
        except IndexProblem as problem:
            name = f"{entry.name} {entry.version}"
            message = f"{name}: {problem.message}"
            retry = problem.kind == "unreachable"
            raise FailureError(_REASONS[problem.kind], message, _HINTS[problem.kind], retry=retry) from problem
        finally:
            part.unlink(missing_ok=True)
        self._keep(entry, final)

    async def _download(self, entry: Locked, part: Path) -> None:
        url = entry.url or await self._find(entry)
        digest = hashlib.sha256()
        try:
            async with self._client.get(url, {"Accept-Encoding": "identity"}) as answer:
                with part.open("wb") as stream:
                    async for chunk in answer.content.iter_chunked(_CHUNK):
                        digest.update(chunk)
                        stream.write(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise IndexProblem("unreachable", f"downloading {entry.file} broke off") from error
        if digest.hexdigest() != entry.sha256:
            message = f"{entry.file} has the digest {digest.hexdigest()}, and the lock says {entry.sha256}"
            hint = "somebody replaced the file on the index; a fresh build locks what is there now"
            raise FailureError("HashMismatch", message, hint)

    async def _find(self, entry: Locked) -> str:
        key = f"named/{entry.index}" if isinstance(entry.index, str) else f"index/{entry.index or 0}"
        if key not in self._client.indexes:
            raise IndexProblem("absent", f"the lock's index {entry.index} is none of the build's")
        for file in await self._client.page(key, canonical(entry.name)):
            if file.filename == entry.file:
                return file.url
        raise IndexProblem("absent", f"the index has {entry.file} no more")

    def _cached(self, entry: Locked, final: Path) -> bool:
        if self._cache is None:
            return False
        source = self._cache / entry.sha256[:2] / entry.sha256
        try:
            shutil.copyfile(source, final, follow_symlinks=False)
            if not final.is_symlink() and _digest(final) == entry.sha256:
                return True
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
        final.unlink(missing_ok=True)
        return False

    def _keep(self, entry: Locked, final: Path) -> None:
        """Put a file into the cache; one that cannot be written to is only slower."""
        if self._cache is None:
            return
        kept = self._cache / entry.sha256[:2] / entry.sha256
        part = kept.with_name(f".{entry.sha256}.{os.getpid()}")
        with contextlib.suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(final, part)
            part.replace(kept)
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def lock_of(build: BuildJson) -> list[Locked]:
    """Return the files of all layers, each once.

    Raises:
        FailureError: a layer has no lock.
    """
    found: dict[str, Locked] = {}
    for layer in (*build.earlier, build.layer):
        if layer.lock is None:
            raise FailureError("LockLost", f"the {layer.kind} layer has no lock", "ask for a fresh build")
        found |= {entry.sha256: entry for entry in layer.lock}
    return list(found.values())


async def _fetch(client: IndexClient, lock: Sequence[Locked], target: Path, cache: Path | None) -> None:
    async with client:
        await Fetcher(client, target, cache).all(lock)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 0 when every file is there, 1 when not, with the reason in the termination log."""
    parser = argparse.ArgumentParser(prog=FETCH, description="Download the files of a lock.")
    parser.add_argument("--target", type=Path, default=Path(WHEELS), metavar="DIR", help="where to")
    parser.add_argument("--tools", type=Path, metavar="DIR", help="put the installer and pip there too")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder with files of earlier starts")
    add_options(parser)
    options = parser.parse_args(arguments)
    try:
        if options.tools is not None:
            copy_tools(options.tools)
        build = read_build(options.build, options.inputs_digest)
        asyncio.run(_fetch(client_of(build, options), lock_of(build), options.target, options.cache))
    except FailureError as error:
        return _fail(error, options.termination_log)
    except RuntimeError as error:
        return _fail(FailureError("BuildFailed", str(error)), options.termination_log)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        text = f"{error.strerror or error}: {error.filename or options.target}"
        hint = "raise spec.build.workspace.sizeLimit, or the node's storage" if full else ""
        return _fail(FailureError("DiskFull" if full else "BuildFailed", text, hint), options.termination_log)
    return 0


def _fail(error: FailureError, termination_log: Path) -> int:
    sys.stderr.write(f"{error.reason}: {error.message}\n")
    error.last_words(FETCH).leave(termination_log)
    return 1


if __name__ == "__main__":
    sys.exit(main())
