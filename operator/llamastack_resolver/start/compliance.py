"""Whether an instance implements its API's protocol.

All public methods of the protocol count, whatever their decorators. A method that only the protocol itself
defines is not implemented, unless the protocol's own body does something: some protocols have working
defaults. Where the protocol's body does something, even if it only refuses, callers cope with a provider that
lacks the method (`openai_chat_completions_with_reasoning` since 0.7, which most providers of the release
lack): that is a warning.

Releases up to 0.6 check some methods themselves when they start, and refuse to: whatever they refuse is an error.
"""

from __future__ import annotations

import dis
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from typing import Protocol as TypingProtocol

from pydantic import BaseModel

from llamastack_resolver.findings import Finding, Findings, Reason, Severity
from llamastack_resolver.introspection.protocols import describe_protocol
from llamastack_resolver.knowledge import Method, Protocol, ReleaseKnowledge
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.reasons import ProtocolReason
from llamastack_resolver.start.deviations import shipped_without

Problem = Literal["missing", "not_callable", "not_actually_implemented", "signature_mismatch", "cannot_be_called"]
# What the body of a stub compiles to: `...`, `pass` or a docstring, in a plain or an async function.
_STUB_OPCODES = frozenset(
    {
        "RESUME",
        "NOP",
        "POP_TOP",
        "CACHE",
        "LOAD_CONST",
        "RETURN_CONST",
        "RETURN_VALUE",
        "RETURN_GENERATOR",
        "CALL_INTRINSIC_1",
        "RERAISE",
        "MAKE_CELL",
        "COPY_FREE_VARS",
    }
)
_REASONS: dict[Problem, Reason] = {
    "missing": ProtocolReason.MISSING_METHOD,
    "not_callable": ProtocolReason.MISSING_METHOD,
    "not_actually_implemented": ProtocolReason.NOT_IMPLEMENTED,
    "signature_mismatch": ProtocolReason.SIGNATURE_MISMATCH,
    "cannot_be_called": ProtocolReason.SIGNATURE_MISMATCH,
}
_REFUSED = "The release itself does not start with it: use a version of the package that is made for the release."
_OTHER_PROVIDER = "the release ships it so: do without the method, or use another provider"
_OTHER_VERSION = "use a version of the package that is made for this release"
_WORDS: dict[Problem, str] = {
    "missing": "is missing",
    "not_callable": "is not callable",
    "not_actually_implemented": "is only declared by the protocol, not implemented",
}


@dataclass(frozen=True)
class ComplianceRules:
    """How much a disagreement matters (`startup.compliance` of a LlamaStack)."""

    missing: Severity = Severity.ERROR
    signature: Severity = Severity.WARNING


@dataclass(frozen=True)
class Violation:
    """One method on which an instance and its protocol disagree.

    Attributes:
        method: its name.
        problem: what is wrong.
        detail: what is wrong in words, where the problem alone does not say it.
        optional: the method is missing, and the protocol's own has a body: callers have to do without it.
        refused: the release's own check looks at this method, and does not start over it.
    """

    method: str
    problem: Problem
    detail: str = ""
    optional: bool = False
    refused: bool = False


def check_protocol_compliance(obj: Any, protocol: Protocol | type[Any]) -> list[Violation]:
    """Return every method of the protocol that an instance does not implement as declared.

    Args:
        obj: the instance, which needs nothing but its class; or the class itself, of which less can be said:
            what instances are given when they are made is not seen.
        protocol: the protocol, as a release's knowledge has it, or its class.
    """
    if isinstance(protocol, type):
        declared, protocol = protocol, Protocol.from_dict(describe_protocol(protocol))
    else:
        declared = _protocol_class(protocol.class_name)
    owners = frozenset(base for base in declared.__mro__ if base.__module__ not in ("typing", "builtins", "abc"))
    return [
        violation
        for name, method in sorted(protocol.methods.items())
        for violation in _check_method(obj, method, owners, getattr(declared, name, None))
    ]


