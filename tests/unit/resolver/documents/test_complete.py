"""What is filled in of a manifest's run config: what the release refuses to start without, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator import catalog
from llamastack_resolver.documents.complete import default_storage, missing_keys
from llamastack_resolver.documents.read import read_inputs
from llamastack_resolver.documents.resolve import resolve_input
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import resolve
from llamastack_resolver.yaml_io import read_value

RELEASES = [str(release) for release in catalog.releases()]
BARE: dict[str, Any] = {"version": 2, "providers": {}}


def known(release: str) -> ReleaseKnowledge:
    return catalog.load_release(Release.parse(release))


def errors(config: dict[str, Any], release: str) -> set[str]:
    return {one.path for one in resolve(config, known(release)).findings if one.severity == "error"}


@pytest.mark.parametrize("release", RELEASES)
class TestOfEachRelease:
    def test_just_what_it_refuses_to_start_without_is_filled_in(self, release: str) -> None:
        missing = missing_keys(BARE, known(release), "bot")
        assert {path.partition(".")[0] for path in errors(BARE, release)} == set(missing)
        assert errors({**BARE, **missing}, release) == set()

    def test_a_config_that_it_brings_is_changed_only_where_it_could_not_start(self, release: str) -> None:
        for text in known(release).distributions.values():
            config, _ = read_value(text)
            assert missing_keys(config, known(release), "bot").keys() <= errors(config, release)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("0.2.23", {"image_name": "bot"}),
        ("0.3.5", {"image_name": "bot", "storage": default_storage()}),
        ("0.4.4", {"image_name": "bot"}),
        ("0.7.3", {"distro_name": "bot"}),
        ("ogx-1.5.0", {"distro_name": "bot"}),
    ],
)
def test_the_name_is_the_stacks_and_storage_the_default_of_later_releases(
    release: str, expected: dict[str, Any]
) -> None:
    assert missing_keys(BARE, known(release), "bot") == expected


class TestWhatIsWritten:
    @pytest.mark.parametrize("name", ["distro_name", "image_name"])
    def test_one_name_is_enough_where_a_release_has_two(self, name: str) -> None:
        assert missing_keys({**BARE, name: "mine"}, known("0.7.3"), "bot") == {}

    def test_a_name_of_null_is_none_where_the_release_takes_it_for_none(self) -> None:
        config = {**BARE, "distro_name": None, "image_name": None}
        assert missing_keys(config, known("0.7.3"), "bot") == {"distro_name": "bot"}

    def test_null_stands_and_is_refused_where_the_release_refuses_it(self) -> None:
        config = {**BARE, "image_name": None, "storage": None}
        assert missing_keys(config, known("0.3.5"), "bot") == {}
        assert {"image_name", "storage"} <= errors(config, "0.3.5")

    def test_a_part_of_the_storage_is_not_filled_up(self) -> None:
        config = {**BARE, "image_name": "mine", "storage": {"backends": {}}}
        assert missing_keys(config, known("0.3.5"), "bot") == {}

    def test_a_name_from_a_variable_stands(self) -> None:
        assert missing_keys({**BARE, "distro_name": "${env.NAME:=}"}, known("0.7.3"), "bot") == {}


def manifest(distribution: str, version: str = "version: 2") -> str:
    text = "apiVersion: llamastack.dev/v1alpha1\nkind: LlamaStack\nmetadata: {name: bot}\n"
    return f"{text}spec:\n  distribution: {distribution}\n  runConfig: {{{version}, providers: {{}}}}\n"


def told(text: str, release: str) -> list[tuple[str, str]]:
    (document,) = read_inputs([("stack.yaml", text)])
    return [(one.severity.value, one.path) for one in resolve_input(document, known(release)).findings]


class TestAManifest:
    def test_that_names_its_release_is_checked_as_the_operator_completes_it(self) -> None:
        text = manifest('{release: {package: llama-stack, version: "0.7.3"}}')
        assert told(text, "0.7.3") == []

    def test_that_names_an_image_alone_is_completed_nowhere_and_told_so(self) -> None:
        """A tag proves nothing: a config that starts on what the image holds must not be changed."""
        text = manifest("{image: mine:0.7.3}")
        assert told(text, "0.7.3") == [("info", "spec.distribution"), ("error", "spec.runConfig.distro_name")]

    def test_that_lacks_nothing_is_not_told_about_completion(self) -> None:
        text = manifest("{image: mine:0.7.3}", "version: 2, distro_name: mine")
        assert told(text, "0.7.3") == []

    def test_needs_no_version_where_the_operator_starts_the_servers_module(self) -> None:
        text = manifest('{release: {package: llama-stack, version: "0.2.17"}}', "image_name: mine")
        assert told(text, "0.2.17") == []

    def test_is_told_that_its_version_is_missing_where_the_start_command_insists_on_it(self) -> None:
        """It is not filled in: a server that has the directory does start, and reads its providers from there."""
        text = manifest('{release: {package: llama-stack, version: "0.3.0"}}', "image_name: mine")
        assert told(text, "0.3.0") == [("error", "spec.runConfig.version")]
