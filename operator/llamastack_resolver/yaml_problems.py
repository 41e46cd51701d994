"""Why a text is no YAML, in the words of its author: the parser names the character that it met, and not the mistake.

A file of another encoding, a tab and a Helm template are the commonest ones, and each has one answer.
"""

from __future__ import annotations

import codecs
import re
from typing import Any, NamedTuple

import yaml

OF_TEMPLATES = "check what `helm template` prints"
"""The hint for a Helm template."""
_CORRECT = "correct the YAML"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CORE = "tag:yaml.org,2002:"
# A line that is an action from its beginning on: no YAML has one, as `{{` opens a mapping whose key is a mapping.
_ACTION_LINE = re.compile(r"^[ \t]*(?:- )?\{\{-? ?[a-zA-Z./$(\"]")


class YamlProblem(NamedTuple):
    """Why a text cannot be read.

    Attributes:
        message: what is wrong.
        hint: what to do.
        line: where, counted from 1; None where no line is to blame.
    """

    message: str
    hint: str = _CORRECT
    line: int | None = None


def decoded(data: bytes) -> str | YamlProblem:
    """Return the text of bytes, UTF-8 or after a byte order mark UTF-16, or what keeps them from being that."""
    name, encoding = ("UTF-16", "utf-16") if data.startswith(_UTF_16) else ("UTF-8", "utf-8-sig")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start >= len(data):
            return YamlProblem(f"the file is not {name}: it ends within a character", "save it as UTF-8")
        line = data.count(b"\n", 0, error.start) + 1
        message = f"the file is not {name} (byte {data[error.start]:#04x} in line {line})"
        return YamlProblem(message, "save it as UTF-8", line)


def syntax_problem(error: yaml.YAMLError, text: str) -> YamlProblem:
    """Return what a parser's error is about.

    Args:
        error: the error.
        text: what was parsed.
    """
    if isinstance(error, yaml.MarkedYAMLError):
        return _marked_problem(error, text)
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode(errors="surrogatepass").count(b"\n", 0, int(error.position)) + 1
        message = f"the file has the character #x{int(error.character):04x} in line {line}, which YAML does not admit"
        return YamlProblem(message, "remove it, or write it as an escape in double quotes", line)
    return YamlProblem(f"not valid YAML: {str(error).splitlines()[0]}")


def _marked_problem(error: yaml.MarkedYAMLError, text: str) -> YamlProblem:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return YamlProblem(f"not valid YAML: {error.problem or error.context or 'it cannot be read'}")
    marks = [one.line + 1 for one in (error.problem_mark, error.context_mark) if one is not None]
    template = template_problem(text, marks)
    if template is not None:
        return template
    if _is_tabbed(text, mark.line):
        message = f"line {mark.line + 1} is indented with a tab; YAML wants spaces"
        return YamlProblem(message, "replace the tab by spaces", mark.line + 1)
    problem = error.problem or error.context or "it cannot be read"
    where = f"in line {mark.line + 1}, column {mark.column + 1}"
    return YamlProblem(f"not valid YAML {where}: {problem}", line=mark.line + 1)


def template_problem(text: str, lines: list[int]) -> YamlProblem | None:
    """Return the problem of a text that is a Helm template, None where it does not look like one.

    Args:
        text: a text that is no YAML.
        lines: the lines where the parser met something that it cannot read, counted from 1.
    """
    if "{{" not in text:
        return None
    split = text.split("\n")
    of_error = any("{{" in split[line - 1] for line in lines if line <= len(split))
    if not of_error and not any(_ACTION_LINE.match(line) for line in split):
        return None
    first = next(index for index, line in enumerate(split, 1) if "{{" in line)
    message = f"this is a Helm template (line {first} has `{{{{`)"
    return YamlProblem(message, OF_TEMPLATES, first)


def _is_tabbed(text: str, line: int) -> bool:
    split = text.split("\n")
    if line >= len(split):
        return False
    indentation = split[line][: len(split[line]) - len(split[line].lstrip(" \t"))]
    return "\t" in indentation


def tag_problem(tag: str, key: Any, value: Any, line: int) -> YamlProblem:
    """Return the problem of a tag that servers do not read.

    Args:
        tag: the tag, in full.
        key: the key that it stands at, None where it stands at none.
        value: what is tagged, if it is plain text or a list of one.
        line: its line.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    plain = value if isinstance(value, str | int | float) else None
    known = isinstance(key, str) and plain is not None and len(f"{key}{plain}") <= 80
    hint = f"write `{key}: {plain}`" if known else "write the plain value"
    if tag.startswith(f"{_CORE}python/"):
        name = tag.rpartition(":")[2].rpartition(".")[2]
        message = f"`!!{tag.removeprefix(_CORE)}` names a Python object ({name}), as a server prints it: none reads it"
        return YamlProblem(message, hint, line)
    short = f"!!{tag.removeprefix(_CORE)}" if tag.startswith(_CORE) else tag
    return YamlProblem(f"`{short}` is a tag of another program, which servers do not read", hint, line)