def report_compliance(
    obj: Any,
    api: str,
    provider: ProviderWithSpec,
    knowledge: ReleaseKnowledge,
    rules: ComplianceRules,
    findings: Findings,
) -> bool:
    """Check an instance against its API's protocol and the private one of the routing table, and report it
    all.

    Args:
        obj: the instance, or its class.
        api: the API that it provides.
        provider: its entry and spec.
        knowledge: the release.
        rules: how much disagreements matter.
        findings: where they go.

    Returns:
        Whether nothing was found that is an error.
    """
    complies = True
    public = knowledge.compliance_protocol(api)
    for protocol in [*([public] if public else []), *private_protocols(api, knowledge)]:
        for violation in check_protocol_compliance(obj, protocol):
            severity = _severity(violation, protocol, protocol is not public, provider, rules)
            hint = _REFUSED if violation.refused else None
            if severity is Severity.ERROR and provider.origin == "builtin":
                hint = shipped_without(api, provider.provider_type, violation.method, knowledge.release)
                severity = Severity.WARNING if hint else severity
            if severity is not Severity.INFO:
                hint = hint or (_OTHER_PROVIDER if provider.origin == "builtin" else _OTHER_VERSION)
            complies = complies and severity is not Severity.ERROR
            findings.add(_finding(severity, obj, violation, protocol, api, provider, hint))
    return complies


def _finding(
    severity: Severity,
    obj: Any,
    violation: Violation,
    protocol: Protocol,
    api: str,
    provider: ProviderWithSpec,
    hint: str | None,
) -> Finding:
    name = protocol.class_name.rsplit(".", 1)[-1]
    words = violation.detail or _WORDS[violation.problem]
    message = f"{_class_of(obj).__name__}.{violation.method} {words} ({name})"
    path = provider.entry.path if provider.entry else f"providers.{api}"
    return Finding(severity, _REASONS[violation.problem], message, path, api, provider.provider_id, hint)


def _severity(
    violation: Violation, protocol: Protocol, private: bool, provider: ProviderWithSpec, rules: ComplianceRules
) -> Severity:
    if violation.refused:
        return Severity.ERROR
    if violation.problem == "signature_mismatch":
        return rules.signature
    if private and violation.problem == "not_actually_implemented":
        # The stub of a private protocol is a no-op that built-in providers rely on.
        return Severity.INFO if provider.origin == "builtin" else Severity.WARNING
    lenient = violation.optional or _is_unstable(protocol.methods[violation.method])
    return Severity.WARNING if lenient and rules.missing is Severity.ERROR else rules.missing


def _is_unstable(method: Method) -> bool:
    """Methods below /v1alpha or /v1beta are optional in practice: releases ship providers without them."""
    return bool(method.route and not method.route.path.startswith("/v1/"))


def private_protocols(api: str, knowledge: ReleaseKnowledge) -> list[Protocol]:
    """Return the protocols that a provider implements for the routing table in front of it.

    Upstream files the one of tool groups under the routing table, where no provider is ever looked up.
    """
    tables = [pair.table for pair in knowledge.routed if pair.router == api]
    return [
        knowledge.additional_protocols[name].private
        for name in (api, *tables)
        if name in knowledge.additional_protocols
    ]


def _check_method(obj: Any, method: Method, owners: frozenset[type], declared: Any) -> Iterator[Violation]:
    checked = _checked_by_release(declared)
    refused = checked is not None
    try:
        found = _class_member(obj, method.name) if isinstance(obj, type) else getattr(obj, method.name)
    except AttributeError:
        yield Violation(method.name, "missing", optional=_has_body(method.name, owners), refused=refused)
        return
    except Exception as error:
        # Of a class no more can be said than that it has the property.
        if not isinstance(obj, type):
            detail = f"is a property that fails: {type(error).__name__}"
            yield Violation(method.name, "not_callable", detail, refused=refused)
        return
    if not callable(found):
        yield Violation(method.name, "not_callable", refused=refused)
        return
    having = [candidate for candidate in _class_of(obj).__mro__ if method.name in vars(candidate)]
    if having and (having[0] in owners or _is_protocol(having[0])):
        refused = refused and len(having) == 1
        member = vars(having[0])[method.name]
        if refused or (is_stub(member) and _is_of_class(found, member)):
            yield Violation(method.name, "not_actually_implemented", refused=refused)
            return
    difference = _signature_difference(found, method, checked)
    if difference:
        yield Violation(method.name, "signature_mismatch", difference, refused=refused)
        return
    own = bool(having) and _is_of_class(found, vars(having[0])[method.name])
    yield from _call_problems(found, own, method, declared)


