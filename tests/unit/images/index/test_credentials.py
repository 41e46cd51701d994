"""Whom credentials of package indexes are sent to."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from llamastack_operator.images.index.client import proxy_for, shown
from llamastack_operator.images.index.credentials import Credentials, CredentialsError, read_credentials

FIRST, SECOND = "https://private.example/api/simple", "https://public.example:8443/simple"


def credentials(folder: Path, **files: str) -> Credentials:
    for name, text in files.items():
        (folder / name).write_text(text)
    return read_credentials(folder, FIRST, [FIRST, SECOND])


def test_user_and_password_are_for_the_first_index_alone(tmp_path: Path):
    found = credentials(tmp_path, username="me\n", password="pass:word\n")

    assert found.header_for(URL("https://private.example/other/file.whl")) == "Basic bWU6cGFzczp3b3Jk"
    for url in (
        SECOND,
        "http://private.example/api/simple",
        "https://private.example:8443/",
        "https://private.example.evil.example/",
        "https://evil.example/https://private.example/",
        "https://private.example@evil.example/",
    ):
        assert found.header_for(URL(url)) is None


def test_a_netrc_file_has_those_of_several_hosts_but_only_for_indexes(tmp_path: Path):
    lines = ["machine private.example login a password b", "machine public.example login c password d"]
    lines += ["machine elsewhere.example login e password f", "default login g password h"]
    found = credentials(tmp_path, netrc="\n".join(lines))

    assert found.header_for(URL(FIRST)) == "Basic YTpi"
    assert found.header_for(URL(SECOND)) == "Basic Yzpk"
    assert found.header_for(URL("https://elsewhere.example/")) is None
    assert found.header_for(URL("https://public.example/")) is None


@pytest.mark.parametrize("files", [{"username": "me"}, {"password": "a-secret"}, {"netrc": "machine x a-secret"}])
def test_a_secret_of_another_form_is_an_error_that_quotes_nothing(files: dict[str, str], tmp_path: Path):
    with pytest.raises(CredentialsError) as caught:
        credentials(tmp_path, **files)

    assert "a-secret" not in str(caught.value)


def test_no_secret_is_none(tmp_path: Path):
    assert read_credentials(tmp_path / "absent", FIRST, [FIRST]).header_for(URL(FIRST)) is None


def test_credentials_are_not_shown(tmp_path: Path):
    assert "bWU" not in repr(credentials(tmp_path, username="me", password="pass"))


@given(st.text(alphabet="ab:%4", min_size=1, max_size=10), st.text(alphabet="xy=&", max_size=10))
def test_addresses_are_shown_without_user_and_signature(user: str, query: str):
    assert shown(f"https://{user.replace('%', '%25')}@host.example/a?sig={query}#f") == "https://host.example/a"


def test_the_environments_proxy_is_used_but_not_for_what_it_exempts(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://user:word@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")

    proxy, auth = proxy_for(URL("https://index.example/simple"))

    assert str(proxy) == "http://proxy.example:3128"
    assert auth is not None
    assert (auth.login, auth.password) == ("user", "word")
    assert proxy_for(URL("https://inside.example/simple")) == (None, None)
    assert proxy_for(URL("http://index.example/simple")) == (None, None)
