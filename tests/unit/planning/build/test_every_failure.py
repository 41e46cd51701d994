"""Every reason that a program of a build's pod can give for its failure reaches the status as that reason.

One that the operator did not know would be told as a build that ended with an exit code, without the program's words.
The reasons are read from the programs' source, so that a new one needs no line here.
"""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import llamastack_installer
import llamastack_operator.images
import llamastack_resolver.installed
from llamastack_installer.failure import FailureError
from llamastack_operator.images.failure import BuildError
from llamastack_operator.planning.build.failure import failure_of
from tests.support.build_attempts import build, ended, job_of, pod_of

ERRORS = (FailureError, BuildError)
HANDED_ON = {"llamastack_installer.specs"}
"""Modules that pass on a reason of somebody else: of what the resolver finds in an installed module."""

OWNER = build(phase="Building", attempts=1)
JOB = job_of(OWNER, ended=("Failed", "BackoffLimitExceeded"))


def modules(package: ModuleType) -> Iterator[tuple[ModuleType, ast.Module]]:
    """Yield every module of a package with its source, but for programs that would run when they are imported."""
    (folder,) = package.__path__
    for path in sorted(Path(folder).rglob("*.py")):
        if path.stem != "__main__":
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join([package.__name__, *(part for part in parts if part != "__init__")])
            yield importlib.import_module(name), ast.parse(path.read_text())


def raised(package: ModuleType) -> Iterator[tuple[str, ast.expr, Any]]:
    """Yield module, expression and value of the reason of each error that a package makes."""
    for module, tree in modules(package):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and value_of(node.func, module) in ERRORS:
                named = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
                reason = (node.args or named)[0]
                for one in (reason.body, reason.orelse) if isinstance(reason, ast.IfExp) else (reason,):
                    yield module.__name__, one, value_of(one, module)


def value_of(expression: ast.expr, module: ModuleType) -> Any:
    """Return what an expression stands for in a module: of an entry of a table the whole table, else None."""
    match expression:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return vars(module).get(name)
        case ast.Attribute(holder, name):
            return getattr(value_of(holder, module), name, None)
        case ast.Subscript(table):
            return value_of(table, module)
    return None


def reasons(package: ModuleType) -> set[str]:
    values = [value for _, _, value in raised(package)]
    tables = [value for value in values if isinstance(value, Mapping)]
    return {value for value in values if isinstance(value, str)} | {word for table in tables for word in table.values()}


def found_in_modules() -> set[str]:
    """Return the reasons of what the resolver finds wrong with installed modules."""
    return {
        str(value_of(node, module))
        for module, tree in modules(llamastack_resolver.installed)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("Reason")
    }


def told(reason: str, step: str) -> str:
    message = json.dumps({"reason": reason, "message": "x"})
    return str(failure_of(JOB, pod_of(OWNER, JOB, "Failed", **{step: ended(1, message)})).reason)


@pytest.mark.parametrize("reason", sorted((reasons(llamastack_installer) | found_in_modules()) - {"Tampered"}))
def test_of_the_installer_is_told(reason: str) -> None:
    """But that its inputs were forged: tenants' code could say so too, and `prepare`, which sees it first, says it."""
    assert told(reason, "install") == reason


@pytest.mark.parametrize("reason", sorted(reasons(llamastack_operator.images)))
def test_of_the_operators_own_programs_is_told(reason: str) -> None:
    assert told(reason, "push") == reason


@pytest.mark.parametrize("package", [llamastack_installer, llamastack_operator.images], ids=lambda one: one.__name__)
def test_that_cannot_be_read_from_the_source_is_one_that_somebody_else_gave(package: ModuleType) -> None:
    unread = {name for name, _, value in raised(package) if not isinstance(value, str | Mapping)}
    assert unread <= HANDED_ON


def test_the_reasons_are_found_in_the_source() -> None:
    """Else nothing would be looked at: one of each kind of place is named here."""
    assert {"SourceBuildFailed", "IndexCertificate"} <= reasons(llamastack_installer)
    assert {"PushDenied", "LockLost", "Tampered"} <= reasons(llamastack_operator.images)
    assert {"SpecMissing", "ModuleNotFound"} <= found_in_modules()
