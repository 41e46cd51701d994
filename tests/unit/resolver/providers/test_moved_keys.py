"""Keys of provider configs that other releases call otherwise: what the data say, and what is told about them."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import llamastack_resolver.providers
from llamastack_operator import catalog
from llamastack_operator.catalog import config_keys
from llamastack_operator.images.tools import installer
from llamastack_resolver.config.env import Environment
from llamastack_resolver.config.schema_keys import schema_keys
from llamastack_resolver.findings import Finding
from llamastack_resolver.providers.moved_keys import GONE, RENAMED, SUFFIXES, key_spans, renames, story_of
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import resolve

NO_VARIABLES = Environment()
DATA = Path(llamastack_resolver.providers.__file__).parent
URL_TYPES = (
    *("azure", "databricks", "fireworks", "groq", "llama-openai-compat", "nvidia", "ollama", "passthrough", "runpod"),
    *("sambanova", "tgi", "together", "vllm", "watsonx"),
)
# Every rename that is told, by the number of types that have it: a new one is looked at before it is told.
KNOWN_RENAMES = {
    ("inference", "url", "base_url"): 12,
    ("inference", "api_base", "base_url"): 1,
    ("inference", "openai_compat_api_base", "base_url"): 1,
    ("vector_io", "kvstore", "persistence"): 12,
    ("agents", "persistence_store", "persistence.agent_state"): 1,
    ("agents", "responses_store", "persistence.responses"): 1,
    ("responses", "persistence_store", "persistence.agent_state"): 1,
    ("responses", "responses_store", "persistence.responses"): 1,
    ("batches", "kvstore", "sqlstore"): 1,
}


def types() -> list[tuple[str, str]]:
    return [
        (api, provider_type)
        for api, known in catalog.history().items()
        for provider_type in known
        if key_spans(api, provider_type)
    ]


def about(
    version: str, api: str, provider_type: str, config: dict[str, Any], environment: Environment = NO_VARIABLES
) -> list[Finding]:
    """Return what is said about a provider's config."""
    knowledge = catalog.load_release(Release.parse(version))
    entry = {"provider_id": "x", "provider_type": provider_type, "config": config}
    findings = resolve({"version": 2, "providers": {api: [entry]}}, knowledge, environment).findings
    return [finding for finding in findings if ".config" in finding.path]


def told(version: str, api: str, provider_type: str, config: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (f.severity.value, f.reason.value, f.path.partition(".config.")[2])
        for f in about(version, api, provider_type, config)
    ]


class TestData:
    def test_are_those_of_the_catalog(self, capsys: pytest.CaptureFixture[str]):
        assert config_keys.main([str(DATA), "--check"]) == 0, capsys.readouterr().err

    def test_travel_with_the_zipapp(self):
        with zipfile.ZipFile(BytesIO(installer())) as archive:
            packed = archive.read(f"llamastack_resolver/providers/{config_keys.NAME}")

        assert packed == (DATA / config_keys.NAME).read_bytes()

    def test_have_no_other_renames_than_those_that_were_looked_at(self):
        found: dict[tuple[str, str, str], int] = {}
        for api, provider_type in types():
            for old, new in renames(provider_type, key_spans(api, provider_type)):
                if not new.endswith(".backend"):
                    found[api, old, new] = found.get((api, old, new), 0) + 1

        assert found == KNOWN_RENAMES

    def test_name_for_each_key_that_went_what_takes_its_place_or_what_to_do(self):
        gone = {(provider_type, key) for provider_type, key, _ in GONE}
        left = [
            (api, provider_type, span.key)
            for api, provider_type in types()
            for span in key_spans(api, provider_type)
            if span.until is not None
            and span.key not in dict(renames(provider_type, key_spans(api, provider_type)))
            and (provider_type, span.key) not in gone
            # What went with its section is told about the section.
            and not any(one.key == span.section and one.until for one in key_spans(api, provider_type))
        ]

        assert left == []

    @pytest.mark.parametrize("row", [*RENAMED, *GONE], ids=lambda row: f"{row[0]}-{row[1]}")
    def test_were_the_keys_of_some_release_and_are_not_of_a_later_one(self, row: tuple[str, str, str]):
        provider_type, key, _ = row

        assert any(
            span.key == key and span.until is not None
            for api, name in types()
            if provider_type in ("*", name)
            for span in key_spans(api, name)
        )

    @pytest.mark.parametrize("of", SUFFIXES, ids="-".join)
    def test_have_a_suffix_only_for_names_that_are_new(self, of: tuple[str, str]):
        provider_type, key = of

        assert key in [new for _, new in renames(provider_type, key_spans("inference", provider_type))]


