"""Packages with options of pip in their requirement, as provider specs write them.

Upstream calls a package special when `--no-deps`, `--index-url` or `--extra-index-url` stands in its text, and
installs each by a call of its own. Of pip's other options only `--pre` is taken from a spec.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

from llamastack_installer.failure import FailureError
from llamastack_installer.pip import Sources

FLAGS = ("--no-deps", "--index-url", "--extra-index-url")
_ALONE = ("--no-deps", "--pre")
_VALUED = FLAGS[1:]
_KNOWN = (*_ALONE, *_VALUED)
_NAMED = re.compile(r"\$\{index\.([A-Za-z0-9][A-Za-z0-9_.-]*)\}/?")


def split_packages(packages: Iterable[str]) -> tuple[list[str], list[list[str]]]:
    """Return plain requirements and special calls, each once, in order.

    Raises:
        FailureError: a text cannot be split into words.
    """
    plain: list[str] = []
    special: list[list[str]] = []
    for text in dict.fromkeys(packages):
        if not any(flag in text for flag in _KNOWN):
            plain.append(text.strip())
            continue
        try:
            special.append(shlex.split(text))
        except ValueError as error:
            message = f"{text!r} is no requirement: {error}"
            raise FailureError("RequirementInvalid", message, concerns=text.split()[:1]) from error
    return [text for text in plain if text], special


def special_arguments(call: Sequence[str], sources: Sources) -> list[str]:
    """Return pip's arguments for one special call, its indexes being those of the proxy where it has them.

    Raises:
        FailureError: an option is none of those, or an index is named by what is no address.
    """
    options: list[str] = []
    packages: list[str] = []
    replaced = False
    words = iter(call)
    for word in words:
        flag, _, value = word.partition("=")
        if not word.startswith("-"):
            packages.append(word)
        elif word in _ALONE:
            options.append(word)
        elif flag in _VALUED:
            url = value or next(words, "")
            if sources.wheels is None:
                address = _address(url, sources, call)
                options += [flag, address] if address else []
                replaced = replaced or (flag == "--index-url" and bool(address))
        else:
            message = f"{shlex.join(call)!r} has the option {flag}, and only {', '.join(_KNOWN)} are known"
            hint = "ask the provider's author to leave it out"
            raise FailureError("RequirementInvalid", message, hint, concerns=_packages(call))
    if not packages:
        raise FailureError("RequirementInvalid", f"{shlex.join(call)!r} names no package")
    return [*(sources.trusted() if replaced else sources.options()), *options, *packages]


def _address(url: str, sources: Sources, call: Sequence[str]) -> str | None:
    """Return where pip finds an index; None for a name that the platform gives no address: the others have to do."""
    settings = sources.build.pip
    named = settings.named
    match = _NAMED.fullmatch(url)
    if match:
        return sources.named(match[1]) if match[1] in named else None
    for name, address in named.items():
        if address.rstrip("/") == url.rstrip("/"):
            return sources.named(name)
    for number, address in enumerate(settings.indexes):
        if address.rstrip("/") == url.rstrip("/"):
            return sources.numbered(number)
    if not re.match(r"https?://", url):
        message = f"{shlex.join(call)!r} names an index by {url!r}, which is no address"
        raise FailureError("RequirementInvalid", message, concerns=_packages(call))
    return url


def _packages(call: Sequence[str]) -> list[str]:
    """Return the words of a call that may name packages: values of unknown options are among them."""
    return [word for word in call if not word.startswith("-")]
