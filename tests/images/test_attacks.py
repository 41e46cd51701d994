"""Servers that are no honest registries: a repository's name may point anywhere, and a registry may be a thief."""

from __future__ import annotations

import json

import pytest

from llamastack_operator.images.append.base import lookup_base
from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.credentials import Credential
from llamastack_operator.images.registry.endpoints import Endpoints
from llamastack_operator.images.registry.explain import explained
from llamastack_operator.images.registry.reference import parse_reference
from llamastack_operator.images.registry.sources import BytesSource
from llamastack_operator.images.registry.transport import Transport
from llamastack_operator.images.registry.upload import put_blob
from tests.images.bed import QUICK, Registry, digest, put_image, put_manifest
from tests.images.bed import put_blob as put_raw
from tests.images.proxy import Fault, Proxy, between

SECRET = "metadata of the cloud: AKIA0123"  # noqa: S105
BUILDER = Credential("builder", "correct horse")


def looked_up(proxy: Proxy) -> BuildError:
    reference = parse_reference(f"{proxy.host}/latest/meta-data:1")
    with pytest.raises(BuildError) as caught:
        lookup_base(proxy.client("latest/meta-data", backoff=QUICK), reference, "linux/amd64")
    return caught.value


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 418, 500])
@pytest.mark.parametrize(
    "body",
    [SECRET.encode(), json.dumps({"errors": [{"code": SECRET, "message": SECRET}]}).encode()],
    ids=["text", "json"],
)
def test_nothing_that_an_internal_address_answers_is_repeated(registry: Registry, status: int, body: bytes) -> None:
    headers = {"WWW-Authenticate": f'Negotiate realm="{SECRET}"', "X-Secret": SECRET}
    with between(registry.host, Fault("GET", "/", times=100, status=status, headers=headers, body=body)) as proxy:
        error = looked_up(proxy)
    assert SECRET not in f"{error.message} {error.hint}"
    assert "AKIA" not in f"{error.message} {error.hint}"


def test_the_codes_of_the_specification_are_shown(registry: Registry) -> None:
    body = json.dumps({"errors": [{"code": "NAME_UNKNOWN"}, {"code": SECRET}]}).encode()
    with between(registry.host, Fault("GET", "/", status=404, body=body)) as proxy:
        error = looked_up(proxy)
    assert error.reason == "BaseNotFound"
    assert error.message.endswith("there is no such image; HTTP status 404 (NAME_UNKNOWN)")