class TestAnOlderName:
    @pytest.mark.parametrize(
        ("name", "version"),
        [
            (name, version)
            for version in ("0.4.0", "0.6.1", "0.7.3", "ogx-1.5.0")
            for name in URL_TYPES
            if f"remote::{name}" in catalog.load_release(Release.parse(version)).providers["inference"]
        ],
    )
    def test_is_an_error_with_the_new_name(self, name: str, version: str):
        old = {"azure": "api_base", "llama-openai-compat": "openai_compat_api_base"}.get(name, "url")

        (finding,) = about(version, "inference", f"remote::{name}", {old: "http://gpu-box/v1"})

        assert (finding.severity, finding.reason) == ("error", "UnknownField")
        assert finding.hint is not None and "`base_url`" in finding.hint
        assert f"ignores `{old}`, which releases before 0.4.0 understood" in finding.message

    def test_is_a_warning_beside_the_new_one_and_while_it_is_empty(self):
        both = {"url": "http://a", "base_url": "http://a/v1"}

        assert told("0.7.3", "inference", "remote::ollama", both) == [("warning", "UnknownField", "url")]
        assert told("0.7.3", "inference", "remote::ollama", {"url": None}) == [("warning", "UnknownField", "url")]

    def test_that_says_where_a_database_was_is_one_mistake(self):
        """The section needs two keys that are missing, and has two that are ignored."""
        old = {"storage_dir": "/x", "metadata_store": {"type": "sqlite", "db_path": "/x.db"}}

        (finding,) = about("0.7.3", "files", "inline::localfs", old)

        assert (finding.severity, finding.path) == ("error", "providers.files[0].config.metadata_store")
        assert "`type` and `db_path`" in finding.message
        assert "table_name" in (finding.hint or "")

    def test_of_a_required_section_does_not_report_it_missing_too(self):
        old = {"kvstore": {"type": "sqlite", "db_path": "/x.db"}}

        assert told("0.7.3", "vector_io", "inline::faiss", old) == [("error", "UnknownField", "kvstore")]
        assert told("ogx-1.5.0", "batches", "inline::reference", old) == [("error", "UnknownField", "kvstore")]

    def test_of_a_type_that_was_renamed_is_known(self):
        old = {"persistence_store": {"type": "sqlite", "db_path": "/x.db"}}

        assert told("0.7.3", "responses", "inline::builtin", old)[0] == ("error", "UnknownField", "persistence_store")

    def test_is_named_where_the_class_keeps_what_it_does_not_know(self):
        (finding,) = about("0.7.3", "vector_io", "remote::milvus", {"uri": "a", "token": "b", "kvstore": {}})

        assert finding.hint is not None and finding.hint.startswith("`kvstore`: it is called `persistence` since 0.3.0")


