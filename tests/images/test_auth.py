"""Who may pull and push: real registries with HTTP Basic and with tokens, and what each refusal is called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llamastack_operator.images.append.prepare import look_up
from llamastack_operator.images.failure import BuildError
from llamastack_operator.images.registry.credentials import Credential
from llamastack_operator.images.registry.endpoints import Endpoints
from llamastack_operator.images.registry.explain import explained
from llamastack_operator.images.registry.sources import BytesSource
from llamastack_operator.images.registry.transport import Transport
from llamastack_operator.images.registry.upload import put_blob
from tests.cluster.certificates import Authority
from tests.images.bed import Registry, digest, put_image
from tests.images.build import Build
from tests.images.tokens import REFRESH, TokenServer, serving

PASSWORD = "correct horse"  # noqa: S105
# bcrypt of it, as htpasswd -B makes; the only kind that docker-registry reads.
_HTPASSWD = "builder:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n"
BLOB = BytesSource(digest(b"content"), b"content")


@pytest.fixture
def basic(tmp_path: Path, registries: None) -> Iterator[Registry]:
    """A registry that asks for a user name and a password."""
    users = tmp_path / "htpasswd"
    users.write_text(_HTPASSWD)
    running = Registry(tmp_path / "registry", auth={"htpasswd": {"realm": "test", "path": str(users)}})
    yield running
    running.stop()


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    """A token server: everybody may pull what is public, the builder may push to team/, others nothing."""
    rights = {
        "": {"public/": "pull"},
        "builder": {"team/": "pull,push", "public/": "pull"},
        "reader": {"team/": "pull", "public/": "pull"},
    }
    passwords = {"": "", "builder": PASSWORD, "reader": PASSWORD}
    with serving(TokenServer(Authority(tmp_path / "ca"), rights, passwords)) as server:
        yield server


@pytest.fixture
def bearer(tmp_path: Path, tokens: TokenServer, registries: None) -> Iterator[Registry]:
    """A registry that trusts the token server; it is filled before it begins to ask for tokens."""
    folder = tmp_path / "registry"
    filling = Registry(folder)
    put_image(filling, "public/base")
    put_image(filling, "team/base")
    filling.stop()
    running = Registry(folder, auth=tokens.settings)
    yield running
    running.stop()


def endpoints(registry: Registry, tokens: TokenServer) -> Endpoints:
    return Endpoints(plain_http=[registry.host, f"127.0.0.1:{tokens.port}"])


def pushed(registry: Registry, credential: Credential | None, tokens: TokenServer | None = None) -> None:
    client = registry.client("team/stack", "push", credential)
    if tokens:
        client = _over(client, endpoints(registry, tokens))
    with explained(client):
        put_blob(client, BLOB)


def _over(client: object, places: Endpoints) -> object:
    return type(client)(Transport(places), client.repository, client.action, client.credential, client.backoff)  # type: ignore


def refusal(registry: Registry, credential: Credential | None, tokens: TokenServer | None = None) -> BuildError:
    with pytest.raises(BuildError) as caught:
        pushed(registry, credential, tokens)
    return caught.value


def test_basic_credentials_are_sent_when_the_registry_asks(basic: Registry) -> None:
    pushed(basic, Credential("builder", PASSWORD))
    assert basic.holds("team/stack", BLOB.digest)


@pytest.mark.parametrize("credential", [None, Credential("builder", "wrong"), Credential("nobody", PASSWORD)])
def test_missing_and_wrong_basic_credentials_are_unauthorized(basic: Registry, credential: Credential | None) -> None:
    error = refusal(basic, credential)
    assert (error.reason, error.retry) == ("RegistryUnauthorized", False)
    assert f"{basic.host}/team/stack" in error.message
    assert "spec.build.pushSecretRef" in error.message
    assert "wrong" not in str(error) + error.hint
    assert not basic.holds("team/stack", BLOB.digest)


def test_a_token_is_fetched_with_the_users_password(bearer: Registry, tokens: TokenServer) -> None:
    pushed(bearer, Credential("builder", PASSWORD), tokens)
    assert bearer.holds("team/stack", BLOB.digest)
    assert tokens.asked == [("GET", "builder", ["repository:team/stack:pull,push", "repository:team/stack:pull"])]


def test_an_identity_token_is_changed_for_an_access_token(bearer: Registry, tokens: TokenServer) -> None:
    pushed(bearer, Credential(identity_token=REFRESH), tokens)
    assert bearer.holds("team/stack", BLOB.digest)
    assert {method for method, *_ in tokens.asked} == {"POST"}


def test_a_registry_token_is_used_as_it_is(bearer: Registry, tokens: TokenServer) -> None:
    token = tokens.token("builder", ["repository:team/stack:pull,push"])
    pushed(bearer, Credential(registry_token=token), tokens)
    assert bearer.holds("team/stack", BLOB.digest)
    assert tokens.asked == []


def test_a_public_image_needs_no_credentials(bearer: Registry, tokens: TokenServer) -> None:
    client = _over(bearer.client("public/base"), endpoints(bearer, tokens))
    assert client.manifest("1").digest.startswith("sha256:")  # type: ignore[attr-defined]
    assert [user for _, user, _ in tokens.asked] == [""]


def test_a_token_that_has_run_out_is_renewed_unasked(bearer: Registry, tokens: TokenServer) -> None:
    client = _over(bearer.client("team/base", "pull", Credential("reader", PASSWORD)), endpoints(bearer, tokens))
    now = [0.0]
    client._auth._clock = lambda: now[0]  # type: ignore[attr-defined]
    for seconds in (0, 10, 1000):
        now[0] = seconds
        client.manifest("1")  # type: ignore[attr-defined]
    assert len(tokens.asked) == 2


@pytest.mark.parametrize("credential", [None, Credential("builder", "wrong"), Credential("", "", "stale")])
def test_missing_and_wrong_credentials_for_a_token_are_unauthorized(
    bearer: Registry, tokens: TokenServer, credential: Credential | None
) -> None:
    error = refusal(bearer, credential, tokens)
    assert (error.reason, error.retry) == ("RegistryUnauthorized", False)
    assert "a secret of the token server" not in str(error) + error.hint


def test_an_account_without_the_right_to_push_is_denied(bearer: Registry, tokens: TokenServer) -> None:
    error = refusal(bearer, Credential("reader", PASSWORD), tokens)
    assert (error.reason, error.retry) == ("PushDenied", False)
    assert "push" in error.hint


def build_of(registry: Registry, tokens: TokenServer, folder: Path, base: str) -> Build:
    insecure = [registry.host, f"127.0.0.1:{tokens.port}"]
    return Build(folder / "build", f"{registry.host}/{base}:1", f"{registry.host}/team/stack", insecure)


def look(build: Build) -> None:
    look_up(build.folder / "build.json", build.folder / "facts", build.folder / "credentials", build.folder / "none")


def test_a_whole_build_mounts_a_private_base_with_the_credentials_for_pushing(
    bearer: Registry, tokens: TokenServer, tmp_path: Path
) -> None:
    build = build_of(bearer, tokens, tmp_path, "team/base")
    build.install()
    build.secret("pull", bearer.host, "reader", PASSWORD)
    build.secret("push", f"{bearer.host}/team", "builder", PASSWORD)
    look(build)
    result = build.push()
    assert result.returncode == 0, result.stdout
    assert build.message["pushed"] < build.message["total"]
    assert PASSWORD not in result.stdout + result.stderr


def test_a_base_that_the_account_for_pushing_cannot_read_is_streamed_instead(
    bearer: Registry, tokens: TokenServer, tmp_path: Path
) -> None:
    tokens.rights = {**tokens.rights, "builder": {"team/stack": "pull,push"}}
    build = build_of(bearer, tokens, tmp_path, "team/base")
    build.install()
    build.secret("pull", bearer.host, "reader", PASSWORD)
    build.secret("push", bearer.host, "builder", PASSWORD)
    look(build)
    assert build.push().returncode == 0
    assert build.message["pushed"] == build.message["total"]


def test_a_refused_push_leaves_the_reason_as_termination_message(
    bearer: Registry, tokens: TokenServer, tmp_path: Path
) -> None:
    build = build_of(bearer, tokens, tmp_path, "public/base")
    build.install()
    build.secret("push", bearer.host, "builder", "wrong password")
    build.secret("pull", bearer.host, "reader", PASSWORD)
    look(build)
    result = build.push()
    assert result.returncode == 1
    assert build.message["reason"] == "RegistryUnauthorized"
    assert build.message["step"] == "push"
    assert "wrong password" not in result.stdout + result.stderr + build.log.read_text()
    assert "Traceback" not in result.stderr


def test_a_private_base_without_credentials_is_unauthorized_and_a_missing_one_is_not_found(
    bearer: Registry, tokens: TokenServer, tmp_path: Path
) -> None:
    reasons = {}
    for base in ("team/base", "public/missing"):
        with pytest.raises(BuildError) as caught:
            look(build_of(bearer, tokens, tmp_path, base))
        reasons[base] = caught.value.reason
    assert reasons == {"team/base": "RegistryUnauthorized", "public/missing": "BaseNotFound"}
