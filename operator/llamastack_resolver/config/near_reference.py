"""Finds text that looks like a reference to a variable and is none: `${env.X:default}`, `${env.x}`, `${X}`.

Releases know `${env.X}`, `${env.X:=default}` and `${env.X:+value}`, with names in upper case. All else they leave as it
is, so that a server calls an address that begins with `${`. Defaults may hold secrets: messages do not repeat them,
unless they are plain addresses or numbers.

The text is a stranger's: each expression is bounded, and only the first of such places in a text is told.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Written with `env.`: wherever it stands in a text.
# A dash after a name in upper case begins a default, as in shells, unless the name goes on in upper case.
_WITH_ENV = re.compile(
    r"\$\{?[ \t]{0,8}(?i:env)[.:][ \t]{0,8}"
    r"([A-Z0-9_]{1,100}(?=-(?![A-Z][A-Z0-9_-]{0,100}(?:[:}]|\Z)))|[A-Za-z0-9_.-]{0,100})"
)
# Written as shells and Kubernetes do, with the operators of shells: in values without blanks, which are no prose.
_SHELL = re.compile(r"\$\{([A-Z][A-Z0-9_]{0,100})(?=[}:?+=-])|\$\(([A-Z][A-Z0-9_]{0,100})\)")
# The same in lower case, in addresses.
_IN_ADDRESS = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]{0,100})(?=[}:?+=-])")
# The same, where it is all there is.
_WHOLE = re.compile(
    r"\$(?:\{[ \t]{0,8}([A-Za-z_][A-Za-z0-9_]{0,100})(?=[} \t:?+=-])|([A-Z][A-Z0-9_]{1,100})(?=[/:]|\Z))"
)
# What Helm fills in, and those that write variables as its values. Prompts have `{{question}}` for other programs.
_TEMPLATE = re.compile(
    r"\{\{-?[ \t]{0,8}(?:(env)\.([A-Za-z0-9_]{1,100})|\.[A-Z]|\$\.?[A-Za-z]|include |tpl |lookup )", re.IGNORECASE
)
_OPERATOR = re.compile(r"[ \t]{0,8}(:?[-=?+]|:)?")
_HARMLESS = re.compile(r"(?:https?://)?[A-Za-z0-9._:/~-]{1,100}")
_PLAIN = re.compile(r"[0-9.]{1,9}|true|false")
_BLANK = re.compile(r"\s")
MAX_TEXT = 4096
"""Longer texts are no values that a person writes as references."""


class NearReference(NamedTuple):
    """Text that looks like a reference.

    Attributes:
        message: what is wrong, in one line.
        advice: what to write.
    """

    message: str
    advice: str


def near_reference(text: str, whole: bool) -> NearReference | None:
    """Return the first place of a text that looks like a reference.

    Args:
        text: a value, with something else in the place of its real references.
        whole: whether the value has no real reference.
    """
    if len(text) > MAX_TEXT:
        return None
    template = _TEMPLATE.search(text) if "{{" in text else None
    if template:
        return _of_template(template)
    if "$" not in text:
        return None
    prose = _BLANK.search(text.strip()) is not None
    match = _WITH_ENV.search(text)
    if match and (match[0].startswith("${") or not prose):
        return _told(text, match, match[1])
    match = _WHOLE.match(text.strip()) if whole else None
    if match and _is_all(text.strip(), match):
        return _told(text.strip(), match, match[1] or match[2])
    if prose:
        return None
    match = _SHELL.search(text)
    if match:
        return _told(text, match, match[1] or match[2])
    match = _IN_ADDRESS.search(text) if "://" in text else None
    return _told(text, match, match[1]) if match else None


def nested_reference(name: str) -> NearReference:
    """Return what is to be said about a default that holds a reference itself.

    Args:
        name: the outer variable.
    """
    message = f"the default of `${{env.{name}:=...}}` holds a reference: the release takes it for text"
    advice = f"write ${{env.{name}:=value}} with a plain value, and set {name} where it has to be another one"
    return NearReference(message, advice)


def _of_template(match: re.Match[str]) -> NearReference:
    if match[1]:
        return _left(f"{match[0]} }}}}", f"write {_right(match[2], '')}")
    message = "`{{` is filled in by Helm alone: the release leaves it as it is"
    return NearReference(message, "check what `helm template` prints, or write ${env.NAME}")


def _is_all(text: str, match: re.Match[str]) -> bool:
    return match[1] is None or (text.endswith("}") and "}" not in text[:-1] and "\n" not in text)


def _told(text: str, match: re.Match[str], name: str) -> NearReference:
    """Return the place at a match, with the form that is right."""
    start = " ".join(match[0].split())
    if not match[0].startswith("${"):
        return _left(start, f"write {_right(name, '')}")
    operator = _OPERATOR.match(text, match.end())
    after = operator.end() if operator else match.end()
    end = text.find("}", after)
    sign = (operator[1] or "") if operator else ""
    if end < 0:
        return _left(f"{start}{sign}", f"close it: {_right(name, sign)}")
    word = text[after:end]
    written = f"{start}{sign}{'...' if word.strip() else ''}}}"
    return _left(written, f"write {_right(name, sign, word)}{_upper_case(name)}")


def _left(written: str, advice: str) -> NearReference:
    return NearReference(f"`{written}` is no reference to a variable: the release leaves it as it is", advice)


def _right(name: str, sign: str, word: str = "") -> str:
    proper = re.sub(r"[^A-Z0-9_]", "_", name.upper()) or "NAME"
    if sign.endswith("?") or not (sign or word.strip()):
        return f"${{env.{proper}}}"
    shown = word if not word or _is_harmless(word, proper) else "..."
    return f"${{env.{proper}:{'+' if sign.endswith('+') else '='}{shown}}}"


def _is_harmless(word: str, name: str) -> bool:
    """Whether the default of a variable of this name may be repeated."""
    if _PLAIN.fullmatch(word):
        return True
    return name.endswith(("URL", "HOST", "DIR", "PATH", "MODEL", "ENDPOINT")) and bool(_HARMLESS.fullmatch(word))


def _upper_case(name: str) -> str:
    return "" if name == name.upper() else ": names of variables are in upper case"
