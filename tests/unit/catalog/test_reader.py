"""The catalog's reader and the integrity of its data."""

import json
from pathlib import Path

import pytest

from llamastack_operator import catalog
from llamastack_operator.catalog.reader import DATA
from llamastack_resolver.releases import Release


def test_every_minor_release_is_there():
    minors = {(release.package, release.number[:2]) for release in catalog.releases()}

    assert minors == {
        *(("llama-stack", (0, minor)) for minor in range(2, 8)),
        ("ogx", (0, 8)),
        *(("ogx", (1, minor)) for minor in range(6)),
    }


# Counted by hand in the released packages.
@pytest.mark.parametrize(
    ("release", "count"),
    [
        (Release("llama-stack", "0.2.16"), 60),
        (Release("llama-stack", "0.2.23"), 65),
        (Release("llama-stack", "0.3.5"), 64),
        (Release("llama-stack", "0.5.0"), 67),
        (Release("llama-stack", "0.7.3"), 66),
        (Release("ogx", "0.8.0"), 59),
        (Release("ogx", "1.0.0"), 54),
        (Release("ogx", "1.5.0"), 64),
    ],
)
def test_a_release_has_all_its_providers(release: Release, count: int):
    assert sum(len(types) for types in catalog.load_release(release).providers.values()) == count


@pytest.mark.parametrize("release", catalog.releases(), ids=str)
def test_every_config_class_has_a_schema_and_every_provider_a_protocol(release: Release):
    knowledge = catalog.load_release(release)

    classes = {spec.config_class for types in knowledge.providers.values() for spec in types.values()}
    assert {name for name in classes if name} <= set(knowledge.schemas)
    assert all(knowledge.schemas[name] for name in knowledge.schemas)
    assert knowledge.schemas[knowledge.run_config_class]["properties"]["providers"]
    # Since ogx 1.2 two APIs have providers, and no protocol in upstream's own map.
    without = {api for api in knowledge.providers if not knowledge.compliance_protocol(api)}
    assert without <= {"containers", "container_runtime"}
    assert set(knowledge.distributions) == set(knowledge.distribution_names)
    assert f"{release.package}=={release.version}\n" in knowledge.constraints


class TestAPatchThatTheCatalogLacks:
    def test_is_read_as_the_nearest_one_below(self):
        assert str(catalog.load_release(Release("llama-stack", "0.7.9")).release) == "0.7.3"
        assert str(catalog.load_release(Release("ogx", "1.2.9")).release) == "ogx-1.2.5"

    def test_is_read_as_the_first_of_its_minor_where_none_is_below(self):
        assert catalog.stand_in(Release("llama-stack", "0.2.3")) == catalog.releases()[0]

    def test_is_refused_where_its_whole_minor_is_unknown(self):
        with pytest.raises(catalog.UnsupportedReleaseError, match="newest are"):
            catalog.load_release(Release("llama-stack", "0.9.0"))
        assert catalog.find_release(Release("llama-stack", "0.9.0")) is None


@pytest.mark.parametrize("release", catalog.releases(), ids=str)
def test_a_release_of_the_catalog_stands_for_itself(release: Release):
    assert catalog.stand_in(release) == release
    assert catalog.find_release(release) is catalog.load_release(release)


def test_history_tells_the_first_and_the_last_release_of_a_provider():
    first, last = catalog.history()["inference"]["remote::tgi"]

    assert (str(first), str(last)) == ("0.2.16", "0.6.1")


def test_the_data_is_small_and_holds_no_path_of_the_machine_that_made_it():
    files = list(DATA.rglob("*.json"))
    texts = [path.read_text("utf-8") for path in files]

    assert sum(len(text) for text in texts) < 15_000_000
    assert not [text for text in texts if f"{Path.home()}/" in text or "/site-packages/" in text]
    assert all(json.loads(text) for text in texts)


def test_addresses_of_package_indexes_are_names():
    packages = [
        text
        for release in catalog.releases()
        for types in catalog.load_release(release).providers.values()
        for spec in types.values()
        for text in spec.pip_packages
    ]

    assert any("${index.pytorch-cpu}" in text for text in packages)
    assert not [text for text in packages if "https://" in text]
