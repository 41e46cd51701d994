"""No regular expression in the code needs more than linear time, whatever text it meets.

Those of the API models are not here: pydantic hands them to Rust's engine and the API server to Go's, and both are
linear by construction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from llamastack_operator.catalog.reader import DATA
from llamastack_operator.controller.stack.origins import _ORIGINS
from llamastack_resolver.documents.external_fields import API_NAME_PATTERN, PROVIDER_TYPE_PATTERN
from tests.support.expressions import Expression, Open, expressions
from tests.support.pump import slow


def patterns_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        value = list(value.values())
    for part in value if isinstance(value, list) else ():
        yield from patterns_in(part)


def patterns_of_schemas() -> list[str]:
    texts = (path.read_text() for path in sorted(DATA.rglob("*.json")))
    return [pattern for text in texts if '"pattern"' in text for pattern in patterns_in(json.loads(text))]


HANDED_IN = {
    "llamastack_operator.controller.stack.origins.origin": [pattern for pattern, _ in _ORIGINS],
    "llamastack_resolver.config.schema_check._matches": patterns_of_schemas(),
    "llamastack_resolver.documents.external_fields._text": [API_NAME_PATTERN, PROVIDER_TYPE_PATTERN],
}
"""The patterns that come to a function as a value, and each pattern that does."""


def expression(pattern: str, *ways: str) -> Expression:
    return Expression("here", pattern, 0, ways)


def test_every_expression_is_linear() -> None:
    found = [one for one in expressions() if isinstance(one, Expression)]
    found += [
        Expression(place, pattern, 0, ("match", "search")) for place, all_of in HANDED_IN.items() for pattern in all_of
    ]
    assert len(found) > 90, "expressions are found by reading the code"
    assert slow(found) == []


def test_where_a_pattern_is_handed_in_all_that_are_handed_in_are_known() -> None:
    assert {one.place for one in expressions() if isinstance(one, Open)} == set(HANDED_IN)


@pytest.mark.parametrize(
    "one",
    [
        expression(r"a\s*\s*b", "match"),
        expression(r"a\s*(\[\])?\s*(==.*)?\s*$", "match"),
        expression(r"{([^}:]+)}", "sub"),
        expression(r"\${env\.[^}]*}", "findall"),
        expression(r"(?:[a-z]+\.?)+", "fullmatch"),
        expression(r"(?:x|[a-z]x)*-[0-9]+[0-9a-f]*", "fullmatch"),
    ],
    ids=lambda one: one.pattern,
)
def test_one_that_is_not_is_found(one: Expression) -> None:
    linear = expression(r"a\s*+b[^;]*;", "match")
    assert [line.partition(" ")[0] for line in slow([linear, one, linear])] == ["here"]
