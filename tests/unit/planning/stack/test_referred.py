"""What a stack's references to ConfigMaps led to: what is used counts, the rest does not, and texts are bounded."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_operator.objects.config_map import ConfigMapContent
from llamastack_operator.planning.stack.facts import Referred
from llamastack_operator.planning.stack.inputs.config_map_texts import TEXTS_LIMIT, take, texts_of, used_of
from llamastack_operator.planning.stack.inputs.references import references_of
from llamastack_operator.planning.stack.referred import referred_of

HOME = "team-a"
ONE_KEY = {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "a"}}}]}
WHOLE = {"envFrom": [{"configMapRef": {"name": "c"}}]}


def led_to(server: dict[str, Any], content: ConfigMapContent | None, variables: bool = True) -> Referred:
    spec = LlamaStackSpec.model_validate({"distribution": {"image": "a"}, "server": server})
    references = references_of(spec)
    uses, wanted = used_of(references, HOME), texts_of(references, HOME, variables)
    digests = {key: content and content.digests(parts) for key, parts in uses.items()}
    texts = {key: content and content.texts(parts) for key, parts in wanted.items()}
    return referred_of(references, HOME, digests, {}, texts, take(spec, HOME, texts))


def holding(data: dict[str, str] | None = None, **binary: str) -> ConfigMapContent:
    return ConfigMapContent(1, data or {}, binary)


def reasons(found: Referred) -> list[str]:
    return [finding.reason for finding in found.findings]


@pytest.mark.parametrize("server", [ONE_KEY, WHOLE])
def test_an_edit_of_what_is_used_is_another_digest(server: dict[str, Any]) -> None:
    contents = [holding({"a": "1"}), holding({"a": "2"}), holding(a="MQ=="), holding({"b": "1"}), None]
    assert len({led_to(server, content).digest for content in contents}) == len(contents)


def test_an_edit_of_anything_else_is_none() -> None:
    before, after = (led_to(ONE_KEY, holding({"a": "1", "b": text})).digest for text in "12")
    assert before == after


def test_the_digest_does_not_depend_on_which_texts_were_read() -> None:
    held = holding({"a": "1"})
    assert led_to(ONE_KEY, held, variables=False).digest == led_to(ONE_KEY, held).digest


def test_a_key_that_is_not_there_is_missing() -> None:
    assert reasons(led_to(ONE_KEY, holding({"b": "1"}))) == ["MissingReference"]
    assert reasons(led_to(ONE_KEY, None)) == ["MissingReference"]
    assert reasons(led_to(ONE_KEY, holding({"a": "1"}))) == []


def test_the_values_of_variables_are_for_a_reading_alone() -> None:
    held = holding({"a": "1", "b": "2"})
    assert led_to(ONE_KEY, held).texts == {"c": {"a": "1"}}
    assert led_to(WHOLE, held).texts == {"c": {"a": "1", "b": "2"}}
    assert led_to(WHOLE, held, variables=False).texts == {}


@pytest.mark.parametrize("server", [ONE_KEY, WHOLE, {**ONE_KEY, **WHOLE}])
@pytest.mark.parametrize("variables", [True, False])
@pytest.mark.parametrize("letter", ["x", "\N{SNOWMAN}"])
def test_texts_are_bounded_by_their_bytes_whether_they_are_read_or_not(
    server: dict[str, Any], variables: bool, letter: str
) -> None:
    most = letter * (TEXTS_LIMIT // len(letter.encode()))
    assert reasons(led_to(server, holding({"a": most}), variables)) == []
    found = led_to(server, holding({"a": f"{most}xxx"}), variables)
    assert reasons(found) == ["ReadingExceeded"]
    assert found.findings[0].message == "spec: reading it took more than 3 MiB of texts in ConfigMaps"


def test_what_is_used_by_pods_alone_does_not_count() -> None:
    volume = {"name": "v", "configMap": {"name": "c"}}
    server = {"podTemplate": {"volumes": [volume]}}
    assert reasons(led_to(server, holding({"a": "x" * (TEXTS_LIMIT + 1)}))) == []
