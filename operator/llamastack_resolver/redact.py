"""Keeps secrets out of what is written: a provider's exception may quote the key that it was given.

What is secret is known, not guessed: values of variables that come from Secrets, values below keys of the run config
that hold secrets, and passwords in addresses. Each is looked for in every form in which programs show a value. Texts
are cleaned before they are cut or put into one line: afterwards a secret might no longer be recognized.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote

BLOT = "[redacted]"
LONGEST_TEXT = 64 * 1024
"""Most characters of a text that are cleaned; what follows is left out."""
_SHORT = 6
_SHORTEST = 3
_PREFIX = 8
_MOST_FORMS = 4096
# No secret of anybody, and in every second sentence.
_PLAIN_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "none", "null"})
# Structure, which is read by programs: only what is too long to be a chance is taken out of it.
_STRUCTURE = frozenset({"severity", "reason", "path", "api", "provider", "id", "type", "state", "module", "file"})
_USERINFO = re.compile(r"(?<=://)[^\s/?#@]*(?:@[^\s/?#@]*)*(?=@)")
_ELLIPSIS = re.compile(r"\.\.\.|\u2026")
_MOST_ELLIPSES = 64


class Redactor:
    """Replaces secrets in any text.

    Args:
        values: the secret values. Those of fewer than six characters are replaced as whole words only, and those of
            fewer than three not at all.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms: dict[str, None] = {}
        for value in values:
            if len(forms) < _MOST_FORMS:
                forms.update(dict.fromkeys(_forms(value)))
        self._long = [form for form in forms if len(form) >= _SHORT]
        self._short = [form for form in forms if _SHORTEST <= len(form) < _SHORT]

    def text(self, text: str, structure: bool = False) -> str:
        """Return a text, or its beginning, without secrets.

        Args:
            text: what may have secrets in it.
            structure: whether it is a name or a path that programs read.
        """
        cut = len(text) > LONGEST_TEXT
        text = text[:LONGEST_TEXT]
        spans = [found.span() for found in _USERINFO.finditer(text)]
        spans += [span for form in self._long for span in _places(form, text)]
        if not structure:
            spans += [span for form in self._short for span in _places(form, text) if _is_word(text, *span)]
        spans += self._beginnings(text)
        cleaned = _without(text, spans)
        # A shorter beginning of a secret is not recognized where the text was cut.
        return f"{cleaned[:-_PREFIX]}..." if cut else cleaned

    def both_ends(self, text: str) -> str:
        """Return a text without secrets, and without its middle where it is long."""
        if len(text) <= LONGEST_TEXT:
            return self.text(text)
        half = LONGEST_TEXT // 2
        return f"{self.text(text[:half])[:-_PREFIX]}...{self.text('...' + text[-half:])[3 + _PREFIX :]}"

    def clean(self, value: Any, structure: bool = False) -> Any:
        """Return plain data whose texts are without secrets."""
        if isinstance(value, str):
            return self.text(value, structure)
        if isinstance(value, dict):
            return {key: self.clean(item, key in _STRUCTURE) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(item, structure) for item in value]
        return value

    def _beginnings(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where a text that was cut, at its end or before dots, ends with the beginning of a secret, and where
        it goes on behind dots with a secret's end."""
        dots = [found.span() for found in _ELLIPSIS.finditer(text)][:_MOST_ELLIPSES]
        for form in self._long:
            begins, ends = form[:_PREFIX] in text, form[-_PREFIX:] in text
            for end, after in [*dots, (len(text), len(text))] if begins or ends else ():
                size = _overlap(form, text[max(0, end - len(form)) : end])
                if size >= _PREFIX:
                    yield end - size, end
                size = _overlap(text[after : after + len(form)], form)
                if size >= _PREFIX:
                    yield after, after + size


def _forms(value: str) -> Iterator[str]:
    """Yield the ways in which programs write a value."""
    value = value.strip()
    if not value or value.lower() in _PLAIN_WORDS:
        return
    lines = [line.strip() for line in value.splitlines()]
    for one in dict.fromkeys([value, " ".join(value.split()), *(line for line in lines if len(line) >= _SHORT)]):
        yield one
        shown = repr(one)[1:-1]
        yield shown
        # Both kinds of quotes: Python chooses by what else is in the text.
        yield shown.replace("\\'", "'").replace("'", "\\'")
        yield shown.replace("\\'", "'").replace('"', '\\"')
        yield json.dumps(one)[1:-1]
        yield json.dumps(one, ensure_ascii=False)[1:-1]
        yield quote(one, safe="", errors="replace")
        yield quote(one, errors="replace")
        yield quote_plus(one, errors="replace")
        if "%" in one:
            yield unquote(one)
    yield from _numbers(value)


def _numbers(value: str) -> Iterator[str]:
    """Yield what a value becomes where a release takes it for a number: leading zeros and signs are lost."""
    if len(value) > 64 or not re.fullmatch(r"[+-]?[0-9._]+(?:[eE][+-]?[0-9]{1,3})?", value):
        return
    for convert in (int, float):
        try:
            yield str(convert(value))
        except (ValueError, OverflowError):
            continue


def _overlap(form: str, tail: str) -> int:
    """Return the length of the longest beginning of `form` with which `tail` ends, in linear time."""
    table = [0] * len(form)
    size = 0
    for index in range(1, len(form)):
        while size and form[index] != form[size]:
            size = table[size - 1]
        size += form[index] == form[size]
        table[index] = size
    size = 0
    for character in tail:
        while size and (size == len(form) or character != form[size]):
            size = table[size - 1]
        size += size < len(form) and character == form[size]
    return size


def _places(form: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + len(form))


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether nothing that is part of a word is right before or behind a place."""
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    return not any(character.isalnum() or character == "_" for character in around)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done and start < end:
            parts += [text[done:start], BLOT]
        done = max(done, end)
    return "".join([*parts, text[done:]])
