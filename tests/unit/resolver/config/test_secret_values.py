"""What is known to be secret, and what is known not to be."""

import pytest

from llamastack_resolver.config.secret_values import SecretVariables, secret_values
from llamastack_resolver.redact import BLOT, Redactor


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "DB_PASSWORD", "HF_TOKEN", "MY_TOKENS", "AZURE_DSN", "X_SECRET_Y"])
def test_names_that_say_so_are_secret_whatever_else_is_said(name: str):
    assert SecretVariables(public=frozenset({name})).is_secret(name)


@pytest.mark.parametrize("name", ["TOKENIZERS_PARALLELISM", "MAX_TOKENS", "VLLM_URL", "PATH", "HOSTNAME"])
def test_other_names_are_not(name: str):
    assert not SecretVariables().is_secret(name)


def test_a_variable_of_a_secret_is_secret_whatever_its_name():
    known = SecretVariables(secret=frozenset({"PGPASS"}))

    assert [*known.values({"PGPASS": "tiger-99", "VLLM_URL": "http://vllm"})] == ["tiger-99"]


def test_what_is_certain_comes_first():
    known = SecretVariables(secret=frozenset({"Z"}), others=True)

    assert [*known.values({"A": "other", "B_KEY": "key", "Z": "known"})] == ["key", "known", "other"]


def test_all_others_can_count_as_secret_but_for_what_every_system_sets():
    known = SecretVariables(public=frozenset({"VLLM_URL"}), others=True)
    names = ["VLLM_URL", "VLLM_AUTH", "PATH", "HOME", "LANG", "PWD", "SHLVL", "PYTHONPATH", "KUBERNETES_SERVICE_HOST"]

    assert [name for name in names if known.is_secret(name)] == ["VLLM_AUTH"]


def test_passwords_in_addresses_are_secret_in_every_variable_and_text():
    url = "postgres://u:p%40ss-word@db/x"

    assert [*SecretVariables().values({"DATABASE_URL": url})] == ["p%40ss-word", "p@ss-word"]
    assert [*secret_values({"db": [{"url": url}]}, {})] == ["p%40ss-word", "p@ss-word"]


def test_what_stands_below_keys_of_secrets_is_secret_as_the_server_sees_it():
    config = {
        "api_key": "literal-1",
        "password": "${env.PW}",
        "client_secret": "${env.NONE:=by-default}",
        "token": 12345678,
        "max_tokens": 4096,
        "nested": [{"access_key": "literal-2", "api_token": "fake", "secret": None, "passwd": True}],
        "url": "http://host",
        "secret": ["in-a-list", {"passwd": "deeper"}],
    }

    found = [*secret_values(config, {"PW": "of-a-variable"})]

    assert found == ["literal-1", "of-a-variable", "by-default", "12345678", "literal-2", "in-a-list", "deeper"]


def test_a_switch_of_tokenizers_takes_nothing_out_of_a_report():
    variables = {"TOKENIZERS_PARALLELISM": "true", "MY_TOKEN": "true", "OPENAI_API_KEY": "none"}
    text = "parallelism is true, and there is none"

    assert Redactor(SecretVariables(others=True).values(variables)).text(text) == text


LEAKS = {
    "a literal of the config": ({"api_key": "sk-canary-1"}, {}, "bad key sk-canary-1"),
    "a password in an address": ({}, {"DATABASE_URL": "postgres://u:canary-2@db"}, "login of u with canary-2 failed"),
    "a name that says nothing": ({}, {"VLLM_AUTH": "canary-3x"}, "header: Bearer canary-3x"),
    "another one": ({}, {"PGPASS": "canary-4x"}, "canary-4x"),
    "quotes, shown by repr": ({}, {"A_KEY": "can'ary\"5"}, repr({"k": "can'ary\"5"})),
    "a backslash, shown by repr": ({}, {"A_KEY": "canary\\6x"}, repr({"k": "canary\\6x"})),
    "a key of several lines": ({}, {"A_KEY": "BEGIN\ncanary7x\nEND"}, "line: canary7x"),
    "double blanks": ({}, {"A_KEY": "canary  8"}, "canary 8"),
    "leading zeros": ({}, {"A_KEY": "0012345678"}, "12345678 is no key"),
    "a key that was cut": ({}, {"A_KEY": "canary-10-" + "x" * 500}, "key: canary-10-" + "x" * 300),
    "a validator that quotes it": ({"password": "${env.X}"}, {"X": "canary-11"}, "Value error, bad key canary-11"),
    "an address with a token": ({}, {}, "GET https://canary-12@host/x failed"),
    "one in a default": ({"token": "${env.Y:=canary-13}"}, {}, "canary-13"),
    "encoded for an address": ({}, {"A_KEY": "canary/14 +"}, "?k=canary%2F14%20%2B"),
}


@pytest.mark.parametrize("case", LEAKS.values(), ids=LEAKS.keys())
def test_no_case_of_the_list_leaks(case: tuple[dict, dict, str]):
    config, variables, text = case
    known = SecretVariables(secret=frozenset({"VLLM_AUTH", "PGPASS"}))

    cleaned = Redactor([*known.values(variables), *secret_values(config, variables)]).text(text)

    assert BLOT in cleaned
    assert "canary" not in cleaned
    assert "12345678" not in cleaned
