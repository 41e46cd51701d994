"""Addresses for builds are what every tenant may read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.workloads.addresses import LoginInAddressError, without_login

_WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789%:._-!", min_size=1, max_size=20)


@given(_WORD, st.sampled_from(["", "http://", "https://", "socks5://"]))
def test_a_user_in_whatever_form_is_refused_and_not_repeated(user: str, scheme: str) -> None:
    with pytest.raises(LoginInAddressError) as refused:
        without_login(f"{scheme}{user}@proxy.example:3128")
    assert "proxy.example" not in str(refused.value)


@pytest.mark.parametrize("text", ["https://a.example/simple?a=b", "10.0.0.0/8,.svc,localhost", "http://[::1]:3128", ""])
def test_what_names_no_user_is_as_it_was(text: str) -> None:
    assert without_login(text) == text
