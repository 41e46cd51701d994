"""Reading YAML: positions, bounds, and an answer to any bytes whatever."""

import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llamastack_resolver.yaml_io import MAX_BYTES, read_value, read_yaml


def messages(text: str | bytes) -> list[str]:
    return [finding.message for finding in read_yaml(text)[1]]


def test_values_are_those_of_the_safe_loader():
    text = "a: 1\nb: [yes, 'no', 1.5, ~, 2024-01-02]\nc: {d: \"x\", e: |\n  text\n  more\n}\n".replace(
        "|\n  text\n  more\n", "0x10"
    )

    assert read_yaml(text)[0][0].value == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: 1}\nc: *x\n",
        "a: &x {b: 1, d: 2}\nc: {<<: *x, d: 3}\n",
        "? 1\n: one\n",
        "!!str 12\n",
        "- - - 1\n",
    ],
)
def test_anchors_merges_and_tags_are_those_of_the_safe_loader(text: str):
    assert read_yaml(text)[0][0].value == yaml.safe_load(text)


def test_each_value_has_a_line_and_a_path_without_one_has_that_of_its_parent():
    document = read_yaml("a:\n  b:\n  - x\n  - c: 1\n")[0][0]

    assert document.line_of("a.b[1].c") == 4
    assert document.line_of("a.b[1].missing.deeper") == 4
    assert document.line_of("nowhere") == 1


def test_several_documents_are_read_up_to_a_mistake():
    documents, findings = read_yaml("a: 1\n---\nb: [\n")

    assert [document.value for document in documents] == [{"a": 1}]
    assert next(iter(findings)).line == 4


def test_a_key_that_occurs_twice_is_a_warning_since_one_value_is_lost():
    documents, findings = read_yaml("a: 1\nb: 2\na: 3\n")

    assert documents[0].value == {"a": 3, "b": 2}
    assert [(f.severity, f.path, f.line) for f in findings] == [("warning", "a", 3)]


class TestBounds:
    def test_hold_for_an_alias_bomb(self):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]

        assert "aliases" in messages("\n".join(lines))[0]

    @pytest.mark.parametrize("text", ["[" * 5000, "- " * 5000, "{a: " * 5000])
    def test_hold_for_deep_nesting(self, text: str):
        assert len(messages(text)) == 1

    def test_hold_for_a_huge_file(self):
        assert messages("a" * (MAX_BYTES + 1)) == ["the file is larger than 4 MiB"]

    @pytest.mark.parametrize(
        "number",
        ["1" + ":59" * 400_000, "0x" + "f" * 10_000, "1" * 4000, "1." + "0" * 4000, f"!!int '0x{'f' * 4000}'"],
        ids=["base 60", "base 16", "digits", "a fraction", "a tag"],
    )
    @pytest.mark.parametrize("place", ["a: {}", "? {}\n: a"])
    def test_hold_for_a_number_without_end(self, number: str, place: str):
        """One in base 60 takes minutes to be made, and one in base 16 cannot be printed."""
        assert ["is a number of more than 1000 characters" in one for one in messages(place.format(number))] == [True]

    def test_admit_numbers_of_any_use(self):
        assert read_yaml("[1:30, 0xff, 1_000, 1.5e+300]")[0][0].value == [90, 255, 1000, 1.5e300]

    def test_hold_for_an_alias_to_itself(self):
        assert len(messages("a: &x [*x]")) == 1


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00",
        b"\x00",
        "a: !!python/object:os.system x",
        "a: !!int x",
        "a: b: c",
        "\t",
        "? [a]\n: 1",
        "2024-13-45",
    ],
)
def test_what_is_no_yaml_is_one_finding(text: str | bytes):
    assert len(messages(text)) == 1


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="{}[]:-,&*!|>'\"\n #?%@`ab1<", max_size=60))
def test_any_bytes_give_documents_or_a_finding(soup: bytes | str):
    started = time.monotonic()
    documents, findings = read_yaml(soup)

    assert all(finding.message for finding in findings)
    assert isinstance(documents, list)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("text", "value", "wrong"),
    [("a: 1", {"a": 1}, False), ("", None, False), ("a: 1\n---\n[", {"a": 1}, True), ("[", None, True)],
)
def test_the_value_of_a_file_is_that_of_its_first_document(text: str, value: Any, wrong: bool) -> None:
    found, findings = read_value(text)
    assert (found, findings.has_errors) == (value, wrong)
