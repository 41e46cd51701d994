"""Env substitution: release by release, with what is set, opaque (from a Secret), unknown and missing.

Equality with upstream's own function on generated inputs is in tests/conformance, where releases are
installed.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_resolver.behaviour import NEWEST, Behaviour
from llamastack_resolver.config.env import UNKNOWN, Environment, convert, substitute
from llamastack_resolver.findings import Findings
from llamastack_resolver.releases import Release

RULES = Behaviour.of(NEWEST)
SET = Environment({"X": "value", "N": "8321", "HOME_DIR": "~/x", "EMPTY": ""}, frozenset({"SECRET"}))


def value_of(text: object, environment: Environment = SET, rules: Behaviour = RULES) -> object:
    return substitute(text, environment, rules, expand_user=lambda path: path.replace("~", "/home", 1)).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${env.X}", "value"),
        ("a-${env.X}-b", "a-value-b"),
        ("${env.N}", 8321),
        ("port ${env.N}", "port 8321"),
        ("${env.NOT_SET:=true}", True),
        ("${env.NOT_SET:=1.5}", 1.5),
        ("${env.NOT_SET:=}", None),
        ("${env.EMPTY:=fallback}", "fallback"),
        ("${env.X:+there}", "there"),
        ("${env.NOT_SET:+there}", None),
        ("${env.HOME_DIR}", "/home/x"),
        ("${env.lowercase}", "${env.lowercase}"),
        ("no reference: 12", "no reference: 12"),
        ("12", "12"),
        (12, 12),
    ],
)
def test_references_are_replaced_and_converted(text: object, expected: object):
    assert value_of(text) == expected


def test_old_releases_convert_strings_without_references_too():
    assert value_of("12", rules=Behaviour.of(Release.parse("0.2.19"))) == 12
    assert value_of("12", rules=Behaviour.of(Release.parse("0.2.20"))) == "12"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${env.SECRET}", UNKNOWN),
        ("Bearer ${env.SECRET}", UNKNOWN),
        ("${env.SECRET:=fallback}", UNKNOWN),
        ("${env.SECRET:+enabled}", "enabled"),
    ],
)
def test_a_value_from_a_secret_is_unknown_but_set(text: str, expected: object):
    assert value_of(text) == expected


class TestAnUnknownEnvironment:
    ENVIRONMENT = Environment(others="unknown")

    def test_leaves_plain_references_unknown(self):
        assert value_of("${env.ANY}", self.ENVIRONMENT) is UNKNOWN

    def test_uses_defaults_but_not_empty_ones(self):
        assert value_of("${env.ANY:=5}", self.ENVIRONMENT) == 5
        assert value_of("${env.ANY:=}", self.ENVIRONMENT) is UNKNOWN

    def test_takes_conditional_values_as_not_chosen(self):
        assert value_of("${env.ANY:+x}", self.ENVIRONMENT) is None


def test_every_missing_variable_is_named_with_its_path():
    config = {"a": ["${env.ONE}", {"b": "${env.TWO}/${env.THREE}"}]}

    assert substitute(config, Environment(), RULES).missing == [
        ("a[0]", "ONE"),
        ("a[1].b", "TWO"),
        ("a[1].b", "THREE"),
    ]


class TestListItems:
    def test_with_the_id_disabled_are_dropped_before_their_variables_are_looked_at(self):
        config = {"inference": [{"provider_id": "${env.NO:=__disabled__}", "config": "${env.MISSING}"}, 2]}

        result = substitute(config, Environment(), RULES)

        assert (result.value, result.missing) == ({"inference": [2]}, [])
        assert result.dropped == ["inference[0]"]

    def test_without_a_resource_id_are_dropped_since_0_4_1(self):
        config = {"models": [{"model_id": "${env.NO:+m}"}]}

        new = substitute(config, Environment(), Behaviour.of(Release.parse("0.4.1")))
        old = substitute(config, Environment(), Behaviour.of(Release.parse("0.4.0")))

        assert (new.value, old.value) == ({"models": []}, {"models": [{"model_id": None}]})


def test_auth_without_a_type_is_off_since_0_6():
    config = {"server": {"auth": {"provider_config": {"type": "${env.AUTH:+oauth2}", "url": "${env.URL}"}}}}

    new = substitute(config, Environment(), Behaviour.of(Release.parse("0.6.0")))
    old = substitute(config, Environment(), Behaviour.of(Release.parse("0.5.2")))

    assert (new.value, new.missing) == ({"server": {"auth": {"provider_config": None}}}, [])
    assert old.missing == [("server.auth.provider_config.url", "URL")]


@given(st.text(alphabet=st.sampled_from("0123456789.eE+-_ truefalsni"), max_size=8))
def test_conversion_never_fails_and_keeps_what_is_no_number(text: str):
    value = convert(text)

    assert value is None or isinstance(value, (bool, int, float)) or value == text


@given(
    st.recursive(
        st.text(alphabet="${env.AB:=+}_x1 ", max_size=20) | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_config_can_be_substituted(config: object):
    result = substitute(config, Environment({"A": "1"}, frozenset({"B"})), RULES)

    assert {name for _, name in result.missing} <= result.references


def test_a_text_with_references_has_at_most_64_kib():
    longest = "${env.N}" + "x" * (64 * 1024 - 8)
    config = {"a": [longest, {"b": longest + "x"}], "c": "x" * 100_000}
    findings = Findings()

    result = substitute(config, SET, RULES)
    result.report(findings)

    assert result.value["a"][0].startswith("8321x")
    assert result.value["a"][1]["b"] is UNKNOWN
    assert [(finding.path, finding.severity) for finding in findings] == [("a[1].b", "error")]
    assert all("65536 characters" in finding.message and finding.hint for finding in findings)


@pytest.mark.parametrize("text", ["${env.X", "a ${env.X:=", "${env.X:=${env.", "${env.A:=" * 3])
def test_a_reference_that_is_never_closed_is_left_as_it_is(text: str):
    assert value_of(text) == text
