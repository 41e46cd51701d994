"""The external directories of a run config, as the server that runs here finds them.

What permissions keep from the server is shown beside real releases (`tests/conformance/test_external_dirs.py`): root,
whom many run tests as, passes by them.
"""

from pathlib import Path

import pytest

from llamastack_resolver.resolution import ExternalFiles, resolve
from llamastack_resolver.start.directories import files_of_server
from tests.support.small_release import config, entry, knowledge

KEYS = ("external_providers_dir", "external_apis_dir")


def found(directory: Path) -> ExternalFiles:
    return files_of_server({KEYS[0]: "${env.DIR}", KEYS[1]: str(directory)}, {"DIR": str(directory)})


def test_a_directory_is_read(tmp_path: Path):
    (tmp_path / "weather.yaml").write_text("name: weather")

    files = found(tmp_path)

    assert (files.providers, files.apis) == ({"weather.yaml": "name: weather"}, {"weather.yaml": "name: weather"})
    assert (files.absent, files.closed, files.plain) == ((), (), ())


def test_one_that_is_absent_can_be_made_where_its_folder_is(tmp_path: Path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")

    below, below_a_file, link = found(tmp_path / "a/b"), found(tmp_path / "file/b"), found(tmp_path / "link")

    assert (below.absent, below.read_only) == (KEYS, False)
    assert (below_a_file.absent, below_a_file.read_only) == (KEYS, True)
    assert (link.absent, link.read_only) == (KEYS, True)


def test_a_file_in_its_place_is_told_apart(tmp_path: Path):
    (tmp_path / "file").touch()

    files = found(tmp_path / "file")

    assert (files.plain, files.absent, files.providers) == (KEYS, (), {})


def test_a_config_that_names_none_has_no_files():
    assert files_of_server({}, {}) == files_of_server([], {}) == ExternalFiles({}, {}, at_server=True)


def said(files: ExternalFiles) -> list[tuple[str, str, str]]:
    raw = config(
        external_providers_dir="/p",
        external_apis_dir="/a",
        providers={"inference": [entry("o", "remote::mine")]},
        image_name="x",
    )
    return [(str(one.severity), str(one.reason), one.path) for one in resolve(raw, knowledge(), files=files).findings]


def test_what_the_server_cannot_read_is_an_error_and_nothing_follows_from_it():
    unread = {"remote/inference/mine.yaml": None}

    assert said(ExternalFiles(unread, {}, at_server=True)) == [
        ("error", "SpecMissing", "external_providers_dir/remote/inference/mine.yaml")
    ]
    assert said(ExternalFiles(unread, {})) == [
        ("warning", "ResolvedInImage", "external_providers_dir/remote/inference/mine.yaml")
    ]


@pytest.mark.parametrize(("state", "severity"), [("closed", "error"), ("plain", "warning")])
def test_a_directory_that_the_server_does_not_read_is_told(state: str, severity: str):
    spec = {"remote/inference/mine.yaml": "{adapter_type: mine, config_class: a.B, module: a}"}

    files = ExternalFiles(spec, {}, **{state: KEYS})

    assert said(files) == [(severity, "SpecMissing", key) for key in KEYS]
