"""A run in another order has the same tests, and what belongs together stays together."""

import pytest

pytest_plugins = ["pytester"]

FILE = """
import pytest

class TestOne:
    def test_a(self): ...
    def test_b(self): ...

class TestTwo:
    @pytest.mark.parametrize("value", ["x::y", "x", "y"])
    def test_c(self, value): ...

def test_d(): ...
"""


def order(pytester: pytest.Pytester, *options: str) -> list[str]:
    result = pytester.runpytest("--collect-only", "-q", "-p", "tests.conftest", *options)
    return [line for line in result.outlines if "::" in line]


def test_seeds_put_the_same_tests_into_other_orders(pytester: pytest.Pytester):
    pytester.makepyfile(**{f"test_{name}": FILE for name in "pqr"})
    plain = order(pytester)
    orders = [order(pytester, "--shuffle", seed) for seed in ("1", "2", "1")]

    assert plain == sorted(plain, key=lambda line: line.partition("::")[0])
    assert orders[0] == orders[2] != orders[1] != plain
    assert {*map(frozenset, orders)} == {frozenset(plain)}
    assert all(len(found) == len(plain) == 18 for found in orders)


def test_files_and_classes_are_not_torn_apart(pytester: pytest.Pytester):
    pytester.makepyfile(**{f"test_{name}": FILE for name in "pqr"})
    found = order(pytester, "--shuffle", "3")

    for depth in (1, 2):
        places = ["::".join(line.split("[")[0].split("::")[:depth]) for line in found]
        runs = [place for place, before in zip(places, [None, *places], strict=False) if place != before]
        assert len(runs) == len(set(runs)), runs