def test_credentials_do_not_follow_a_redirect_to_another_host(registry: Registry) -> None:
    put_raw(registry, "library/base", b"content")
    blob = digest(b"content")
    with between(registry.host) as stranger:
        challenge = Fault("GET", "/blobs/", status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
        target = f"http://{stranger.host}/v2/library/base/blobs/{blob}"
        away = Fault("GET", "/blobs/", times=9, status=307, headers={"Location": target})
        with between(registry.host, challenge, away) as proxy:
            places = Endpoints(plain_http=[proxy.host, stranger.host])
            place = places.push(parse_reference(f"{proxy.host}/library/base"))
            client = Client(Transport(places), place, "pull", BUILDER, QUICK)
            assert client.small_blob(blob, 100) == b"content"
            assert "Authorization" in proxy.seen[-1].headers
        assert [request.headers.get("Authorization") for request in stranger.seen] == [None]


def test_a_host_that_was_redirected_to_gets_no_credentials_even_when_it_asks(registry: Registry) -> None:
    ask = Fault("GET", "/", times=9, status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    with between(registry.host, ask) as thief:
        away = Fault("GET", "/", times=9, status=302, headers={"Location": f"http://{thief.host}/v2/"})
        with between(registry.host, away) as proxy:
            places = Endpoints(plain_http=[proxy.host, thief.host])
            place = places.push(parse_reference(f"{proxy.host}/library/base"))
            client = Client(Transport(places), place, "pull", BUILDER, QUICK)
            with pytest.raises(BuildError), explained(client):
                client.manifest("1")
        assert all("Authorization" not in request.headers for request in [*thief.seen, *proxy.seen])


def test_an_upload_that_is_sent_elsewhere_carries_no_credentials(registry: Registry) -> None:
    with between(registry.host) as thief:
        away = Fault(
            "POST", "/blobs/", status=202, headers={"Location": f"http://{thief.host}/v2/team/x/blobs/uploads/1"}
        )
        ask = Fault("HEAD", "/blobs/", status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
        with between(registry.host, ask, away) as proxy:
            places = Endpoints(plain_http=[proxy.host, thief.host])
            place = places.push(parse_reference(f"{proxy.host}/team/stack"))
            client = Client(Transport(places), place, "push", BUILDER, QUICK)
            put_blob(client, BytesSource(digest(b"a"), b"a"))
        assert thief.seen
        assert all("Authorization" not in request.headers for request in thief.seen)


def test_plain_http_is_spoken_only_where_the_operator_says_so(registry: Registry) -> None:
    with between(registry.host) as proxy:
        place = Endpoints(plain_http=[proxy.host]).push(parse_reference(f"{proxy.host}/library/base"))
        client = Client(Transport(Endpoints()), place, "pull", BUILDER, QUICK)
        with pytest.raises(BuildError), explained(client):
            client.manifest("1")
        assert proxy.seen == []


def test_a_token_server_without_tls_gets_no_password(registry: Registry) -> None:
    with between(registry.host) as thief:
        header = f'Bearer realm="http://{thief.host}/token",service="s"'
        with between(registry.host, Fault("GET", "/", status=401, headers={"WWW-Authenticate": header})) as proxy:
            client = proxy.client("library/base", credential=BUILDER)
            with pytest.raises(BuildError), explained(client):
                client.manifest("1")
        assert thief.seen == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"layers": "none"}, "UnsupportedBase"),
        ({"layers": [{"digest": "sha256:../../etc", "size": 1, "mediaType": "x"}]}, "UnsupportedBase"),
        ({"layers": [{"digest": digest(b""), "size": -1, "mediaType": "x"}]}, "UnsupportedBase"),
        ({"layers": [{"digest": digest(b""), "size": 1, "mediaType": "x"}] * 200}, "UnsupportedBase"),
        ({"config": None}, "UnsupportedBase"),
        ({"mediaType": "application/vnd.docker.distribution.manifest.v1+json"}, "UnsupportedBase"),
        ({"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [1, {"platform": 3}]}, "BaseNotFound"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(registry: Registry, change: dict[str, object], reason: str) -> None:
    put_image(registry, "latest/meta-data")
    document = registry.client("latest/meta-data").manifest("1").document
    body = json.dumps({**document, **change}).encode()
    with between(registry.host, Fault("GET", "/manifests/", times=9, status=200, body=body)) as proxy:
        assert looked_up(proxy).reason == reason


def test_a_manifest_without_end_is_not_read_to_its_end(registry: Registry) -> None:
    body = b'{"mediaType": "' + b"x" * (5 << 20)
    with between(registry.host, Fault("GET", "/manifests/", status=200, body=body)) as proxy:
        assert looked_up(proxy).reason == "BuildFailed"


def test_a_manifest_nested_without_end_is_refused(registry: Registry) -> None:
    with between(registry.host, Fault("GET", "/manifests/", status=200, body=b"[" * 1_000_000)) as proxy:
        assert looked_up(proxy).reason == "BuildFailed"


def test_content_that_is_not_that_of_the_digest_is_refused(registry: Registry) -> None:
    wanted = put_image(registry, "latest/meta-data")
    with between(registry.host, Fault("GET", "/manifests/", status=200, body=b"{}")) as proxy:
        reference = parse_reference(f"{proxy.host}/latest/meta-data@{wanted}")
        with pytest.raises(BuildError) as caught:
            lookup_base(proxy.client("latest/meta-data"), reference, "linux/amd64")
    assert "not that of the digest" in caught.value.message


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"Env": "PATH=/bin"}},
        {"config": {"Env": [1]}},
        {"config": {"Labels": ["a"]}},
        {"config": [1]},
        {"rootfs": None},
        {"rootfs": {"diff_ids": ["sha256:x", "sha256:y"]}},
        {"rootfs": {"diff_ids": []}},
    ],
)
def test_a_config_that_makes_no_sense_is_refused(registry: Registry, change: dict[str, object]) -> None:
    put_image(registry, "latest/meta-data")
    client = registry.client("latest/meta-data")
    manifest = client.manifest("1").document
    config = json.loads(client.small_blob(manifest["config"]["digest"], 1 << 20))
    blob = put_raw(registry, "latest/meta-data", json.dumps({**config, **change}).encode())
    changed = {**manifest, "config": {**manifest["config"], **blob}}
    put_manifest(registry, "latest/meta-data", "2", changed)
    with pytest.raises(BuildError) as caught:
        lookup_base(client, parse_reference(f"{registry.host}/latest/meta-data:2"), "linux/amd64")
    assert caught.value.reason == "UnsupportedBase"
