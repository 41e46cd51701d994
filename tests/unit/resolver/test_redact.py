"""No secret is left in a text, in whatever form a program wrote it; and hardly anything else is taken out."""

import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_resolver.redact import BLOT, LONGEST_TEXT, Redactor

KEY = "sk-Zz09-canary'\"\\ %/+=q"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
TRICKY = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=8, max_size=60)


def test_values_are_blotted_out_everywhere():
    redactor = Redactor(["sk-12345", "hunter2"])

    cleaned = redactor.clean({"a": ["key sk-12345 refused", {"b": "hunter2@vllm"}], "n": 1})

    assert cleaned == {"a": [f"key {BLOT} refused", {"b": f"{BLOT}@vllm"}], "n": 1}


@pytest.mark.parametrize(
    "text",
    [
        f"refused {KEY}",
        f"refused {KEY!r}",
        f"refused { ({'api_key': KEY}) }",
        f"refused {json.dumps({'k': KEY})}",
        f"GET /?key={quote(KEY)}",
        f"GET /?key={quote(KEY, safe='')}",
        f"GET /?key={quote_plus(KEY)}",
        f"refused {KEY[:12]}",
        f"refused {KEY[:12]}...",
        f"refused '{KEY[:9]}...{KEY[-9:]}'",
    ],
)
def test_every_form_of_a_key_is_found(text: str):
    cleaned = Redactor([KEY]).text(text)

    assert BLOT in cleaned
    assert "canary" not in cleaned
    assert "Zz09" not in cleaned
    assert "%/+=q" not in cleaned


@pytest.mark.parametrize("text", [PEM, repr(PEM), " ".join(PEM.split()), json.dumps(PEM), "bad line MIIEvQIBADANBgkqh"])
def test_every_line_of_a_key_of_several_lines_is_one(text: str):
    cleaned = Redactor([PEM]).text(f"cannot load {text}")

    assert "MIIEvQ" not in cleaned
    assert "kiG9w0" not in cleaned


@pytest.mark.parametrize(
    ("value", "text"), [("0042", "pin 42"), ("007700", "got 7700"), ("1e3", "got 1000.0"), ("+491234567", "491234567")]
)
def test_what_became_a_number_is_found(value: str, text: str):
    # Two characters are no secret: they are in every text.
    cleaned = Redactor([value]).text(text)

    assert cleaned == (text if text == "pin 42" else text.rpartition(" ")[0] + (" " if " " in text else "") + BLOT)


def test_double_blanks_are_found_before_and_after_they_were_squeezed():
    redactor = Redactor(["one  two   three"])

    assert redactor.text("<one  two   three>") == f"<{BLOT}>"
    assert redactor.text("<one two three>") == f"<{BLOT}>"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("postgres://user:pw@db/x", f"postgres://{BLOT}@db/x"),
        ("redis://:p@ss@cache:1", f"redis://{BLOT}@cache:1"),
        ("https://token@host", f"https://{BLOT}@host"),
        ("https://host/a@b", "https://host/a@b"),
        ("mail jane@example.com", "mail jane@example.com"),
    ],
)
def test_passwords_in_addresses_need_not_be_known(text: str, cleaned: str):
    assert Redactor().text(text) == cleaned


def test_short_values_are_taken_out_as_words_only():
    redactor = Redactor(["abc", "true", "x", "none"])

    assert redactor.text("abc, abcdef, x is true and none (abc)") == f"{BLOT}, abcdef, x is true and none ({BLOT})"


def test_names_and_paths_keep_what_may_be_chance():
    finding = {"path": "providers.vllm[0]", "provider": "vllm", "message": "vllm sk-12345", "reason": "X"}

    assert Redactor(["vllm", "sk-12345"]).clean(finding) == {**finding, "message": f"{BLOT} {BLOT}"}
    assert Redactor(["sk-12345"]).clean({"provider": "sk-12345"}) == {"provider": BLOT}


def test_of_secrets_that_overlap_nothing_is_left():
    assert Redactor(["abcdef123", "123xyz789"]).text("<abcdef123xyz789>") == f"<{BLOT}>"


def test_a_long_text_is_cut_and_has_no_beginning_of_a_secret_at_its_end():
    text = "x" * (LONGEST_TEXT - 10) + "sk-abcdefghijklmnop"

    cleaned = Redactor(["sk-abcdefghijklmnop"]).text(text)

    assert cleaned.endswith("...")
    assert "sk" not in cleaned


@pytest.mark.parametrize("shift", range(12))
def test_of_the_middle_that_is_left_out_no_end_is_left(shift: int):
    text = "x" * shift + "sk-12345 " * LONGEST_TEXT

    cleaned = Redactor(["sk-12345"]).both_ends(text)

    assert len(cleaned) < 2 * LONGEST_TEXT
    assert not {"s", "1", "5"} & set(cleaned.replace(BLOT, "").replace("x", ""))


@given(TRICKY, st.text(max_size=30), st.text(max_size=30), st.sampled_from([str, repr, json.dumps, quote, quote_plus]))
def test_a_secret_is_never_left_whatever_is_around_it(
    secret: str, before: str, after: str, shown: Callable[[str], str]
):
    kept = shown(secret.strip())
    cleaned = Redactor([secret]).text(before + kept + after)

    if len(kept) >= 8 and secret.strip().lower() not in ("", BLOT) and kept not in BLOT:
        assert kept not in cleaned or kept in before + after


@pytest.mark.parametrize("text", ["a" * LONGEST_TEXT, "..." * 20000, "://" * 20000, "://a@" * 15000, "a...a" * 12000])
def test_of_any_text_it_makes_an_end(text: str):
    redactor = Redactor(
        [*("a" * size for size in range(8, 200, 8)), "a" * 5000 + "b", *(f"key-{n:040}" for n in range(99))]
    )

    assert redactor.text(text)
