"""Schema checks agree with pydantic itself, and say what JSON schema cannot."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, SecretStr, ValidationError

from llamastack_resolver.config.env import UNKNOWN
from llamastack_resolver.config.schema_check import check
from llamastack_resolver.introspection.configs import describe_class


class Sqlite(BaseModel):
    type: Literal["sqlite"] = "sqlite"
    path: str


class Redis(BaseModel):
    type: Literal["redis"] = "redis"
    port: int = 6379


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int = 1


class Sample(BaseModel):
    text: str = "x"
    number: int = Field(default=1, ge=1, le=10)
    ratio: float = 0.5
    flag: bool = False
    maybe: str | None = None
    many: list[int] = []
    by_name: dict[str, float] = {}
    store: Annotated[Sqlite | Redis, Field(discriminator="type")] = Sqlite(path="x")
    level: Literal["low", "high"] = "low"
    either: bool | str = False
    url: HttpUrl | None = None
    key: SecretStr | None = None
    strict: Strict = Strict()
    names: Annotated[list[str], BeforeValidator(lambda v: v.split(",") if isinstance(v, str) else v)] = []


SCHEMA = describe_class(Sample)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 20)
    | st.floats(allow_nan=False, width=16)
    | st.sampled_from(["", "5", "5.0", "yes", "off", "true", "low", "http://a", "x", " 7 ", "1_0", "1e3"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "path", "port", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(Sample.model_fields)), VALUES, max_size=4))
def test_what_pydantic_accepts_has_no_hard_issue_and_what_it_refuses_has_one(value: dict[str, Any]):
    issues = [issue for issue in check(value, SCHEMA) if not issue.unknown_key]
    try:
        Sample(**value)
    except ValidationError:
        assert issues
    else:
        assert not [issue for issue in issues if not issue.soft]


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"number": 11}, "number", "11 is out of range: at most 10 is required"),
        ({"number": "many"}, "number", "expected a whole number, found the text 'many'"),
        ({"text": 5}, "text", "expected text, found the number 5"),
        ({"store": {"type": "sqlite"}}, "store.path", "`path` is required, and missing"),
        ({"store": {}}, "store.type", "`type` is required"),
        ({"strict": {"b": 1}}, "strict.b", "`b` is not allowed here"),
        ({"many": {}}, "many", "expected a list, found a mapping"),
        ({"maybe": 5}, "maybe", "expected text, found the number 5"),
        ({"either": 5}, "either", "expected true or false or text, found the number 5"),
    ],
)
def test_issues_name_the_place_and_the_cause(value: dict[str, Any], path: str, message: str):
    assert [(issue.path, issue.message) for issue in check(value, SCHEMA)] == [(path, message)]


def test_a_wrong_choice_is_answered_with_the_nearest():
    assert check({"level": "hihg"}, SCHEMA)[0].hint == "did you mean high?"
    assert check({"store": {"type": "sqlit"}}, SCHEMA)[0].hint == "did you mean sqlite?"


def test_an_unknown_key_is_marked_as_one():
    issue = check({"nubmer": 1}, SCHEMA)[0]

    assert (issue.unknown_key, issue.hint) == (True, "did you mean number?")


def test_a_value_that_is_not_known_fits_everything():
    assert check(dict.fromkeys(Sample.model_fields, UNKNOWN), SCHEMA) == []


def test_fields_with_validators_of_their_own_are_soft():
    assert [issue.soft for issue in check({"names": "a,b"}, SCHEMA)] == [True]


def test_a_secret_is_never_quoted():
    assert "hunter2" not in str(check({"key": ["hunter2"]}, SCHEMA))
