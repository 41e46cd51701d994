"""What becomes of a push or a pull when a registry dies, is overloaded, loses answers, or takes no chunks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from llamastack_operator.images.append.prepare import look_up
from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.explain import explained
from llamastack_operator.images.registry.sources import BytesSource, RemoteSource
from llamastack_operator.images.registry.upload import put_blob
from tests.images.bed import QUICK, Registry, call, digest, get, put_image
from tests.images.bed import put_blob as put_raw
from tests.images.build import KEY, Build
from tests.images.proxy import Fault, between

MEBIBYTE = 1 << 20
CONTENT = os.urandom(6 * MEBIBYTE)


@dataclass
class Watched:
    """A source that remembers from where it was read, and can call something on the way."""

    content: bytes
    opened: list[int] = field(default_factory=list)
    at: int = -1
    then: object = None

    @property
    def digest(self) -> str:
        return digest(self.content)

    @property
    def size(self) -> int:
        return len(self.content)

    def open(self, offset: int) -> Iterator[bytes]:
        self.opened.append(offset)
        for start in range(offset, len(self.content), 64 << 10):
            if 0 <= self.at <= start:
                self.at = -1
                self.then()  # type: ignore[operator]
            yield self.content[start : start + (64 << 10)]


def client_that_restarts(registry: Registry) -> object:
    """A client that starts the registry again while it waits for the next try."""
    client = registry.client("team/stack", "push")
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            registry.start()
        time.sleep(seconds)

    client.backoff = replace(QUICK, sleep=sleep)
    return client


def test_an_upload_goes_on_where_it_was_when_the_registry_dies_between_two_chunks(registry: Registry) -> None:
    client = client_that_restarts(registry)
    source = Watched(CONTENT)
    done: list[int] = []

    def sent(count: int) -> None:
        done.append(count)
        if sum(done) == 2 * MEBIBYTE:
            registry.stop()

    put_blob(client, source, chunk=MEBIBYTE, sent=sent)  # type: ignore[arg-type]
    assert registry.holds("team/stack", source.digest)
    # Opened again at the third chunk for each try, and never from the start.
    assert source.opened[0] == 0
    assert set(source.opened[1:]) == {2 * MEBIBYTE}
    assert sum(done) == len(CONTENT)


def test_an_upload_is_complete_when_the_registry_dies_in_the_middle_of_a_chunk(registry: Registry) -> None:
    client = client_that_restarts(registry)
    source = Watched(CONTENT, at=3 * MEBIBYTE + MEBIBYTE // 2, then=registry.stop)
    done: list[int] = []
    put_blob(client, source, chunk=MEBIBYTE, sent=done.append)  # type: ignore[arg-type]
    assert registry.holds("team/stack", source.digest)
    assert sum(done) == len(CONTENT)


def test_a_push_is_complete_when_the_registry_is_killed_and_started_again(registry: Registry, tmp_path: Path) -> None:
    put_image(registry, "library/base")
    build = Build(tmp_path / "build", f"{registry.host}/library/base:1", f"{registry.host}/team/stack", [registry.host])
    build.install()
    (build.tree / "lib/python3.13/site-packages/large.bin").write_bytes(os.urandom(80 * MEBIBYTE))
    look_up(build.folder / "build.json", build.folder / "facts", build.folder / "credentials", build.folder / "none")
    words = [sys.executable, "-m", "llamastack_operator.images", "push", "--tree", str(build.tree)]
    uploads = registry.storage / "docker/registry/v2/repositories/team/stack/_uploads"
    with subprocess.Popen([*words, *build.arguments()], stdout=subprocess.PIPE, text=True) as process:
        while not any(path.stat().st_size > MEBIBYTE for path in uploads.glob("*/data")):
            assert process.poll() is None
            time.sleep(0.005)
        registry.stop()
        assert process.poll() is None
        registry.start()
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    manifest = get(registry, f"team/stack/manifests/{KEY}")
    assert all(registry.holds("team/stack", layer["digest"]) for layer in manifest["layers"])


def test_a_registry_that_stays_away_is_unreachable_and_worth_another_build(registry: Registry) -> None:
    registry.stop()
    client = registry.client("team/stack", "push")
    with pytest.raises(BuildError) as caught, explained(client):
        put_blob(client, BytesSource(digest(b"a"), b"a"))
    assert (caught.value.reason, caught.value.retry) == ("RegistryUnreachable", True)
    assert caught.value.message == f"{registry.host}/team/stack: no connection can be made"


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT"])
@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 500}, {"status": 429}, {"cut": 0}], ids=["503", "500", "429", "lost answer"]
)
def test_an_upload_survives_any_request_that_fails_twice(
    registry: Registry, method: str, fault: dict[str, int]
) -> None:
    with between(registry.host, Fault(method, "/blobs/", times=2, **fault)) as proxy:  # type: ignore[arg-type]
        put_blob(proxy.client("team/stack", "push"), BytesSource(digest(CONTENT), CONTENT), chunk=2 * MEBIBYTE)
    assert registry.holds("team/stack", digest(CONTENT))


def test_a_registry_says_how_long_to_wait(registry: Registry) -> None:
    waits: list[float] = []
    backoff = replace(QUICK, sleep=waits.append)
    with between(registry.host, Fault("HEAD", "/blobs/", status=429, headers={"Retry-After": "7"})) as proxy:
        put_blob(proxy.client("team/stack", "push", backoff=backoff), BytesSource(digest(b"a"), b"a"))
    assert waits == [7]


def test_a_registry_that_is_overloaded_for_long_is_unreachable(registry: Registry) -> None:
    with between(registry.host, Fault("HEAD", "/blobs/", times=100, status=503)) as proxy:
        client = proxy.client("team/stack", "push")
        with pytest.raises(BuildError) as caught, explained(client):
            put_blob(client, BytesSource(digest(b"a"), b"a"))
        assert (caught.value.reason, caught.value.retry) == ("RegistryUnreachable", True)
        assert proxy.count("HEAD") == QUICK.attempts


def test_a_registry_that_takes_no_chunks_gets_the_blob_as_one_stream(registry: Registry) -> None:
    """As Google's Artifact Registry, which refuses a second PATCH."""
    with between(registry.host) as proxy:
        client = proxy.client("team/stack", "push")

        def refuse_second(count: int) -> None:
            if count == MEBIBYTE:
                proxy.faults.append(Fault("PATCH", "/blobs/", status=405))

        put_blob(client, BytesSource(digest(CONTENT), CONTENT), chunk=MEBIBYTE, sent=refuse_second)
        sizes = [int(request.headers["Content-Length"]) for request in proxy.seen if request.method == "PATCH"]
    assert registry.holds("team/stack", digest(CONTENT))
    assert sizes == [MEBIBYTE, MEBIBYTE, len(CONTENT)]


