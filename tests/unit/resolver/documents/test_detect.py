"""Which release a document is for: as it is named, as an image's tag has it, and as a run config tells it."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator import catalog
from llamastack_resolver.documents.detect import detect_release, parse_release, release_of_image, unknown_tag
from llamastack_resolver.documents.signs import Outlines
from llamastack_resolver.releases import Release, UnknownReleaseError, stand_in

KNOWN = [
    *(Release("llama-stack", version) for version in ("0.2.16", "0.2.23", "0.3.5", "0.5.0", "0.7.3")),
    *(Release("ogx", version) for version in ("0.8.0", "1.2.0", "1.5.0")),
]
VLLM = {"provider_id": "v", "provider_type": "remote::vllm"}


class TestAReleaseThatIsNamed:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("0.7.3", "0.7.3"),
            ("v0.7.3", "0.7.3"),
            ("ogx-1.5.0", "ogx-1.5.0"),
            ("1.5.0", "ogx-1.5.0"),
            ("llama-stack==0.3.5", "0.3.5"),
            ("llama-stack 0.3.5", "0.3.5"),
        ],
    )
    def test_is_read_as_users_write_it(self, text: str, expected: str) -> None:
        assert str(parse_release(text, KNOWN)) == expected

    @pytest.mark.parametrize(
        ("text", "named", "judged"),
        [("0.7.4", "0.7.4", "0.7.3"), ("1.2.9", "ogx-1.2.9", "ogx-1.2.0"), ("0.2.3", "0.2.3", "0.2.16")],
    )
    def test_may_be_a_patch_that_another_one_stands_in_for(self, text: str, named: str, judged: str) -> None:
        release = parse_release(text, KNOWN)

        assert (str(release), str(stand_in(release, KNOWN))) == (named, judged)

    @pytest.mark.parametrize(
        ("text", "nearest"),
        [
            ("llama-stack 0.9.0", "0.3.5, 0.5.0, 0.7.3"),
            ("0.9.0", "0.7.3, ogx-0.8.0, ogx-1.2.0"),
            ("1.3.7", "ogx-0.8.0, ogx-1.2.0, ogx-1.5.0"),
            ("0.1.0", "0.2.16, 0.2.23, 0.3.5"),
            ("9", "ogx-0.8.0, ogx-1.2.0, ogx-1.5.0"),
        ],
    )
    def test_and_is_of_no_known_minor_is_answered_with_the_nearest_by_version(self, text: str, nearest: str) -> None:
        with pytest.raises(UnknownReleaseError, match=f"{text} is not known; the nearest are {nearest}$"):
            parse_release(text, KNOWN)


class TestAnImage:
    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            ("docker.io/llamastack/distribution-starter:0.7.3", "0.7.3"),
            ("localhost:5000/ogx/distribution-starter:1.5.0", "ogx-1.5.0"),
            ("localhost:5000/stack", None),
            ("mine/stack:latest", None),
            ("llamastack/distribution-starter:0.7.3@sha256:abc", "0.7.3"),
        ],
    )
    def test_is_of_the_release_in_its_tag(self, image: str, expected: str | None) -> None:
        found = release_of_image(image, KNOWN)

        assert (str(found) if found else None) == expected

    @pytest.mark.parametrize(
        ("tag", "expected"),
        [
            ("0.7.1-rhaiv.1", "0.7.1"),
            ("0.7.3-cpu", "0.7.3"),
            ("v0.3.5_gpu", "0.3.5"),
            ("0.5.2.1", "0.5.2"),
            ("0.7.3rc1", "0.7.3rc1"),
            ("0.7", None),
            ("20240101.1.2", None),
            ("nightly-0.7.3", None),
        ],
    )
    def test_may_have_anything_behind_the_release(self, tag: str, expected: str | None) -> None:
        found = release_of_image(f"example.org/llama-stack:{tag}", KNOWN)

        assert (str(found) if found else None) == expected

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("quay.io/team/ogx-server", "ogx"),
            ("ghcr.io/llamastack/ogx", "ogx"),
            ("quay.io/team/llama-stack", "llama-stack"),
            ("llamastack/distribution", "llama-stack"),
            ("quay.io/team/boogx", "llama-stack"),
        ],
    )
    def test_tells_the_package_by_its_name(self, name: str, expected: str) -> None:
        both = [Release("llama-stack", "0.8.0"), Release("ogx", "0.8.0")]
        found = release_of_image(f"{name}:0.8.0", both)

        assert found is not None and found.package == expected

    def test_of_a_release_that_nothing_stands_in_for_is_told(self) -> None:
        assert unknown_tag("llamastack/distribution:0.9.0", KNOWN) == "0.9.0"
        assert unknown_tag("team/ogx:2.0.0-cpu", KNOWN) == "ogx-2.0.0"

    def test_of_another_program_has_a_tag_of_its_own(self) -> None:
        assert unknown_tag("team/bot:9.1.0", KNOWN) is None

    def test_with_a_hostile_name_is_read_in_no_time(self) -> None:
        assert release_of_image("a-" * 1_000_000 + ":" + "1" * 1_000_000, KNOWN) is None


def concluded(config: dict[str, Any], errors: dict[str, int] | None = None) -> tuple[str, str]:
    """Return what the catalog's releases tell about a config, with errors by release, 0 for the rest."""
    found = detect_release(config, catalog.outlines(), lambda release: (errors or {}).get(str(release), 0))
    return str(found.release), found.because


