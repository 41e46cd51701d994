"""Registries with certificates of an own authority, and proxies from the environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llamastack_operator.images.append.prepare import look_up
from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.client import Client
from llamastack_operator.images.registry.endpoints import Endpoints
from llamastack_operator.images.registry.explain import explained
from llamastack_operator.images.registry.reference import parse_reference
from llamastack_operator.images.registry.sources import BytesSource
from llamastack_operator.images.registry.transport import Transport
from llamastack_operator.images.registry.upload import put_blob
from tests.cluster.certificates import Authority
from tests.images.bed import QUICK, Registry, digest, put_image
from tests.images.build import Build
from tests.images.proxy import between


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def secure(tmp_path: Path, authority: Authority, registries: None) -> Iterator[Registry]:
    """A registry with TLS whose certificate is for the address it listens on."""
    issued = authority.issue("registry", names=["127.0.0.1"])
    tls = {"certificate": str(issued.crt), "key": str(issued.key)}
    folder = tmp_path / "registry"
    filling = Registry(folder)
    put_image(filling, "library/base")
    filling.stop()
    running = Registry(folder, http={"tls": tls})
    yield running
    running.stop()


def build_of(host: str, folder: Path, ca: Path) -> Build:
    build = Build(folder / "build", f"{host}/library/base:1", f"{host}/team/stack", [], ca=ca)
    build.install()
    return build


def failed(host: str, ca: Path, folder: Path) -> BuildError:
    build = build_of(host, folder, ca)
    with pytest.raises(BuildError) as caught:
        look_up(build.folder / "build.json", build.folder / "facts", build.folder / "credentials", ca)
    return caught.value


def test_a_registry_with_a_certificate_of_the_bundle_is_trusted(
    secure: Registry, authority: Authority, tmp_path: Path
) -> None:
    ca = authority.certificate.crt
    build = build_of(secure.host, tmp_path, ca)
    look_up(build.folder / "build.json", build.folder / "facts", build.folder / "credentials", ca)
    result = build.push()
    assert result.returncode == 0, result.stdout
    assert all(secure.holds("team/stack", layer["digest"]) for layer in build.message["layers"])


def test_an_unknown_authority_is_named_and_not_tried_again(secure: Registry, tmp_path: Path) -> None:
    error = failed(secure.host, tmp_path / "none", tmp_path)
    assert (error.reason, error.retry) == ("RegistryCertificate", False)
    assert "caBundleRef" in error.hint


def test_the_bundle_of_another_authority_does_not_help(secure: Registry, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").certificate.crt
    assert failed(secure.host, other, tmp_path).reason == "RegistryCertificate"


def test_a_certificate_for_another_name_is_refused(secure: Registry, authority: Authority, tmp_path: Path) -> None:
    error = failed(f"localhost:{secure.port}", authority.certificate.crt, tmp_path)
    assert error.reason == "RegistryCertificate"


def test_a_bundle_that_holds_no_certificate_is_named(secure: Registry, tmp_path: Path) -> None:
    empty = tmp_path / "empty.crt"
    empty.write_text("no certificate\n")
    error = failed(secure.host, empty, tmp_path)
    assert (error.reason, error.hint) == ("RegistryCertificate", "check spec.build.caBundleRef")


def test_a_registry_without_tls_that_is_not_listed_is_told_apart(registry: Registry, tmp_path: Path) -> None:
    error = failed(registry.host, tmp_path / "none", tmp_path)
    assert (error.reason, error.retry) == ("RegistryCertificate", False)
    assert "plain HTTP" in error.hint


def pushed(registry: Registry) -> None:
    places = Endpoints(plain_http=[registry.host])
    place = places.push(parse_reference(f"{registry.host}/team/stack"))
    client = Client(Transport(places), place, "push", backoff=QUICK)
    with explained(client):
        put_blob(client, BytesSource(digest(b"a"), b"a"))


def test_the_proxy_of_the_environment_is_used(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    with between("") as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:pass%20word@{proxy.host}")
        monkeypatch.setenv("no_proxy", "")
        pushed(registry)
        assert {request.path.split("/v2/")[0] for request in proxy.seen} == {f"http://{registry.host}"}
        assert {request.headers["Proxy-Authorization"] for request in proxy.seen} == {"Basic dXNlcjpwYXNzIHdvcmQ="}


def test_hosts_that_the_environment_excepts_are_reached_directly(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with between("") as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        pushed(registry)
        assert proxy.seen == []
    assert registry.holds("team/stack", digest(b"a"))


def test_a_proxy_that_is_away_is_told_from_the_registry(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(BuildError) as caught:
        pushed(registry)
    assert (caught.value.reason, caught.value.retry) == ("RegistryUnreachable", True)
    assert "the proxy makes no connection" in caught.value.message
