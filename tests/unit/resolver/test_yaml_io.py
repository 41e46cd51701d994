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


class TestAKeyThatStandsTwice:
    def test_is_an_error_since_what_the_first_one_says_is_lost(self):
        documents, findings = read_yaml("a: 1\nb: 2\na: 3\n")

        assert documents[0].value == {"a": 3, "b": 2}
        assert [(f.severity, f.path, f.line) for f in findings] == [("error", "a", 3)]
        assert "line 1" in next(iter(findings)).message

    def test_is_a_finding_of_its_document(self):
        documents, findings = read_yaml("a: 1\n---\na: 1\na: 2\n")

        assert [list(document.findings) for document in documents] == [[], list(findings)]

    def test_leaves_the_lines_of_what_counts(self):
        document = read_yaml("a:\n- {b: 1}\n- x\na:\n- {b: 2}\n- y\n")[0][0]

        assert [document.line_of(path) for path in ("a[0].b", "a[0]", "a[1]")] == [5, 5, 6]


def test_a_block_of_text_tells_its_first_line():
    document = read_yaml('a:\n  x: |\n    one\n  y: "one"\n  z:\n    - |-\n      two\n')[0][0]

    assert document.blocks == {"a.x": 3}


class TestWhatIsNoYamlIsToldInPlainWords:
    @pytest.mark.parametrize(
        ("data", "message", "line"),
        [
            (b"a: 1\nb: caf\xe9\n", "the file is not UTF-8 (byte 0xe9 in line 2)", 2),
            (b"a: \xff", "the file is not UTF-8 (byte 0xff in line 1)", 1),
            (b"\xff\xfea\x00\x00\xd8", "the file is not UTF-16 (byte 0x00 in line 1)", 1),
            (b"a: 1\nb: \x07\n", "the file has the character #x0007 in line 2, which YAML does not admit", 2),
            ("a: 1\n\n\u00e9: \x07\n", "the file has the character #x0007 in line 3, which YAML does not admit", 3),
            ("v: 1\np:\n\ta: []\n", "line 3 is indented with a tab; YAML wants spaces", 3),
            ("a: b\n\tc: d\n", "line 2 is indented with a tab; YAML wants spaces", 2),
            ("a:\n  b: 1\n  \tc: 2\n", "line 3 is indented with a tab; YAML wants spaces", 3),
        ],
    )
    def test_bytes_and_tabs(self, data: str | bytes, message: str, line: int):
        (finding,) = read_yaml(data)[1]

        assert (finding.message, finding.line) == (message, line)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a: 1\nb: {{ .Values.b }}\n", 2),
            ("{{- if .Values.a }}\nversion: 2\n{{- end }}\n", 1),
            ("a:\n{{- range .x }}\n- b\n{{- end }}\n", 2),
            ('a: 1\n{{ include "x" . | nindent 2 }}\nb: 1\n', 2),
            ("a: '{{ .Values.a }}'\nb:\n  {{- toYaml .Values.b | nindent 2 }}\n", 1),
            ("a: {{ .Values.a }}-b\n", 1),
        ],
    )
    def test_a_helm_template(self, text: str, line: int):
        (finding,) = read_yaml(text)[1]

        assert ("Helm template" in finding.message, finding.line) == (True, line)
        assert "helm template" in (finding.hint or "")

    @pytest.mark.parametrize("text", ["a: 'Hello {{ name }}'\nb: [\n", "a: Hello {{ name }}\nb: c: d\n"])
    def test_but_not_every_text_with_braces(self, text: str):
        (finding,) = read_yaml(text)[1]

        assert "Helm" not in finding.message

    @pytest.mark.parametrize(
        ("text", "words", "hint"),
        [
            ("m:\n  model_type: !!python/object/apply:a.b.ModelType [llm]\n", "ModelType", "write `model_type: llm`"),
            ("m: !!python/object/apply:a.b.Kind\n- llm\n", "Kind", "write `m: llm`"),
            ("m: !!python/tuple [1, 2]\n", "tuple", "write the plain value"),
            ("m: !!python/object:a.b.C {x: 1}\n", "(C)", "write the plain value"),
            ("m: !!python/name:a.b.C x\n", "(C)", "write `m: x`"),
            ("nav: !ENV [NAV, none]\n", "`!ENV` is a tag of another program", "write the plain value"),
            ("key: !vault abc\n", "`!vault` is a tag of another program", "write `key: abc`"),
        ],
    )
    def test_a_tag(self, text: str, words: str, hint: str):
        (finding,) = read_yaml(text)[1]

        assert words in finding.message
        assert (finding.hint, finding.line) == (hint, text.count("\n", 0, text.index("!")) + 1)


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

    def test_hold_for_long_keys_above_many_values(self):
        deep = "".join(f"{'  ' * level}{'k' * 1000}:\n" for level in range(40))
        assert "keys are too long" in messages(f"{deep}{'  ' * 41}[{'1,' * 100_000}]\n")[0]

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
    [
        ("a: 1", {"a": 1}, False),
        ("", None, False),
        ("a: 1\n---\n[", {"a": 1}, True),
        ("[", None, True),
        ("a: 1\n---\nb: 2\n", {"a": 1}, True),
        ("a: 1\n---\n", {"a": 1}, True),
        ("---\na: 1\n...\n", {"a": 1}, False),
    ],
)
def test_the_value_of_a_file_is_that_of_its_only_document(text: str, value: Any, wrong: bool) -> None:
    found, findings = read_value(text)
    assert (found, findings.has_errors) == (value, wrong)
