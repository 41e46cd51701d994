"""Which releases of the package index are for the catalog, and that none is left out without a reason."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator import catalog
from llamastack_resolver.releases import PACKAGES, Release
from scripts.catalog_releases import FIRST, PASSED_OVER, sort_out, why_not

SOME = {"ogx": ["1.10.0", "1.9.0", "0.8.0", "0.7.1"], "llama-stack": ["0.7.3", "0.3.0rc1", "0.2.16", "0.2.15"]}
VERSIONS = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


def test_releases_come_oldest_first_by_their_numbers_and_ogx_after_llama_stack() -> None:
    assert [*map(str, sort_out(SOME).releases)] == ["0.2.16", "0.7.3", "ogx-0.8.0", "ogx-1.9.0", "ogx-1.10.0"]


def test_what_is_missing_is_what_the_catalog_lacks_in_that_order() -> None:
    known = [Release("ogx", "1.9.0"), Release("llama-stack", "0.2.16"), Release("llama-stack", "0.1.0")]

    assert [*map(str, sort_out(SOME).missing(known))] == ["0.7.3", "ogx-0.8.0", "ogx-1.10.0"]
    assert sort_out(SOME).missing(sort_out(SOME).releases) == ()


@pytest.mark.parametrize(
    ("package", "version", "reason"),
    [
        ("llama-stack", "0.2.15", "older than 0.2.16"),
        ("llama-stack", "0.2.10.1", "older than 0.2.16"),
        ("llama-stack", "0.0.63", "older than 0.2.16"),
        ("llama-stack", "0.3.0rc1", "leads to a release"),
        ("ogx", "1.5.0.post1", "no X.Y.Z"),
        ("ogx", "1.6.0.dev3", "no X.Y.Z"),
        ("ogx", "0.1.0", "no server"),
        ("ogx", "0.7.1", "llama-stack 0.7.1"),
    ],
)
def test_a_version_is_passed_over_for_a_reason(package: str, version: str, reason: str) -> None:
    found = sort_out({package: [version]})

    assert found.releases == ()
    assert reason in found.passed_over[f"{package}=={version}"]


def test_the_first_release_and_all_later_numbers_are_for_the_catalog() -> None:
    assert not any(
        why_not(package, version) for package, version in [("llama-stack", "0.2.16"), ("llama-stack", "0.10.0")]
    )
    assert not why_not("ogx", "2.0.0")


@given(st.dictionaries(st.sampled_from(PACKAGES), st.lists(VERSIONS | st.text(string.printable), unique=True)))
def test_each_version_is_taken_or_has_a_reason_and_never_both(versions: dict[str, list[str]]) -> None:
    found = sort_out(versions)

    assert len(found.releases) + len(found.passed_over) == sum(map(len, versions.values()))
    assert all(found.passed_over.values())
    assert [*found.releases] == sorted(found.releases)


def test_reasons_are_told_once_with_the_names_or_the_span_of_many() -> None:
    old = ["0.2.15", "0.2.14", "0.2.13", "0.2.12"]
    lines = sort_out({"llama-stack": old, "ogx": ["0.1.0"]}).reasons()

    assert lines[0].startswith("llama-stack==0.2.12 to llama-stack==0.2.15, 4 versions: it is older")
    assert lines[1].startswith("ogx==0.1.0: ")


def test_the_catalog_has_nothing_that_is_passed_over() -> None:
    versions = {package: [r.version for r in catalog.releases() if r.package == package] for package in PACKAGES}

    assert sort_out(versions).releases == catalog.releases()
    assert catalog.releases()[0] == FIRST
    assert not {*PASSED_OVER} & {*catalog.releases()}