class TestANewerName:
    def test_is_an_error_with_the_older_name(self):
        (finding,) = about("0.3.5", "inference", "remote::vllm", {"base_url": "http://a/v1"})

        assert (finding.severity, finding.reason) == ("error", "UnknownField")
        assert finding.message == "remote::vllm of 0.3.5 ignores `base_url`, which 0.4.0 and newer understand"
        assert finding.hint == "it is called `url` before 0.4.0"

    def test_names_all_older_ones(self):
        new = {"persistence": {"agent_state": {"backend": "a", "namespace": "b"}}}

        (finding,) = about("0.2.20", "agents", "inline::meta-reference", new)

        assert "`persistence_store` and `responses_store`" in (finding.hint or "")

    def test_of_a_backend_is_answered_with_the_older_form(self):
        new = {"storage_dir": "/x", "metadata_store": {"backend": "sql_default", "table_name": "files"}}

        (finding,) = about("0.2.20", "files", "inline::localfs", new)

        assert finding.severity == "error"
        assert finding.hint == "`backend` is known since 0.3.0: write {type: sqlite, db_path: ...}"


class TestAValueThatMayBeEmpty:
    UNKNOWN = Environment(others="unknown")

    def messages(self, value: Any) -> list[str]:
        found = about("ogx-1.5.0", "inference", "remote::azure", {"api_base": value, "api_key": "k"}, self.UNKNOWN)
        return [f"{f.severity}: {f.message}" for f in found if f.path.endswith("api_base")]

    @pytest.mark.parametrize(
        ("value", "where"),
        [
            ("${env.X:=}", "where X is set, "),
            ("${env.X:+http://a}", "where X is set, "),
            ("${env.X:=}${env.Y:=}", "where X or Y is set, "),
            ("${env.X}", ""),
            ("${env.X:=http://a}", ""),
            ("${env.X:=}/v1", ""),
            ("${env.X:=}${env.Y}", ""),
        ],
    )
    def test_is_an_error_only_where_there_is_something(self, value: str, where: str):
        (message,) = self.messages(value)

        assert message.startswith(f"error: {where}remote::azure of ogx-1.5.0 ignores `api_base`")


class TestAKeyWithoutAnotherPlace:
    def test_that_went_is_a_warning_with_what_to_do(self):
        old = {"aws_access_key_id": "a", "retry_mode": "standard"}

        found = about("0.7.3", "inference", "remote::bedrock", old)

        assert [(f.severity, f.reason) for f in found] == [("warning", "UnknownField")] * 2
        assert "bearer token" in (found[0].hint or "")
        assert found[0].message.endswith("which releases before 0.4.0 understood, and ogx-0.8.0 and newer do")

    def test_that_comes_later_is_a_warning_that_names_the_release(self):
        (finding,) = about("0.4.7", "inference", "remote::openai", {"network": {"timeout": 1}})

        assert (finding.severity, finding.hint) == ("warning", "remove it, or use 0.5.0 or newer")

    def test_that_a_class_refuses_is_an_error_that_names_the_release(self):
        (finding,) = about(
            "0.6.1", "safety", "remote::passthrough", {"base_url": "http://a", "extra_blocked_headers": []}
        )

        assert (finding.severity, finding.reason) == ("error", "InvalidProviderConfig")
        assert finding.hint == "remove it, or use 0.7.0 or newer"

    def test_that_nobody_knows_is_a_warning_with_the_nearest_name(self):
        (finding,) = about("0.7.3", "inference", "remote::ollama", {"bas_url": "http://a"})

        assert (finding.severity, finding.hint) == ("warning", "did you mean base_url?")

    def test_of_a_class_without_any_is_told_too(self):
        assert told("0.2.16", "vector_io", "remote::weaviate", {"zzz": 1}) == [("warning", "UnknownField", "zzz")]


def test_a_key_that_all_releases_know_has_no_story():
    schema = catalog.load_release(Release.parse("0.7.3")).schemas
    spec = catalog.load_release(Release.parse("0.7.3")).providers["inference"]["remote::vllm"]

    known = schema_keys(schema[spec.config_class or ""])

    assert story_of("inference", "remote::vllm", "max_tokens", known, Release.parse("0.7.3")) is None
    assert story_of("inference", "remote::vllm", "zzz", known, Release.parse("0.7.3")) is None
