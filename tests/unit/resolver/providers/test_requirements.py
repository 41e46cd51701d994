"""What is a requirement, compared with `packaging`, which is what pip itself reads them with."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement

from llamastack_resolver.providers.requirements import (
    MAX_LENGTH,
    REQUIREMENT_PATTERN,
    RequirementError,
    check_requirement,
    parse_module,
)

NAMES = st.sampled_from(["a", "my-provider", "my_provider.x", "A1", "-a", "a-", "a b", "é"])
EXTRAS = st.sampled_from(["", "[]", "[x]", "[x, y-z]", "[x,]", "[,x]", "[x"])
OPERATORS = st.sampled_from(["==", "~=", "!=", "<=", ">=", "<", ">", "===", "=", "=>"])
VERSIONS = st.sampled_from(
    [
        "1",
        "1.2",
        "1.2.3",
        "1.*",
        "1.0rc1",
        "1.0.post1",
        "1.0.dev3",
        "1!2.0",
        "1.0+local.1",
        "v1",
        "x",
        "",
        "1.0-1",
        "1..2",
    ]
)
CLAUSES = st.builds("{}{}{}".format, OPERATORS, st.sampled_from(["", " "]), VERSIONS)
SPECIFIERS = st.lists(CLAUSES, max_size=3).map(",".join) | CLAUSES.map("({})".format)
MARKERS = st.sampled_from(
    [
        "",
        "; python_version < '3.13'",
        " ; (os_name == 'nt' or extra == \"x\") and sys_platform != 'a'",
        "; 'linux' in sys_platform",
        "; 'x' not in os_name",
        ";",
        "; python_version",
        "; python_version <",
    ]
)
URLS = st.sampled_from(["", " @ https://example.com/a.whl", "@https://example.com/a.whl", " @ "])


def taken(text: str) -> bool:
    try:
        check_requirement(text)
    except RequirementError:
        return False
    return True


def taken_by_pip(text: str) -> bool:
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


@given(st.builds("{}{}{}{}".format, NAMES, EXTRAS, SPECIFIERS, MARKERS))
def test_a_requirement_is_taken_just_where_pip_takes_it(text: str):
    if re.search(r"===.*,|=== ?\)?( ?;|$)", text):
        return  # packaging takes `===` with nothing after it, and a comma in what follows for a part of it
    assert taken(text) == taken_by_pip(text)


@given(st.builds("{}{}{}{}".format, NAMES, EXTRAS, URLS, MARKERS))
def test_so_is_one_with_a_url(text: str):
    assert taken(text) == taken_by_pip(text)


@given(st.text(max_size=20))
def test_no_other_text_is(text: str):
    assert not taken(text) or taken_by_pip(text)


@pytest.mark.parametrize(
    "text",
    [
        "-r requirements.txt",
        "--index-url=https://example.com",
        "-e .",
        "a --hash=sha256:0",
        "./a",
        "a\n-r b",
        "a\n",
        "a @ u\n-r b",
        "a; os_name == 'x\n-r b'",
    ],
)
def test_options_of_pip_are_not(text: str):
    assert not taken(text)
    # The API server matches the pattern alone, and as a whole.
    assert not re.search(REQUIREMENT_PATTERN.removesuffix("$") + r"\Z", text)


def test_the_pattern_stays_within_what_go_and_rust_read():
    assert not re.search(r"\(\?|\\[1-9]|\*\+|\+\+", REQUIREMENT_PATTERN)


BLANKS = st.sampled_from(["", " ", "   "])
MARKER = [";", "os_name", "==", "'b'", " and ", "sys_platform", " in ", "'d'"]
PARTS = (["a"], ["[", "x", ",", "y", "]"], [">=", "1", ",", "<", "2"], MARKER)
TOKENS = [token for part in PARTS for token in part]


@given(st.lists(BLANKS, min_size=len(TOKENS), max_size=len(TOKENS)), st.sampled_from([1, 6, 11, len(TOKENS)]))
def test_blanks_stand_wherever_pip_takes_them(blanks: list[str], length: int):
    text = "".join(token + blank for token, blank in zip(TOKENS[:length], blanks, strict=False))
    assert taken(text)
    assert taken_by_pip(text)


@pytest.mark.parametrize("read", [parse_module, check_requirement])
def test_one_has_at_most_512_characters(read: object):
    assert callable(read)
    read("a" * MAX_LENGTH)
    with pytest.raises(RequirementError, match="has 513 characters: a requirement has at most 512") as caught:
        read("a" * (MAX_LENGTH + 1))
    assert caught.value.hint
    assert len(str(caught.value)) < 120, "the text itself may have megabytes"
