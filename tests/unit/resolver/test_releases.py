"""Which releases there are, in which order, and how each one is started."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.api.stack import ReleaseReference
from llamastack_resolver.releases import PACKAGES, Release, UnknownReleaseError, start_command

OLD_MODULE = "python3 -m llama_stack.distribution.server.server --config C --port 9"
NEW_MODULE = "python3 -m llama_stack.core.server.server C --port 9"
STARTS = [
    ("llama-stack", "0.2.12", OLD_MODULE),
    ("llama-stack", "0.2.16", OLD_MODULE),
    ("llama-stack", "0.2.17", NEW_MODULE),
    ("llama-stack", "0.2.23", NEW_MODULE),
    ("llama-stack", "0.3.0", "llama stack run C --port 9"),
    ("llama-stack", "0.3.0rc1", "llama stack run C --port 9"),
    ("llama-stack", "0.7.3", "llama stack run C --port 9"),
    ("ogx", "0.8.0", "ogx stack run C --port 9"),
    ("ogx", "0.8", "ogx stack run C --port 9"),
    ("ogx", "0.9.9", "ogx stack run C --port 9"),
    ("ogx", "1.0.0", "ogx run C --port 9"),
    ("ogx", "1.1.9", "ogx run C --port 9"),
    ("ogx", "1.2.0", "ogx run C --port 9 --insecure"),
    ("ogx", "1.10.0", "ogx run C --port 9 --insecure"),
    ("ogx", "2.0.0", "ogx run C --port 9 --insecure"),
]


@pytest.mark.parametrize(("package", "version", "command"), STARTS)
def test_each_release_has_its_own_start_command(package: str, version: str, command: str) -> None:
    assert start_command(Release(package, version), "C", 9) == command.split()


@pytest.mark.parametrize("path", ["/etc/with space/run.yaml", "/etc/{port}.yaml"])
def test_the_path_of_the_run_config_is_one_argument_as_it_is(path: str) -> None:
    assert path in start_command(Release("llama-stack", "0.7.3"), path, 9)


@pytest.mark.parametrize(
    ("package", "version"), [("llama-stack", "0.2.11"), ("llama-stack", "0.1.9"), ("ogx", "0.7.9")]
)
def test_an_older_release_cannot_be_started(package: str, version: str) -> None:
    with pytest.raises(UnknownReleaseError, match=re.escape(version)):
        start_command(Release(package, version), "C", 9)


def test_releases_are_ordered_by_number_and_ogx_comes_after_llama_stack() -> None:
    versions = ["llama-stack 0.2.9", "llama-stack 0.2.12", "llama-stack 0.10.0", "ogx 0.8.0", "ogx 0.8.1", "ogx 1.0.0"]
    releases = [Release(*text.split()) for text in versions]
    assert sorted(releases[place] for place in (3, 0, 5, 2, 4, 1)) == releases


@pytest.mark.parametrize("pre", ["0.3.0a1", "0.3.0b2", "0.3.0rc1"])
def test_a_pre_release_counts_as_the_release_that_it_leads_to(pre: str) -> None:
    """What holds since a release holds for its candidates, which were built from the same code."""
    release = Release("llama-stack", pre)
    assert release.number == (0, 3, 0)
    assert Release("llama-stack", "0.3.0") <= release < Release("llama-stack", "0.3.1")


def test_a_version_may_leave_out_its_last_number() -> None:
    assert Release("ogx", "1.2").number == (1, 2, 0)


@given(
    st.tuples(*[st.tuples(st.sampled_from(PACKAGES), st.integers(0, 3), st.integers(0, 12), st.integers(0, 12))] * 3)
)
def test_the_order_is_total(numbers: tuple[tuple[str, int, int, int], ...]) -> None:
    releases = [Release(package, f"{major}.{minor}.{patch}") for package, major, minor, patch in numbers]
    first, second, third = sorted(releases)
    assert first <= second <= third
    assert (first < second) == (first != second)
    assert (second >= first) and (third > first) == (third != first)


class TestWhatBeganWithARelease:
    @pytest.mark.parametrize("text", ["0.3.1", "0.3.2", "0.10.0", "0.3.1rc1", "ogx-0.8.0", "ogx-0.1.0"])
    def test_holds_from_it_on_and_for_all_of_ogx(self, text: str) -> None:
        assert Release.parse(text).since("0.3.1")

    @pytest.mark.parametrize("text", ["0.2.23", "0.3.0", "0.3"])
    def test_does_not_hold_before(self, text: str) -> None:
        assert not Release.parse(text).since("0.3.1")

    @pytest.mark.parametrize(("text", "holds"), [("0.7.3", False), ("2.0.0", False), ("ogx-1.2.0", True)])
    def test_of_ogx_holds_for_no_llama_stack(self, text: str, holds: bool) -> None:
        assert Release.parse(text).since("ogx-1.2.0") is holds

    @pytest.mark.parametrize(
        ("text", "holds"), [("0.3.9", False), ("0.4.0", True), ("ogx-0.7.1", False), ("ogx-0.8.0", True)]
    )
    def test_anew_in_ogx_does_not_hold_for_the_ogx_before(self, text: str, holds: bool) -> None:
        assert Release.parse(text).since("0.4.0", "ogx-0.8.0") is holds

    @pytest.mark.parametrize(("short", "long"), [("0.3", "0.3.0"), ("ogx-1.2", "ogx-1.2.0")])
    def test_does_not_depend_on_how_its_version_is_written(self, short: str, long: str) -> None:
        assert Release.parse(short).since(long) and Release.parse(long).since(Release.parse(short))

    @given(st.tuples(*[st.tuples(st.sampled_from(PACKAGES), *[st.integers(0, 12)] * 3)] * 3))
    def test_holds_for_every_newer_release(self, numbers: tuple[tuple[str, int, int, int], ...]) -> None:
        first, older, newer = sorted(Release(package, ".".join(map(str, rest))) for package, *rest in numbers)
        assert older.since(first) and newer.since(first)
        assert newer.since(older) and older.since(newer) == (older == newer)


@pytest.mark.parametrize(
    "version", ["", "0", "v0.7.3", "0.7.3.1", "0.7.x", "0.7.3-rc1", " 0.7.3", "0.7.3\n", "0.7.3;id"]
)
def test_what_is_no_version_is_refused_by_name(version: str) -> None:
    with pytest.raises(UnknownReleaseError, match=r"is no version such as 0\.7\.3"):
        Release("llama-stack", version)


def test_an_unknown_package_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownReleaseError, match="unknown package 'llama_stack': one of llama-stack, ogx"):
        Release("llama_stack", "0.7.3")


@pytest.mark.parametrize(("package", "text"), [("llama-stack", "0.7.3"), ("ogx", "ogx-0.7.3")])
def test_a_release_is_written_with_its_package_only_since_the_rename(package: str, text: str) -> None:
    assert str(Release(package, "0.7.3")) == text
    assert Release.parse(text) == Release(package, "0.7.3")


@pytest.mark.parametrize("text", ["", "ogx", "ogx-", "ogx 1.5.0", "other-1.0.0", "-0.7.3x"])
def test_a_text_that_names_no_release_is_refused(text: str) -> None:
    with pytest.raises(UnknownReleaseError):
        Release.parse(text)


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){1,2}((a|b|rc)[0-9]{1,3})?", fullmatch=True), st.sampled_from(PACKAGES))
def test_what_the_schema_admits_is_a_release(version: str, package: str) -> None:
    reference = ReleaseReference(package=package, version=version)
    assert Release(reference.package, reference.version).number >= (0, 0, 0)
