"""Env substitution: release by release, with what is set, opaque (from a Secret), unknown and missing.

Equality with upstream's own function on generated inputs is in tests/conformance, where releases are
installed.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_resolver.behaviour import NEWEST, Behaviour
from llamastack_resolver.config.env import UNKNOWN, Conditional, Environment, convert, substitute
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

    def test_keeps_when_there_is_a_value_where_the_default_is_empty(self):
        value = value_of("${env.ANY:=}", self.ENVIRONMENT)

        assert isinstance(value, Conditional)
        assert (value.value, str(value.condition)) == (UNKNOWN, "ANY is set")

    def test_keeps_when_a_text_of_such_values_is_empty(self):
        value = value_of("${env.ANY:+x}${env.OTHER:=}", self.ENVIRONMENT)

        assert isinstance(value, Conditional)
        assert (value.value, str(value.condition)) == (UNKNOWN, "ANY or OTHER is set")

    def test_keeps_what_a_conditional_value_would_be_and_when(self):
        value = value_of("${env.ANY:+5}", self.ENVIRONMENT)

        assert isinstance(value, Conditional)
        assert (value.value, str(value.condition)) == (5, "ANY is set")

    def test_knows_nothing_of_a_text_that_is_conditional_in_part(self):
        assert value_of("a-${env.ANY:+x}", self.ENVIRONMENT) is UNKNOWN
        assert value_of("${env.ANY:+x}${env.OTHER}", self.ENVIRONMENT) is UNKNOWN

    def test_takes_a_conditional_value_of_nothing_for_empty(self):
        assert value_of("${env.ANY:+}", self.ENVIRONMENT) is None

    def test_takes_a_variable_that_is_known_to_be_empty_for_unset(self):
        environment = Environment({"EMPTY": ""}, others="unknown")

        assert value_of("${env.EMPTY:+x}", environment) is None
        assert value_of("${env.EMPTY:=}", environment) is None
        assert value_of("${env.EMPTY:=7}", environment) == 7
        assert substitute(["${env.EMPTY}"], environment, RULES).missing == [("[0]", "EMPTY")]


def conditions(config: object, environment: Environment, release: str = "0.7.3") -> dict[str, str]:
    result = substitute(config, environment, Behaviour.of(Release.parse(release)))
    return {path: str(condition) for path, condition in result.conditions.items()}


class TestWhatMayBeSwitchedOff:
    UNKNOWN = Environment({"SET": "x", "EMPTY": ""}, frozenset({"SECRET"}), "unknown")

    @pytest.mark.parametrize(
        ("text", "condition"),
        [
            ("${env.X:+id}", "X is set"),
            ("${env.X:=__disabled__}", "X is set"),
            ("${env.X:=}", "X is set"),
            ("${env.X:+a}${env.Y:=}", "X or Y is set"),
            ("${env.X}", None),
            ("${env.X:=id}", None),
            ("p-${env.X:+id}", None),
            ("${env.SET:+id}", None),
            ("${env.EMPTY:+id}", None),
            ("${env.SECRET:+id}", None),
            ("${env.SECRET:=__disabled__}", None),
            ("id", None),
            (None, None),
        ],
    )
    def test_provider_entries_depend_on_what_their_id_depends_on(self, text: str | None, condition: str | None):
        found = conditions({"providers": {"safety": [{"provider_id": text}]}}, self.UNKNOWN)

        assert found == ({"providers.safety[0]": condition} if condition else {})

    def test_resources_depend_on_all_of_their_ids(self):
        item = {"benchmark_id": "${env.B:+b}", "dataset_id": "${env.D:=}", "provider_id": "${env.P:=__disabled__}"}

        assert conditions({"benchmarks": [item]}, self.UNKNOWN) == {"benchmarks[0]": "P and D and B are set"}

    def test_resources_of_releases_that_keep_empty_ids_always_count(self):
        assert conditions({"models": [{"model_id": "${env.M:=}"}]}, self.UNKNOWN, "0.4.0") == {}

    def test_what_is_in_them_is_read_as_where_they_count(self):
        entry = {
            "provider_id": "${env.X:+id}",
            "config": {"a": "${env.X:+on}", "b": "${env.X:=default}", "c": "${env.X}"},
        }

        result = substitute({"providers": {"safety": [entry]}, "a": "${env.X:=default}"}, self.UNKNOWN, RULES)

        assert result.value["providers"]["safety"] == [
            {"provider_id": "id", "config": {"a": "on", "b": UNKNOWN, "c": UNKNOWN}}
        ]
        assert result.value["a"] == "default"

    def test_authentication_depends_on_its_type(self):
        config = {"server": {"auth": {"provider_config": {"type": "${env.AUTH:+oauth2}"}}}}

        assert conditions(config, self.UNKNOWN) == {"server.auth.provider_config": "AUTH is set"}
        assert conditions(config, self.UNKNOWN, "0.5.2") == {}

    @given(
        st.sampled_from(["${env.V:+id}", "${env.V:=__disabled__}", "${env.V:=}", "${env.V}", "id", "", "${env.V:=id}"])
    )
    def test_an_item_depends_on_a_variable_if_it_counts_where_that_is_set_and_not_where_it_is_unset(self, text: str):
        config = {"models": [{"model_id": "m", "provider_id": text}, {"model_id": text}]}

        def kept(environment: Environment) -> set[str]:
            return {f"models[{index}]" for index in range(2)} - set(substitute(config, environment, RULES).dropped)

        unknown = Environment(unknown=frozenset({"V"}))
        depending = kept(Environment({"V": "id"})) - kept(Environment())
        assert conditions(config, unknown, "ogx-1.5.0").keys() == depending
        assert kept(unknown) == kept(Environment({"V": "id"}))


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
