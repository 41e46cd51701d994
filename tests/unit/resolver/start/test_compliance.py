"""Protocol compliance: every public method counts, whatever its decorators, on instances of any kind."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import pytest

from llamastack_resolver import knowledge as model
from llamastack_resolver.config.run_config import ProviderEntry
from llamastack_resolver.findings import Findings, Severity
from llamastack_resolver.introspection import describe_protocol
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.start.compliance import (
    ComplianceRules,
    check_protocol_compliance,
    is_stub,
    report_compliance,
)
from tests.support.small_release import core


class Files(Protocol):
    """A protocol as upstream writes them: stubs, and one method with a working default."""

    async def upload(self, file: str, purpose: str) -> str:
        """Upload."""
        ...

    async def delete(self, file_id: str) -> None: ...

    def describe(self) -> str:
        return type(self).__name__

    async def _private(self) -> None: ...


class Complete:
    async def upload(self, file: str, purpose: str) -> str:
        return file + purpose

    async def delete(self, file_id: str) -> None:
        raise KeyError(file_id)

    def describe(self) -> str:
        return "complete"


PROTOCOL = model.Protocol.from_dict(describe_protocol(Files))


def problems(cls: type) -> list[tuple[str, str]]:
    return [(v.method, v.problem) for v in check_protocol_compliance(object.__new__(cls), PROTOCOL)]


def test_a_complete_implementation_has_no_violation():
    assert problems(Complete) == []


def test_private_methods_are_no_part_of_a_protocol():
    assert sorted(PROTOCOL.methods) == ["delete", "describe", "upload"]


def test_a_removed_method_is_missing():
    class Removed:
        upload, describe = Complete.upload, Complete.describe

    assert problems(Removed) == [("delete", "missing")]


def test_a_method_that_is_a_value_is_not_callable():
    class Value(Complete):
        delete = "soon"  # type: ignore[assignment]

    assert problems(Value) == [("delete", "not_callable")]


class TestAMethodInheritedFromTheProtocol:
    def test_is_not_implemented_where_the_protocol_has_a_stub(self):
        class Inherits(Files):
            async def upload(self, file: str, purpose: str) -> str:
                return file

        assert problems(Inherits) == [("delete", "not_actually_implemented")]

    def test_is_fine_where_the_protocol_has_a_default(self):
        class Inherits(Complete, Files):
            pass

        assert problems(Inherits) == []

    def test_may_come_from_a_mixin(self):
        class Mixin:
            async def delete(self, file_id: str) -> None:
                raise KeyError(file_id)

        class Inherits(Mixin, Files):
            async def upload(self, file: str, purpose: str) -> str:
                return file

        assert problems(Inherits) == []


class TestParameters:
    def test_that_an_implementation_does_not_take_are_named(self):
        class Renamed(Complete):
            async def upload(self, content: str, purpose: str) -> str:  # type: ignore[override]
                return content

        violations = check_protocol_compliance(object.__new__(Renamed), PROTOCOL)

        assert [(v.method, v.detail) for v in violations] == [
            ("upload", "does not take file: it takes content, purpose")
        ]

    def test_may_be_taken_as_keywords(self):
        class Keywords(Complete):
            async def upload(self, **arguments: Any) -> str:  # type: ignore[override]
                return str(arguments)

        assert problems(Keywords) == []

    def test_may_be_more_than_the_protocol_has(self):
        class More(Complete):
            async def delete(self, file_id: str, force: bool = False) -> None:
                raise KeyError(file_id)

        assert problems(More) == []


class TestACall:
    @pytest.mark.parametrize(
        ("replacement", "problem"),
        [
            ("def delete(self, file_id): return None", "signature_mismatch"),
            ("async def delete(self, file_id): yield 1", "cannot_be_called"),
            ("def delete(self, file_id): yield 1", "cannot_be_called"),
            ("async def delete(self, file_id, force): pass", "cannot_be_called"),
            ("async def delete(self, file_id, *, force): pass", "cannot_be_called"),
            ("async def delete(self, file_id, /): pass", "signature_mismatch"),
            ("async def delete(self, file_id, force=False, *more, **others): pass", None),
            ("async def delete(*args, **kwargs): pass", None),
            ("delete = staticmethod(functools.partial(deleted, None))", None),
            ("delete = functools.wraps(deleted)(lambda self, file_id: deleted(self, file_id))", None),
        ],
    )
    def test_as_the_protocol_declares_it_has_to_work(self, replacement: str, problem: str | None):
        async def deleted(self: object, file_id: str) -> None: ...

        namespace: dict[str, Any] = {"Complete": Complete, "functools": functools, "deleted": deleted}
        exec(f"class Changed(Complete):\n    {replacement}", namespace)  # noqa: S102

        expected = [("delete", problem)] if problem else []
        assert problems(namespace["Changed"]) == expected
        of_class = [(v.method, v.problem) for v in check_protocol_compliance(namespace["Changed"], Files)]
        assert of_class == expected


class TestAnInstance:
    def test_may_carry_methods_over_what_it_inherits_from_the_protocol(self):
        class Filled(Files):
            describe = Complete.describe

            def __init__(self) -> None:
                inner = Complete()
                self.upload, self.delete = inner.upload, inner.delete  # type: ignore[method-assign]

        assert check_protocol_compliance(Filled(), PROTOCOL) == []
        assert {v.method for v in check_protocol_compliance(Filled, PROTOCOL)} == {"upload", "delete"}

    def test_may_answer_for_another_one_in_place_of_the_protocols_stubs(self):
        class Proxy(Files):
            def __getattribute__(self, name: str) -> Any:
                return getattr(Complete(), name)

        assert check_protocol_compliance(Proxy(), PROTOCOL) == []

    def test_must_not_fail_when_it_is_asked_for_a_method(self):
        class Failing(Complete):
            @property
            def delete(self) -> Any:  # type: ignore[override]
                raise ValueError("boom")

        (violation,) = check_protocol_compliance(Failing(), PROTOCOL)

        assert (violation.method, violation.problem) == ("delete", "not_callable")
        assert violation.detail == "is a property that fails: ValueError"
        assert check_protocol_compliance(Failing, PROTOCOL) == []


def test_a_protocol_may_be_given_as_its_class():
    class Removed:
        upload, describe = Complete.upload, Complete.describe

    assert [(v.method, v.problem) for v in check_protocol_compliance(Removed(), Files)] == [("delete", "missing")]


def test_an_instance_whose_attributes_answer_to_everything_is_not_accused():
    class Proxy:
        def __getattr__(self, name: str) -> Any:
            return lambda **arguments: arguments

    assert problems(Proxy) == []


@pytest.mark.parametrize(
    ("body", "stub"),
    [
        ("...", True),
        ("pass", True),
        ("'''Only words.'''", True),
        ("raise NotImplementedError('no')", False),
        ("return 1 + len(str(self))", False),
    ],
)
@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_a_body_that_does_nothing_is_a_stub(body: str, stub: bool, keyword: str):
    namespace: dict[str, Any] = {}
    exec(f"{keyword} f(self, a):\n    {body}", namespace)  # noqa: S102

    assert is_stub(namespace["f"]) is stub


class TestReports:
    def report(self, rules: ComplianceRules, path: str = "/v1/files") -> list[tuple[str, str]]:
        class Half:
            async def upload(self, wrong: str) -> str:
                return wrong

            describe = Complete.describe

        described = describe_protocol(Files, {"delete": {"method": "DELETE", "path": path}})
        release = model.ReleaseKnowledge.from_dict(core(protocols={"files": described}))
        spec = release.providers["files"]["inline::localfs"]
        entry = ProviderEntry("files", "fs", "inline::localfs", {}, None, "providers.files[0]")
        findings = Findings()
        provider = ProviderWithSpec("fs", "inline::localfs", spec, entry)
        report_compliance(Half(), "files", provider, release, rules, findings)
        return [(f.severity.value, f.reason.value) for f in findings]

    def test_call_a_missing_method_an_error_and_a_parameter_a_warning(self):
        assert self.report(ComplianceRules()) == [
            ("error", "MissingMethod"),
            ("warning", "SignatureMismatch"),
        ]

    def test_can_be_set_otherwise(self):
        rules = ComplianceRules(missing=Severity.WARNING, signature=Severity.ERROR)

        assert self.report(rules) == [("warning", "MissingMethod"), ("error", "SignatureMismatch")]

    def test_call_a_missing_method_of_an_unstable_route_a_warning(self):
        assert self.report(ComplianceRules(), "/v1alpha/files")[0] == ("warning", "MissingMethod")


class Old(NamedTuple):
    """What 0.2 marks a route with."""

    experimental: bool = False
    level: str = "v1"
    route: str | None = None
    method: str | None = None


class New(NamedTuple):
    """What 0.3 marks a route with, perhaps several times."""

    level: str = "v1"
    route: str | None = None
    method: str | None = None


def marked(**marks: Any) -> Callable[[Any], Any]:
    """Return what releases up to 0.6 put on the functions of a protocol; their own check looks at those alone."""

    def mark(function: Any) -> Any:
        for name, value in marks.items():
            setattr(function, name, value)
        return function

    return mark


class Checked(Protocol):
    @marked(__webmethod__=Old(), __webmethods__=[Old(level="v1alpha"), Old()])
    async def old(self, a: str) -> None: ...

    @marked(__webmethod__=New(), __webmethods__=[New()])
    async def new(self, a: str) -> None: ...

    @marked(__webmethod__=New(), __webmethods__=[New()])
    async def with_body(self, a: str) -> None:
        raise NotImplementedError("optional")

    @marked(__webmethod__=Old(experimental=True), __webmethods__=[Old(experimental=True)])
    async def experimental(self, a: str) -> None: ...

    @marked(__webmethod__=New(), __webmethods__=[New(level="v1alpha"), New()])
    async def alpha(self, a: str) -> None: ...

    async def unmarked(self, a: str) -> None: ...


class TestWhatTheReleaseItselfRefuses:
    def refused(self, cls: type) -> dict[str, tuple[str, bool]]:
        protocol = model.Protocol.from_dict(describe_protocol(Checked))
        found = check_protocol_compliance(object.__new__(cls), protocol)
        return {violation.method: (violation.problem, violation.refused) for violation in found}

    def test_is_a_missing_method_that_its_check_looks_at(self):
        assert self.refused(type("Empty", (), {})) == {
            "old": ("missing", True),
            "new": ("missing", True),
            "with_body": ("missing", True),
            "experimental": ("missing", False),
            "alpha": ("missing", False),
            "unmarked": ("missing", False),
        }

    def test_is_another_parameter_even_where_any_are_taken(self):
        async def anything(self: Any, **arguments: Any) -> None:
            raise KeyError(arguments)

        methods = ("old", "new", "with_body", "experimental", "alpha", "unmarked")
        assert self.refused(type("Any", (), dict.fromkeys(methods, anything))) == {
            "old": ("signature_mismatch", True),
            "new": ("signature_mismatch", True),
            "with_body": ("signature_mismatch", True),
        }

    def test_is_what_the_protocol_alone_defines_even_with_a_body(self):
        assert self.refused(type("Inherits", (Checked,), {})) == {
            "old": ("not_actually_implemented", True),
            "new": ("not_actually_implemented", True),
            "with_body": ("not_actually_implemented", True),
            "experimental": ("not_actually_implemented", False),
            "alpha": ("not_actually_implemented", False),
            "unmarked": ("not_actually_implemented", False),
        }

    def test_is_an_error_whatever_the_rules_say(self):
        described = describe_protocol(Checked, {"new": {"method": "POST", "path": "/v1alpha/new"}})
        release = model.ReleaseKnowledge.from_dict(core(protocols={"files": described}))
        provider = ProviderWithSpec(
            "fs", "inline::localfs", release.providers["files"]["inline::localfs"], None, "module"
        )
        findings = Findings()
        lenient = ComplianceRules(missing=Severity.WARNING, signature=Severity.WARNING)
        assert not report_compliance(
            object.__new__(type("Empty", (), {})), "files", provider, release, lenient, findings
        )
        errors = [finding for finding in findings if finding.severity is Severity.ERROR]
        assert sorted(finding.message.split()[0] for finding in errors) == ["Empty.new", "Empty.old", "Empty.with_body"]
        assert all("made for the release" in str(finding.hint) for finding in errors)
