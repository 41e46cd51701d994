"""Exceptions of tenants' code, in one line: what, and where in their own code."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from llamastack_resolver.installed.errors import describe_error, is_ours, place_of, tell_error
from llamastack_resolver.redact import BLOT, LONGEST_TEXT, Redactor
from llamastack_resolver.watching import Watcher, redacting, watched_by

Raiser = Callable[[str], BaseException]


@pytest.fixture
def raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Raiser:
    """Returns what code of a package `greeter` raises."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "greeter").mkdir()

    def run(code: str) -> BaseException:
        (tmp_path / "greeter/__init__.py").write_text("")
        (tmp_path / "greeter/provider.py").write_text(code)
        importlib.invalidate_caches()
        for name in ("greeter", "greeter.provider"):
            monkeypatch.delitem(importlib.sys.modules, name, raising=False)  # type: ignore[attr-defined]
        try:
            importlib.import_module("greeter.provider")
        except BaseException as error:
            return error
        raise AssertionError("nothing was raised")

    return run


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = {}\nx['settings']", "KeyError: 'settings' (greeter/provider.py:2)"),
        ("import json\n\njson.loads('{')", "(greeter/provider.py:3)"),
        ("def f(:", "(greeter/provider.py:1)"),
        ("raise SystemExit(0)", "SystemExit: 0 (greeter/provider.py:1)"),
        (
            "def f():\n    raise ValueError('the real cause')\ntry:\n    f()\nexcept ValueError as e:\n"
            "    raise ExceptionGroup('several', [e, OSError()])",
            "ExceptionGroup: several (2 sub-exceptions): ValueError: the real cause (greeter/provider.py:2)",
        ),
        (
            "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
            "E, whose text cannot",
        ),
        ("class E(Exception):\n    def __str__(self): return 5\nraise E", "E, whose text cannot be had: TypeError"),
        ("raise OSError('two\\n  lines')", "OSError: two lines (greeter/provider.py:1)"),
        ("raise OSError('x' * 10**7)", "xxx (greeter/provider.py:1)"),
    ],
)
def test_an_error_is_told_with_its_place(raised: Raiser, code: str, words: str):
    text = describe_error(raised(code), "greeter.impl")

    assert words in text
    assert len(text) <= 400


def test_without_a_module_no_place_is_told(raised: Raiser):
    assert describe_error(raised("{}['a']")) == "KeyError: 'a'"
    assert place_of(raised("{}['a']"), "another") is None


def test_a_secret_is_taken_out_before_the_text_is_cut(raised: Raiser):
    with redacting(Redactor(["sk-" + "k" * 400, "two  blanks"])):
        text = describe_error(raised("raise OSError('x' * 350 + 'sk-' + 'k' * 400 + 'two  blanks')"))
        squeezed = describe_error(raised("raise OSError('two  blanks')"))

    assert "kkk" not in text
    assert squeezed == f"OSError: {BLOT}"


def test_the_whole_traceback_goes_to_who_watches_without_secrets(raised: Raiser):
    seen: list[str] = []

    class Reader(Watcher):
        def raised(self, traceback: str) -> None:
            seen.append(traceback)

    error = raised("raise OSError('sk-12345 ' * 99_999)")
    with watched_by(Reader()), redacting(Redactor(["sk-12345"])):
        tell_error(error)

    (text,) = seen
    assert 'provider.py", line 1' in text
    assert "sk-1" not in text
    assert len(text) < 2 * LONGEST_TEXT


def test_errors_of_our_own_are_told_from_others(raised: Raiser):
    try:
        describe_error(None, "greeter")  # type: ignore[arg-type]
    except Exception as error:
        assert is_ours(error)
    assert not is_ours(raised("{}['a']"))