def _is_of_class(found: Any, member: Any) -> bool:
    """Whether what an instance has under a name is its class's member, and no attribute of its own or a proxy's."""
    return getattr(found, "__func__", found) in (member, getattr(member, "__func__", member))


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _call_problems(found: Any, own: bool, method: Method, declared: Any) -> Iterator[Violation]:
    """Yield why a call as the protocol declares it fails, though the names are right.

    Args:
        found: what the instance has under the method's name.
        own: whether that is its class's own function; what an attribute or a proxy returns is not known.
        method: what the protocol declares.
        declared: the protocol's function.
    """
    name = method.name
    if method.is_async:
        plain = inspect.unwrap(getattr(found, "__func__", found))
        generator = inspect.isasyncgenfunction(plain) and not inspect.isasyncgenfunction(declared)
        if generator or inspect.isgeneratorfunction(plain):
            yield Violation(name, "cannot_be_called", "is a generator, and cannot be awaited")
        elif own and inspect.isfunction(plain) and not _is_async(plain):
            yield Violation(name, "signature_mismatch", "is not async: what it returns has to be awaitable")
    try:
        parameters = [one for one in inspect.signature(found).parameters.values() if one.name != "self"]
    except (TypeError, ValueError):
        return
    if any(parameter.kind == "var_keyword" for parameter in method.parameters):
        return
    wanted = {parameter.name for parameter in method.parameters if parameter.named}
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    positional = {parameter.name for parameter in method.parameters if not parameter.named}
    extra = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in variadic
        and parameter.name not in wanted | positional
    ]
    if extra:
        yield Violation(name, "cannot_be_called", f"asks for {', '.join(extra)} besides what the protocol hands over")
    nameless = [one.name for one in parameters if one.kind is one.POSITIONAL_ONLY and one.name in wanted]
    if nameless:
        yield Violation(name, "signature_mismatch", f"does not take {', '.join(nameless)} by name")


def _checked_by_release(function: Any) -> Any:
    """Return a protocol's function where the release's own check looks at it, else None.

    It looks at what is marked as a route: in 0.2 unless the last mark says experimental, which marks have no more since
    0.3, and then unless one of the marks is of level alpha. The marks went with the routers of 0.5 to 0.7, and the
    check with them.
    """
    experimental = getattr(getattr(function, "__webmethod__", None), "experimental", None)
    if experimental is not None:
        return None if experimental else function
    routes = getattr(function, "__webmethods__", ())
    return function if routes and all(route.level != "v1alpha" for route in routes) else None


def _has_body(name: str, owners: frozenset[type]) -> bool:
    """Whether a protocol's own method does something, be it to refuse: then it is there for whoever lacks it."""
    return any(name in vars(owner) and not is_stub(vars(owner)[name]) for owner in owners)


def _class_of(obj: Any) -> type:
    return obj if isinstance(obj, type) else type(obj)


def _class_member(cls: type, name: str) -> Any:
    """Return what instances of a class have under a name; its metaclass does not count.

    Raises:
        AttributeError: they have nothing.
        LookupError: only an instance can tell: it is a property, or the class answers to any name.
    """
    owner = next((candidate for candidate in cls.__mro__ if name in vars(candidate)), None)
    if owner is None:
        # Pydantic's own answers for private attributes only.
        answers = any("__getattr__" in vars(c) for c in cls.__mro__ if c is not BaseModel)
        raise LookupError(name) if answers else AttributeError(name)
    value = vars(owner)[name]
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    if hasattr(value, "__get__") and not callable(value):
        raise LookupError(name)
    return value


def _is_protocol(cls: type) -> bool:
    # Not `_is_protocol`: upstream's tracing decorator makes implementations inherit it.
    return TypingProtocol in cls.__bases__


def is_stub(function: Any) -> bool:
    """Whether a function's body does nothing: `...`, `pass` or a docstring."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return False
    return all(instruction.opname in _STUB_OPCODES for instruction in dis.get_instructions(code))


def _signature_difference(function: Any, method: Method, checked: Any) -> str:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ""
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
    if takes_any and checked is None:
        return ""
    names = {parameter.name for parameter in parameters} - {"self"}  # a class's functions show it
    wanted = [parameter.name for parameter in method.parameters if parameter.named]
    if checked is not None:
        wanted = [name for name in inspect.signature(checked).parameters if name != "self"]
    absent = [name for name in wanted if name not in names]
    if not absent:
        return ""
    return f"does not take {', '.join(absent)}: it takes {', '.join(sorted(names)) or 'nothing'}"


def _protocol_class(class_name: str) -> type:
    """Return the class of a protocol, or `object` where it cannot be imported."""
    module, _, name = class_name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return object
    return found if isinstance(found, type) else object
