"""Reads `module:` entries: a requirement for pip and the name of an import package at once.

Upstream strips `==` only, so that every other specifier, an extra or a dash fails at run time. Here the
requirement may be anything that pip takes; the import name comes from the installed distribution.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LENGTH = 512
"""Most characters of a requirement, or of a `module:`; real ones have up to 200, with a URL and a hash."""
# What repeats gives nothing back: a run of blanks would be tried in every split among the places for blanks.
_REQUIREMENT = re.compile(
    r"""^\s*+(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)
        \s*+(?:\[(?P<extras>[^\]]*+)\])?
        \s*+(?:@\s*+(?P<url>\S+)|(?P<specifier>\(?\s*+(?:===|==|~=|!=|<=|>=|<|>)[^;]*+))?
        \s*+(?:;(?P<marker>.*))?$""",
    re.VERBOSE,
)
# PEP 508 without nested parentheses being counted, in the syntax that Go, Rust and Python share: the API server
# enforces it too. Versions and specifiers are PEP 440's. Blanks are read with what stands before them, and nowhere
# twice, which keeps Python's time linear.
_SUFFIX = (
    r"([-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?[0-9]*)?"
    r"(-[0-9]+|[-_.]?(post|rev|r)[-_.]?[0-9]*)?([-_.]?dev[-_.]?[0-9]*)?"
)
_VERSION = rf"v?([0-9]+!)?[0-9]+(\.[0-9]+)*{_SUFFIX}"
_SEVERAL_PARTS = rf"v?([0-9]+!)?[0-9]+(\.[0-9]+)+{_SUFFIX}"
_PREFIX = r"v?([0-9]+!)?[0-9]+(\.[0-9]+)*\.\*"
_LOCAL = r"(\+[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*)?"
_CLAUSE = rf"((==|!=) *({_PREFIX}|{_VERSION}{_LOCAL})|(<=|>=|<|>) *{_VERSION}|~= *{_SEVERAL_PARTS})"
# Only at the end: what a comma after it means is told differently by each reader.
_ARBITRARY = r"=== *[-A-Za-z0-9.+*!_]+"
_CLAUSES = rf"({_CLAUSE}( *, *{_CLAUSE})*( *, *{_ARBITRARY})?|{_ARBITRARY})"
_NAME = r"[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?"
_OPERAND = r"""([a-z_]+|'[ -&(-~]*'|"[ !#-~]*")"""
_COMPARISON = rf"[( ]*{_OPERAND} *(===?|~=|!=|<=?|>=?| in | not +in ) *{_OPERAND}[) ]*"
_MARKER = rf";{_COMPARISON}( (and|or) {_COMPARISON})*"
REQUIREMENT_PATTERN = (
    rf"^{_NAME} *(\[ *({_NAME} *(, *{_NAME} *)*)?\] *)?"
    rf"(({_CLAUSES} *|\( *{_CLAUSES} *\) *)?({_MARKER})?|@ *[!-~]+( +{_MARKER}| *))$"
)
"""What a PEP 508 requirement looks like; options of pip such as `-r` or `--index-url` do not."""
_IMPORT_NAME = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")


MODULE_CURE = "write name and version, such as my-provider==1.0"
"""What to do about a `module:` entry that is no requirement."""


class RequirementError(ValueError):
    """The text is no requirement that pip would take.

    Attributes:
        hint: what to do about it, if there is more to say.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ModuleRequirement(NamedTuple):
    """A parsed `module:` entry.

    Attributes:
        text: as written.
        name: the distribution's name, or a dotted import name.
        extras: names in brackets.
        specifier: the version specifiers, such as `==0.4.0` or `>=1,<2`; empty for none.
        url: the direct reference after `@`, if there is one.
    """

    text: str
    name: str
    extras: tuple[str, ...] = ()
    specifier: str = ""
    url: str | None = None

    @property
    def plain(self) -> bool:
        """Whether upstream's own servers can import it: an import name, at most with `==`."""
        return bool(_IMPORT_NAME.match(self.text.split("==")[0].strip())) and "[" not in self.text


def parse_module(text: str) -> ModuleRequirement:
    """Parse a `module:` entry (a PEP 508 requirement, or an import name).

    Raises:
        RequirementError: it is neither, or too long.
    """
    check_length(text)
    match = _REQUIREMENT.match(text)
    if not match:
        raise RequirementError(f"{text!r} is neither a module name nor a requirement such as my-provider>=1.0")
    extras = tuple(part.strip() for part in (match["extras"] or "").split(",") if part.strip())
    specifier = (match["specifier"] or "").strip("() ").replace(" ", "")
    return ModuleRequirement(text, match["name"], extras, specifier, match["url"])


def check_length(text: str) -> None:
    """Make sure that a text is no longer than a requirement may be.

    Raises:
        RequirementError: it is.
    """
    if len(text) > MAX_LENGTH:
        message = f"{text[:40]!r}... has {len(text)} characters: a requirement has at most {MAX_LENGTH}"
        raise RequirementError(message, "write one package: its name, extras and versions, or its URL")


def check_module(text: str) -> ModuleRequirement:
    """Parse a `module:` entry that is to be installed: what an import name at run time forgives, pip does not.

    Raises:
        RequirementError: pip would not take it.
    """
    requirement = parse_module(text)
    check_requirement(text.strip())
    return requirement


def check_requirement(text: object) -> None:
    """Make sure that pip takes a value as a requirement, and as nothing else.

    Raises:
        RequirementError: it does not.
    """
    if isinstance(text, str):
        check_length(text)
    if not isinstance(text, str) or "\n" in text or not re.match(REQUIREMENT_PATTERN, text):
        raise RequirementError(f"{text!r} is no requirement (PEP 508) such as my-provider>=1.0")


def import_names(requirement: ModuleRequirement) -> list[str]:
    """Return the import names to try for an installed requirement, the likeliest first.

    The installed distribution's own files are asked before any guess is made.
    """
    names = []
    if _IMPORT_NAME.match(requirement.name):
        names.append(requirement.name)
    names += _packages_of(requirement.name)
    names.append(re.sub(r"[-.]+", "_", requirement.name))
    return list(dict.fromkeys(name for name in names if _IMPORT_NAME.match(name)))


def installed_version(requirement: ModuleRequirement) -> str | None:
    """Return the version of the installed distribution, None where it is not installed under that name."""
    import importlib.metadata

    try:
        return importlib.metadata.version(requirement.name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None


def _packages_of(distribution_name: str) -> list[str]:
    import importlib.metadata

    try:
        distribution = importlib.metadata.distribution(distribution_name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return []
    top_level = (distribution.read_text("top_level.txt") or "").split()
    files = [str(file) for file in distribution.files or ()]
    providers = [file.removesuffix("/provider.py").replace("/", ".") for file in files if file.endswith("/provider.py")]
    shallow = sorted((name for name in providers if name.count(".") == 0), key=len)
    packages = [file.split("/")[0] for file in files if file.endswith("/__init__.py") and file.count("/") == 1]
    return [*shallow, *top_level, *packages]
