"""What a status keeps of an image counts for that image alone, and only where it is something of ours."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator.planning.stack.known_image import KnownImage, has_started, kept_report, known_image
from llamastack_operator.planning.stack.stack import Stack, stack_from
from tests.support.world import llamastack

ONE, OTHER = (f"sha256:{digit * 64}" for digit in "12")
KEPT = {"image": "registry.example/mine:1", "digest": ONE, "release": "0.7.3", "specs": "0" * 16, "inputs": "0" * 32}


def stack(spec_image: str, **kept: Any) -> Stack:
    return stack_from(llamastack(status={"imageReport": {**KEPT, **kept}}, distribution={"image": spec_image}))


class TestTheImage:
    @pytest.mark.parametrize(
        ("image", "pinned"),
        [
            pytest.param("registry.example/mine:1", False, id="the name that the pod had"),
            pytest.param(f"registry.example/mine@{ONE}", True, id="the digest that it ran"),
            pytest.param(f"elsewhere.example/other:3@{ONE}", True, id="that digest by another name"),
        ],
    )
    def test_is_known_by_its_name_or_its_digest(self, image: str, pinned: bool) -> None:
        assert known_image(stack(image)) == KnownImage("0.7.3", "0" * 16, pinned)

    @pytest.mark.parametrize(
        "image",
        [
            pytest.param("registry.example/mine:2", id="another tag"),
            pytest.param("registry.example/mine", id="no tag"),
            pytest.param(f"registry.example/mine@{OTHER}", id="another digest"),
            pytest.param("docker.io/llamastack/distribution-starter:0.7.3", id="upstream's own, whose tag says it"),
        ],
    )
    def test_is_not_known_by_anything_else(self, image: str) -> None:
        assert known_image(stack(image)) is None

    def test_of_upstream_is_known_by_its_pods_where_its_tag_says_no_release(self) -> None:
        image = "docker.io/llamastack/distribution-starter:latest"
        assert known_image(stack(image, image=image)) == KnownImage("0.7.3", "0" * 16, pinned=False)

    def test_of_a_stack_that_only_names_a_release_is_none(self) -> None:
        body = llamastack(
            status={"imageReport": KEPT}, distribution={"release": {"package": "ogx", "version": "1.5.0"}}
        )
        assert known_image(stack_from(body)) is None


class TestWhatIsKept:
    @pytest.mark.parametrize(
        "kept",
        [
            None,
            "text",
            {},
            {**KEPT, "image": ""},
            {**KEPT, "image": 7},
            {**KEPT, "digest": "sha256:1"},
            {**KEPT, "digest": f"x{ONE}"},
            {**KEPT, "release": "newest"},
            {**KEPT, "release": "9" * 9999},
            {**KEPT, "specs": []},
        ],
    )
    def test_is_nothing_where_it_is_nothing_of_ours(self, kept: Any) -> None:
        assert kept_report({"imageReport": kept}) is None

    def test_is_what_is_left_where_a_part_makes_no_sense(self) -> None:
        report = kept_report({"imageReport": {**KEPT, "specs": "x" * 9999, "inputs": "?"}})
        assert report is not None
        assert report.to_wire() == {key: KEPT[key] for key in ("image", "digest", "release")}

    def test_is_written_as_it_was_read(self) -> None:
        report = kept_report({"imageReport": KEPT})
        assert report is not None
        assert report.to_wire() == KEPT


def test_inputs_that_are_not_known_have_not_started() -> None:
    assert has_started(stack("registry.example/mine:1"), "0" * 32)
    assert not has_started(stack("registry.example/mine:1"), "1" * 32)
    assert not has_started(stack("registry.example/mine:1", inputs=""), "")
