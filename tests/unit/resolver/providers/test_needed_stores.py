"""Stores that a class does not ask for, and without which its provider does not start."""

import pytest

from llamastack_operator import catalog
from llamastack_resolver.config.env import Environment
from llamastack_resolver.findings import Finding
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import ExternalFiles, resolve

LOCALFS = ("files", "inline::localfs", {"storage_dir": "/tmp/files"})
PGVECTOR = ("vector_io", "remote::pgvector", {"host": "db", "db": "d", "user": "u", "password": "p"})


def missing(release: str, api: str, provider_type: str, config: dict[str, object]) -> list[tuple[str, str]]:
    """Return the errors inside the provider's config, as their keys and their severities."""
    findings = found(release, api, provider_type, config)
    start = f"providers.{api}[0].config."
    return [(one.path.removeprefix(start), str(one.severity)) for one in findings if one.path.startswith(start)]


def found(release: str, api: str, provider_type: str, config: dict[str, object]) -> list[Finding]:
    entry = {"provider_id": "x", "provider_type": provider_type, "config": config}
    raw = {"version": 2, "image_name": "x", "apis": [api], "providers": {api: [entry]}}
    knowledge = catalog.load_release(Release.parse(release))
    return list(resolve(raw, knowledge, Environment({}), ExternalFiles({}, {})).findings)


@pytest.mark.parametrize("release", ["0.2.16", "0.2.17", "0.2.23", "0.2.24"])
@pytest.mark.parametrize(
    ("api", "provider_type", "config", "stores"),
    [
        (*LOCALFS, ["metadata_store"]),
        ("vector_io", "inline::faiss", {}, ["kvstore"]),
        ("datasetio", "inline::localfs", {}, ["kvstore"]),
        ("agents", "inline::meta-reference", {}, ["persistence_store", "responses_store"]),
    ],
)
def test_a_store_whose_default_is_a_mere_text_is_required(
    release: str, api: str, provider_type: str, config: dict[str, object], stores: list[str]
):
    assert missing(release, api, provider_type, config) == [(store, "error") for store in stores]


@pytest.mark.parametrize("release", ["0.2.16", "0.2.20", "0.2.24"])
def test_what_was_read_in_the_source_alone_is_worth_knowing(release: str):
    assert missing(release, "vector_io", "remote::chromadb", {"url": "http://chroma"}) == [("kvstore", "info")]


def test_a_store_that_is_there_is_not_missed():
    store = {"type": "sqlite", "db_path": "/tmp/files.db"}

    assert missing("0.2.17", "files", "inline::localfs", {"storage_dir": "/tmp", "metadata_store": store}) == []


def test_a_null_store_is_refused_once():
    assert missing("0.2.17", "files", "inline::localfs", {"storage_dir": "/tmp", "metadata_store": None}) == [
        ("metadata_store", "error")
    ]


@pytest.mark.parametrize(
    ("release", "store"),
    [("0.2.16", "kvstore"), ("0.2.23", "kvstore"), ("0.3.5", "persistence"), ("ogx-1.5.0", "persistence")],
)
@pytest.mark.parametrize("given", [False, True])
def test_pgvector_opens_its_store_also_where_there_is_none(release: str, store: str, given: bool):
    api, provider_type, config = PGVECTOR

    assert missing(release, api, provider_type, config | ({store: None} if given else {})) == [(store, "error")]


@pytest.mark.parametrize("release", ["0.2.17", "0.7.3", "ogx-1.5.0"])
def test_weaviate_asks_first_whether_there_is_a_store(release: str):
    findings = missing(release, "vector_io", "remote::weaviate", {})

    assert [path for path, _ in findings if path in ("kvstore", "persistence")] == []


def test_a_store_under_the_name_of_newer_releases_is_one_mistake():
    config = {"storage_dir": "/tmp", "metadata_store": {"table_name": "files", "backend": "sql_default"}}

    assert len([one for one in found("0.2.23", "files", "inline::localfs", config) if one.severity == "error"]) == 1
    assert missing("0.2.23", "vector_io", "inline::faiss", {"persistence": {"namespace": "f", "backend": "kv"}}) == [
        ("persistence", "error")
    ]


@pytest.mark.parametrize(
    ("release", "store", "apis", "errors"),
    [
        ("0.2.22", {"max_write_queue_size": 5}, ["inference"], ["inference_store.sql_store_config"]),
        ("0.2.24", {}, [], ["inference_store.sql_store_config"]),
        ("0.2.23", {"sql_store_config": {"type": "sqlite"}}, ["inference"], []),
        ("0.2.23", {"type": "sqlite"}, ["inference"], []),
        ("0.2.23", None, ["inference"], []),
        ("0.2.23", {"num_writers": 2}, ["files"], []),
        ("0.2.20", {}, ["inference"], ["inference_store.type"]),
    ],
)
def test_the_store_of_inference_needs_one_inside(release: str, store: object, apis: list[str], errors: list[str]):
    raw = {"version": 2, "image_name": "x", "apis": apis, "providers": {}, "inference_store": store}
    findings = resolve(
        raw, catalog.load_release(Release.parse(release)), Environment({}), ExternalFiles({}, {})
    ).findings

    told = [one.path for one in findings if one.severity == "error" and one.path.startswith("inference_store")]
    assert told == errors
