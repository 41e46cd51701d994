"""What a new release brings, and what people have to look at, are said by the program."""

from __future__ import annotations

from llamastack_operator import catalog
from llamastack_resolver.behaviour import NEWEST
from llamastack_resolver.releases import Release
from scripts.catalog_differences import differences
from scripts.catalog_review import left

OLD, NEW, NEWER = (Release("ogx", version) for version in ("1.5.0", "1.5.1", "1.6.0"))


class TestDifferences:
    def test_are_named_by_their_deepest_place(self) -> None:
        before = {"apis": ["a"], "providers": {"a": {"x": {"module": "m", "pip_packages": []}, "y": {}}}, "schemas": {}}
        after = {"apis": ["a"], "providers": {"a": {"x": {"module": "n", "pip_packages": []}}}, "schemas": {"C": "1"}}

        assert differences(before, after) == [
            "providers/a/x/module",
            "providers/a/y is gone",
            "schemas/C is new",
        ]

    def test_are_none_where_a_release_has_another_version_and_other_constraints_alone(self) -> None:
        assert differences({"version": "1", "constraints": "a"}, {"version": "2", "constraints": "b"}) == []

    def test_of_a_part_that_only_one_has_are_told(self) -> None:
        assert differences({}, {"routed": []}) == ["routed"]


class TestWhatIsLeft:
    def test_is_nothing_where_the_newest_release_was_reviewed_and_is_tested(self) -> None:
        assert left([OLD, NEW], NEW, [NEW]) == []
        assert left([OLD, NEW], NEW, [OLD]) != []

    def test_names_each_release_that_was_not_reviewed(self) -> None:
        review, lack = left([OLD, NEW, NEWER], OLD, [OLD])

        assert "ogx-1.5.1, ogx-1.6.0" in review
        assert "python -m tests.pins ogx-1.6.0" in lack

    def test_is_not_asked_of_patches_of_older_minors(self) -> None:
        assert left([OLD, NEWER], NEWER, [NEWER]) == []

    def test_is_nothing_for_the_catalog_as_it_is(self) -> None:
        assert left(catalog.releases(), NEWEST, [catalog.releases()[-1]]) == []
