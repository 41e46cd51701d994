"""Expressions that were made linear find what the readable ones find, which stand here as they were."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamastack_contract import progress as progress_lines
from llamastack_installer import facts
from llamastack_operator.cli.output import progress
from llamastack_operator.images.registry import auth, reference
from llamastack_operator.planning.install import requirements as planned
from llamastack_resolver.config import env
from llamastack_resolver.providers import requirements
from llamastack_resolver.server import remote

Found = list[tuple[tuple[int, int], tuple[str | None, ...]]]
PAIRS: dict[str, tuple[str, re.Pattern[str], list[str]]] = {
    "a module": (
        r"""(?x)^\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)
        \s*(?:\[(?P<extras>[^\]]*)\])?
        \s*(?:@\s*(?P<url>\S+)|(?P<specifier>\(?\s*(?:===|==|~=|!=|<=|>=|<|>)[^;]*))?
        \s*(?:;(?P<marker>.*))?$""",
        requirements._REQUIREMENT,
        [*"a1.-_ \t\n[],;@()=<>~!", "==1", "a[x]", " @ ", "; "],
    ),
    "a reference to a variable": (
        r"\${env\.([A-Z0-9_]+)(?::([=+])([^}]*))?}",
        env.PATTERN,
        ["${env.", "A", "}", ":=", ":+", ":", "x", "$", "{", "\n"],
    ),
    "a placeholder": (r"{([^}:]+)(?::[^}]*)?}", remote._PLACEHOLDER, ["{a", "}", ":path", "/", "b", ":"]),
    "a joined requirement": (
        r"\s*(===|==|~=|!=|<=|>=|<|>|,|\[|\()\s*",
        planned._JOINED,
        [*" \t=<>!~,[(a1", "==", " >= "],
    ),
    "progress": (
        r"(?m)^progress: ((?:[a-z]{1,20} ?){1,4}(?:\d{1,6} of \d{1,6})?)$",
        progress_lines._PLAIN,
        ["progress: ", "pulling ", "a" * 19, "b", " ", "1", "1 of 2", "\n", "!"],
    ),
    "a challenge's parameter": (
        r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))',
        auth._PARAMETER,
        [*'ab-_= ,"\\\n', 'a="b"', "scope="],
    ),
}
WHOLE: dict[str, tuple[str, re.Pattern[str], list[str]]] = {
    "a registry's host": (
        r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?)+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](?::[0-9]{1,5})?",
        reference._HOST,
        [*"aA1.-:[]_", ":5000", "[::1]"],
    ),
    "a version": (r"[0-9]+(![0-9]+)?(\.[0-9]+)*[A-Za-z0-9._+-]*", facts._VERSION, [*"01!.a+-_ ", "1.2"]),
    "a step and its share": (
        r"(?P<what>.*?)\s+(?P<done>\d+) of (?P<total>\d+)$",
        progress._PARTS,
        [*"a1 \t\n", " of ", "1 of 2", "pulling "],
    ),
}


def texts(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces), max_size=12).map("".join)


def found(expression: re.Pattern[str], text: str) -> Found:
    return [(match.span(), match.groups()) for match in expression.finditer(text)]


@pytest.mark.parametrize("what", PAIRS)
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_finds_what_it_found(what: str, data: st.DataObject) -> None:
    before, now, pieces = PAIRS[what]
    text = data.draw(texts(pieces))
    if what == "a placeholder" and re.search(r"{[^}]*{", text):
        return  # no route has a brace within a placeholder
    closed = [
        match for match in found(now, text) if what != "a reference to a variable" or text[match[0][1] - 1] == "}"
    ]
    assert closed == found(re.compile(before), text)


@pytest.mark.parametrize("what", WHOLE)
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_takes_the_whole_texts_that_it_took(what: str, data: st.DataObject) -> None:
    before, now, pieces = WHOLE[what]
    text = data.draw(texts(pieces))
    old, new = re.fullmatch(before, text), now.fullmatch(text)
    assert (old is None) == (new is None)
    assert (old and old.groupdict()) == (new and new.groupdict())
