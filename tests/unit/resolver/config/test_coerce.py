"""What pydantic takes for a scalar: the short cuts say the same as pydantic itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import SchemaValidator, ValidationError, core_schema

from llamastack_resolver.config.coerce import _PLAIN_URL, coerce_scalar

URL = SchemaValidator(core_schema.url_schema())


def accepted(validator: SchemaValidator, value: Any) -> bool:
    try:
        validator.validate_python(value)
    except ValidationError:
        return False
    return True


@given(st.from_regex(_PLAIN_URL, fullmatch=True))
def test_every_address_that_is_taken_for_plain_is_one_for_pydantic(text: str):
    assert accepted(URL, text)


@given(
    st.from_regex(r"https?://[-a-z0-9.:@\[\]%_]{0,20}(/[ -~]{0,8})?", fullmatch=True)
    | st.from_regex(r"http://([0-9a-fx]{1,5}\.){1,4}[0-9a-fx]{1,5}", fullmatch=True)
    | st.sampled_from(
        ["http://xn--a/", "http://a:99999", "http://0x7f", "http://a.1", "a", "", "http://a b", "http://a\n"]
    )
)
def test_any_other_is_judged_by_pydantic(text: str):
    assert coerce_scalar(text, "string", "uri")[0] == accepted(URL, text)


@pytest.mark.parametrize(
    "value", ["8321", " 8321 ", "8_321", "0x1", "1.0", "1.5", "", "yes", True, 1.0, 1.5, 10**400, None]
)
@pytest.mark.parametrize("kind", ["integer", "number", "boolean"])
def test_scalars_are_taken_as_in_lax_mode(value: Any, kind: str):
    schemas = {
        "integer": core_schema.int_schema(),
        "number": core_schema.float_schema(),
        "boolean": core_schema.bool_schema(),
    }
    assert coerce_scalar(value, kind)[0] == accepted(SchemaValidator(schemas[kind]), value)


def test_an_address_needs_no_pydantic(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("llamastack_resolver.config.coerce._validated", None)

    assert coerce_scalar("https://api.example.com:8080/openai/v1", "string", "uri")[0]
