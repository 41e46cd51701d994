"""Credentials are found as the kubelet finds them, and are in no text."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.images.registry.auth import Challenge, parse_challenges
from llamastack_operator.images.registry.credentials import Credential, Keyring, parse_docker_config, read_keyring


def keyring(**auths: Any) -> Keyring:
    return Keyring(parse_docker_config(json.dumps({"auths": auths}).encode()))


def user(name: str) -> dict[str, str]:
    return {"username": name, "password": "secret"}


def found(ring: Keyring, host: str, repository: str) -> str | None:
    credential = ring.find(host, repository)
    return credential.username if credential else None


@pytest.mark.parametrize(
    ("host", "repository", "wanted"),
    [
        ("docker.io", "library/python", "hub"),
        ("quay.io", "other/image", "quay"),
        ("quay.io", "team/image", "team"),
        ("quay.io", "team/secret/image", "deep"),
        ("quay.io", "teams/image", "quay"),
        ("quay.io:443", "team/image", None),
        ("registry.local:5000", "a", "port"),
        ("registry.local", "a", None),
        ("eu.gcr.io", "a", "wild"),
        ("gcr.io", "a", None),
        ("a.eu.gcr.io", "a", None),
        ("named.gcr.io", "a", "named"),
    ],
)
def test_the_most_specific_key_wins(host: str, repository: str, wanted: str | None) -> None:
    ring = keyring(
        **{
            "https://index.docker.io/v1/": user("hub"),
            "*.gcr.io": user("wild"),
            "named.gcr.io": user("named"),
            "quay.io": user("quay"),
            "quay.io/team": user("team"),
            "https://quay.io/v2/team/secret": user("deep"),
            "registry.local:5000": user("port"),
        }
    )
    assert found(ring, host, repository) == wanted


def test_auth_wins_over_user_name_and_password_as_with_kubectl() -> None:
    auth = base64.b64encode(b"me:pass:word").decode()
    credential = keyring(**{"quay.io": {**user("other"), "auth": auth}}).find("quay.io", "a")
    assert credential is not None
    assert (credential.username, credential.password) == ("me", "pass:word")
    assert credential.basic == f"Basic {auth}"


def test_tokens_are_read() -> None:
    credential = keyring(**{"quay.io": {"identitytoken": "i", "registrytoken": "r"}}).find("quay.io", "a")
    assert credential == Credential(identity_token="i", registry_token="r")


def test_no_text_of_a_credential_shows_it() -> None:
    assert "secret" not in repr(Credential("user", "secret", "secret", "secret"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"auths": []}',
        b'{"auths": {"quay.io": null}}',
        b'{"auths": {"quay.io": {"auth": "c2VjcmV0"}}}',
        b'{"auths": {"quay.io": {"auth": "secret!"}}}',
        b"[" * 100_000,
    ],
)
def test_a_broken_secret_is_named_and_not_shown(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\.dockerconfigjson") as caught:
        parse_docker_config(content)
    assert "secret" not in str(caught.value).lower().replace("create secret", "")


def test_a_secret_that_is_not_mounted_counts_as_empty(tmp_path: Path) -> None:
    assert not read_keyring(tmp_path, tmp_path / "none")
    (tmp_path / ".dockerconfigjson").write_text(json.dumps({"auths": {"quay.io": user("me")}}))
    assert found(read_keyring(tmp_path), "quay.io", "a") == "me"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ('Basic realm="x"', [Challenge("basic", "x")]),
        (
            'Bearer realm="https://auth/token",service="r",scope="repository:a:pull,push"',
            [Challenge("bearer", "https://auth/token", "r", "repository:a:pull,push")],
        ),
        (
            'bearer realm=https://auth/token, Basic realm="a, b"',
            [Challenge("bearer", "https://auth/token"), Challenge("basic", "a, b")],
        ),
        ("Negotiate", []),
        ("", []),
        ("Basic", [Challenge("basic")]),
    ],
)
def test_challenges_are_read(header: str, wanted: list[Challenge]) -> None:
    assert parse_challenges(header) == wanted


@given(st.text(max_size=200))
def test_any_header_is_read(header: str) -> None:
    parse_challenges(header)