def inference(provider_type: str, **config: object) -> dict[str, Any]:
    """Return a section with one provider."""
    return {"inference": [{"provider_id": "x", "provider_type": provider_type, "config": config}]}


def agents(**config: object) -> dict[str, Any]:
    """Return a section with one provider that kept its type and moved its stores."""
    return {"agents": [{"provider_id": "x", "provider_type": "inline::meta-reference", "config": config}]}


class TestARunConfig:
    @pytest.mark.parametrize(
        ("config", "expected"),
        [
            ({"models": [1], "metadata_store": {"type": "sqlite"}}, "0.2.24"),
            ({"storage": {"backends": {"x": 1}}, "providers": {"agents": [VLLM]}}, "0.6.1"),
            ({"distro_name": "x", "providers": {"scoring": [VLLM]}}, "0.7.3"),
            ({"server": {"insecure": True}}, "ogx-1.5.0"),
            ({"storage": {"backends": {"x": 1}}, "telemetry": {"enabled": True}}, "0.3.5"),
            ({}, "ogx-1.5.0"),
        ],
    )
    def test_tells_by_its_keys(self, config: dict[str, Any], expected: str) -> None:
        assert concluded(config)[0] == expected

    @pytest.mark.parametrize(
        ("providers", "expected"),
        [
            (agents(persistence_store={"type": "sqlite"}, responses_store={"type": "sqlite"}), "0.2.24"),
            (agents(persistence={"agent_state": {"backend": "kv", "namespace": "a"}}), "0.6.1"),
            (inference("remote::vllm", url="http://x"), "0.3.5"),
            (inference("remote::vllm", base_url="http://x"), "ogx-1.5.0"),
            (inference("remote::tgi", url="http://x"), "0.3.5"),
            (inference("remote::tgi"), "0.6.1"),
        ],
    )
    def test_tells_by_its_providers(self, providers: dict[str, Any], expected: str) -> None:
        assert concluded({"providers": providers})[0] == expected

    @pytest.mark.parametrize(
        ("providers", "spelled"),
        [
            (agents(persistence_store={"type": "sqlite"}, responses_store={"type": "sqlite"}), "Agents"),
            (agents(), "AGENTS"),
            (inference("remote::vllm", url="http://x"), "Inference"),
            (inference("remote::tgi"), "inferencE"),
            ({"post_training": [{"provider_id": "x", "provider_type": "inline::torchtune-gpu"}]}, "post-training"),
            ({"datasetio": [{"provider_id": "x", "provider_type": "inline::localfs"}]}, "DatasetIO"),
        ],
    )
    def test_tells_the_same_by_other_spellings_of_an_api(self, providers: dict[str, Any], spelled: str) -> None:
        ((api, entries),) = providers.items()
        exact, otherwise = {"providers": providers, "apis": [api]}, {"providers": {spelled: entries}, "apis": [spelled]}

        assert concluded(exact)[0] == concluded(otherwise)[0] != "ogx-1.5.0"

    def test_names_its_signs_as_they_are_written(self) -> None:
        entries = inference("remote::vllm", url="http://x")["inference"]

        because = concluded({"providers": {"Inference": entries}})[1]

        assert because.startswith("concluded from `providers.Inference[0].config.url`")

    def test_is_of_no_release_older_than_a_key_in_it_whatever_else_is_left_over(self) -> None:
        providers = {"inference": [{**VLLM, "config": {"url": "http://x"}} for _ in range(3)]}

        assert concluded({"distro_name": "x", "providers": providers})[0] == "ogx-1.5.0"

    def test_tells_nothing_by_what_is_empty(self) -> None:
        assert concluded({"models": [], "metadata_store": None, "telemetry": {}})[0] == "ogx-1.5.0"

    def test_that_fits_several_is_of_the_one_with_the_fewest_errors_and_the_range_is_told(self) -> None:
        errors = {"0.2.21": 1, "0.2.22": 1, "0.2.23": 2, "0.2.24": 2}
        release, because = concluded({"metadata_store": {"type": "sqlite"}, "models": [1]}, errors)

        assert release == "0.2.20"
        assert because == "concluded from `models`; the others that fit refuse it; 0.2.16 to 0.2.20 take it"

    def test_with_the_same_errors_everywhere_is_of_the_newest(self) -> None:
        errors = {str(release): 3 for release in catalog.releases()}

        assert concluded({"metadata_store": {"type": "sqlite"}}, errors)[0] == "0.2.24"

    def test_is_not_resolved_where_the_verdict_cannot_differ(self) -> None:
        def fail(release: Release) -> int:
            raise AssertionError(release)

        releases = [["llama-stack-0.7.1", 1, 0, 0], ["llama-stack-0.7.2", 1, 0, 0]]
        alike = Outlines({"keys": [None, [{"apis": 0}]], "apis": [["inference"]], "releases": releases, "types": {}})

        assert str(detect_release({"apis": ["inference"]}, alike, fail).release) == "0.7.2"