def test_a_registry_can_ask_for_larger_chunks(registry: Registry) -> None:
    headers = {"OCI-Chunk-Min-Length": str(4 * MEBIBYTE)}
    with between(registry.host) as proxy:
        started = put_location(proxy.host)
        proxy.faults.append(Fault("POST", "/blobs/", status=202, headers={**headers, "Location": started}))
        put_blob(proxy.client("team/stack", "push"), BytesSource(digest(CONTENT), CONTENT), chunk=MEBIBYTE)
        sizes = [int(request.headers["Content-Length"]) for request in proxy.seen if request.method == "PATCH"]
    assert sizes == [4 * MEBIBYTE, 2 * MEBIBYTE]


def put_location(host: str) -> str:
    return str(call("POST", f"http://{host}/v2/team/stack/blobs/uploads/", b"").headers["Location"])


def test_a_base_that_breaks_in_the_middle_is_read_on_from_there(registry: Registry, tmp_path: Path) -> None:
    put_raw(registry, "library/base", CONTENT)
    other = Registry(tmp_path / "other")
    try:
        with between(registry.host, Fault("GET", "/blobs/sha256", cut=3 * MEBIBYTE)) as proxy:
            source = RemoteSource(digest(CONTENT), len(CONTENT), proxy.client("library/base"))
            put_blob(other.client("team/stack", "push"), source, chunk=MEBIBYTE)
            ranges = [request.headers.get("Range") for request in proxy.seen]
        assert other.holds("team/stack", digest(CONTENT))
        assert ranges[0] is None
        assert ranges[-1] == f"bytes={3 * MEBIBYTE}-"
    finally:
        other.stop()


def test_a_blob_that_is_shorter_than_its_manifest_says_fails_the_build(registry: Registry) -> None:
    put_raw(registry, "library/base", CONTENT)
    with between(registry.host) as proxy:
        origin = proxy.client("library/base")
        target = registry.client("team/stack", "push")
        with pytest.raises(BuildError) as caught, explained(target, source=origin):
            put_blob(target, RemoteSource(digest(CONTENT), len(CONTENT) + 1, origin))
    assert (caught.value.reason, caught.value.retry) == ("BuildFailed", False)
    assert str(origin.repository) in caught.value.message


def test_a_manifest_is_read_through_an_overloaded_registry(registry: Registry) -> None:
    wanted = put_image(registry, "library/base")
    with between(registry.host, Fault("GET", "/manifests/", times=3, status=502)) as proxy:
        assert proxy.client("library/base").manifest("1").digest == wanted


def test_an_upload_that_is_too_large_is_not_tried_again(registry: Registry) -> None:
    with between(registry.host, Fault("PATCH", "/blobs/", status=413)) as proxy:
        client = proxy.client("team/stack", "push")
        with pytest.raises(BuildError) as caught, explained(client):
            put_blob(client, BytesSource(digest(CONTENT), CONTENT))
    assert (caught.value.reason, caught.value.retry) == ("BuildFailed", False)
