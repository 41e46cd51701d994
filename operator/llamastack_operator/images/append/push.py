"""The program `push`: the last container of a build's pod, and the only one that may write to a registry.

It runs no code of the installation; it packs the files, appends them to the base as layers, and pushes. With
`--no-push` (strategy Start) it only hands on the record.
"""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from llamastack_contract.message import PushedLayer, PushMessage
from llamastack_contract.paths import BASE_FILE, PUSH, packages_of
from llamastack_contract.printed import digest_of, lines_of
from llamastack_contract.record import Record
from llamastack_operator.images.append.assemble import KEY_ANNOTATION, Image, assemble
from llamastack_operator.images.append.base import Base, read_base
from llamastack_operator.images.append.inputs import PushInputs, read_inputs
from llamastack_operator.images.append.known_layers import stored_layers
from llamastack_operator.images.append.program import Access, parser, progress, run, say
from llamastack_operator.images.append.record import read_record
from llamastack_operator.images.append.sbom import sbom
from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.layer.pack import PackedLayer, pack
from llamastack_operator.images.layer.split import dependency_files
from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.errors import BrokenAnswerError, StatusError
from llamastack_operator.images.registry.explain import explained
from llamastack_operator.images.registry.media import CYCLONEDX, OCI_MANIFEST
from llamastack_operator.images.registry.reference import parse_reference
from llamastack_operator.images.registry.referrers import attach
from llamastack_operator.images.registry.sources import BytesSource, FileSource, RemoteSource, Source
from llamastack_operator.images.registry.upload import put_blob

_SIDE_BY_SIDE = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    options = parser(PUSH, "Pack what was installed, append it to the base image, and push.")
    options.add_argument("--tree", type=Path, help="the installed files (default: the layer's root in build.json)")
    options.add_argument("--no-push", action="store_true", help="only print the record")
    given = options.parse_args(arguments)

    def work() -> str:
        inputs = read_inputs(given.inputs, given.inputs_digest)
        base = read_base(given.facts / BASE_FILE)
        tree = given.tree or Path(inputs.layer.root)
        record = _checked_record(tree, inputs)
        content = record.content()
        done = PushMessage(base.digest, _platform(base), digest_of(content))
        if not given.no_push:
            access = Access(inputs, given.credentials, given.ca)
            with tempfile.TemporaryDirectory(prefix="layer-") as folder:
                done = build_and_push(done, inputs, base, record, tree, access, Path(folder))
        for line in lines_of(content):
            say(line)
        return done.to_text()

    return run(PUSH, given.termination_log, work)


def build_and_push(
    done: PushMessage, inputs: PushInputs, base: Base, record: Record, tree: Path, access: Access, folder: Path
) -> PushMessage:
    """Pack, append and push, and return the termination message.

    Args:
        done: what there is to say without an image.
        inputs: of the build.
        base: what it started from.
        record: what the installer wrote.
        tree: the installed files.
        access: clients of the registries.
        folder: for the packed layers.

    Raises:
        BuildError: with the reason.
    """
    target = access.push(inputs.target)
    progress("packing")
    modules = [module.distribution for module in record.modules]
    beneath = dependency_files(tree, record.python, modules) if modules else frozenset()
    stored = stored_layers(inputs, target) if beneath else None
    layers = pack(tree, inputs.layer.root, folder, beneath, stored)
    image = assemble(base, layers, inputs, record.python)
    pushed = _push_blobs(base, layers, image, target, access)
    digest = image.descriptor["digest"]
    with explained(target):
        target.put_manifest(inputs.key, OCI_MANIFEST, image.manifest)
        # Whatever answers 200 to a PUT need not be a registry: an image is pushed when it can be read back.
        target.manifest(digest)
    _attach_sbom(sbom(record, base, inputs.target.at(digest)), image, inputs, target)
    return replace(
        done,
        digest=digest,
        image=f"{target.repository}@{digest}",
        layers=tuple(PushedLayer(layer.digest, layer.size) for layer in layers),
        pushed=pushed,
        total=image.size,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    source: Source
    origin: Client | None = None


def _push_blobs(base: Base, layers: Sequence[PackedLayer], image: Image, target: Client, access: Access) -> int:
    """Bring all blobs to the target, the layers first since the push of one fails for want of rights."""
    origin = access.pull(parse_reference(base.reference))
    jobs = [_Job(FileSource(one.digest, one.size, one.path)) for one in layers if one.path is not None]
    jobs.append(_Job(BytesSource(image.config_descriptor["digest"], image.config)))
    known = {blob["digest"]: blob["size"] for blob in base.layers}
    jobs += [_Job(RemoteSource(digest, size, origin), origin) for digest, size in known.items()]
    count = _Counter(len(jobs))

    def bring(job: _Job) -> None:
        with explained(target, source=job.origin):
            put_blob(target, job.source, job.origin.repository if job.origin else None, sent=count.sent)
        count.finished()

    count.show()
    bring(jobs[0])
    with ThreadPoolExecutor(_SIDE_BY_SIDE, "push") as pool:
        futures = [pool.submit(bring, job) for job in jobs[1:]]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return count.bytes


class _Counter:
    """Counts what threads have done, and says so."""

    def __init__(self, total: int) -> None:
        self.bytes = 0
        self._done = 0
        self._total = total
        self._lock = Lock()

    def sent(self, count: int) -> None:
        with self._lock:
            self.bytes += count

    def finished(self) -> None:
        with self._lock:
            self._done += 1
        if self._done < self._total:
            self.show()

    def show(self) -> None:
        progress(f"pushing {min(self._done + 1, self._total)} of {self._total}")


def _attach_sbom(content: bytes, image: Image, inputs: PushInputs, target: Client) -> None:
    """Attach the bill of materials; a registry that takes only images does not fail the build."""
    try:
        with explained(target):
            try:
                attach(target, image.descriptor, CYCLONEDX, content, {KEY_ANNOTATION: inputs.written_key})
            except (StatusError, BrokenAnswerError) as error:
                if isinstance(error, StatusError) and error.status not in (400, 404, 405, 415, 422):
                    raise
                say(f"note: the registry does not take the bill of materials; {error}")
    except BuildError as error:
        if not error.retry:
            raise
        say(f"note: the bill of materials was not attached; {error}")


def _checked_record(tree: Path, inputs: PushInputs) -> Record:
    """Read the record and see that it fits the build."""
    if not _is_folder(tree):
        raise BuildError("Tampered", f"{inputs.layer.root} is not a folder: the installation left nothing to pack")
    record = read_record(tree)
    if record.kind != inputs.layer.kind:
        raise BuildError("Tampered", f"the record is about {record.kind}, the build about {inputs.layer.kind}")
    packages = packages_of(record.python)
    parts = [tree.joinpath(*packages.split("/")[: count + 1]) for count in range(3)]
    if not all(map(_is_folder, parts)):
        raise BuildError("Tampered", f"the record says Python {record.python}, but there is no {packages}")
    return record


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _platform(base: Base) -> str:
    return f"{base.config['os']}/{base.config['architecture']}"
