"""A whole config and its sections: what moved, what has no effect, what is missing, what names a provider."""

from typing import Any

import pytest

from llamastack_operator import catalog
from llamastack_resolver.config.env import Environment
from llamastack_resolver.documents.complete import default_storage
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import Resolution, resolve
from tests.support.small_release import config, entry, errors, knowledge, warnings


class TestMovedContent:
    def test_is_an_error_that_names_the_new_place(self):
        resolution = resolve(config(models=[{"model_id": "m"}]), knowledge())

        assert errors(resolution) == [("UnknownField", "models")]
        assert resolution.findings[0].hint == "move it to `registered_resources.models`"

    def test_is_a_warning_while_it_is_empty(self):
        resolution = resolve(config(models=[]), knowledge())

        assert (errors(resolution), warnings(resolution)) == ([], [("UnknownField", "models")])

    def test_is_a_warning_where_the_releases_own_configs_carry_it(self):
        release = knowledge(bundled_top_level_keys=["models"])

        assert errors(resolve(config(models=[{"model_id": "m"}]), release)) == []


class TestWhatTheReleaseFillsIn:
    """`metadata_store` and `vector_stores_config` may come from other parts of the run config."""

    def of_files(self, version: str, **storage: Any) -> list[tuple[str, str]]:
        entries = [entry("f", "inline::localfs", config={"storage_dir": "/x"})]
        raw = {"version": 2, "distro_name": "x", "providers": {"files": entries}, "apis": ["files"], "storage": storage}
        return errors(resolve(raw, catalog.load_release(Release.parse(version))))

    def test_a_store_is_missed_where_nothing_fills_it_in(self):
        missing = [("InvalidProviderConfig", "providers.files[0].config.metadata_store")]
        stores = {"vector_stores": {"backend": "sql_default", "table_name": "v"}}

        assert self.of_files("0.7.3") == missing
        assert self.of_files("ogx-1.0.4", stores=stores) == missing
        assert self.of_files("ogx-1.5.0") == missing
        assert self.of_files("ogx-1.5.0", stores={"vector_stores": None}) == missing
        assert self.of_files("ogx-1.5.0", stores=stores) == []

    def test_what_the_run_config_replaces_has_no_effect_and_is_not_judged(self):
        search = entry("s", "inline::file-search", config={"vector_stores_config": {"file_search_params": "none"}})
        release = catalog.load_release(Release.parse("0.7.3"))
        path = "providers.tool_runtime[0].config.vector_stores_config"
        raw = {"version": 2, "distro_name": "x", "providers": {"tool_runtime": [search]}}

        alone, replaced = resolve(raw, release), resolve({**raw, "vector_stores": {}}, release)

        assert ("InvalidProviderConfig", f"{path}.file_search_params") in errors(alone)
        assert ("UnknownField", path) in warnings(replaced)
        assert not [found for found in errors(replaced) if "config" in found[1]]


class TestSinks:
    """A validator of the releases up to 0.2.24 splits them at commas."""

    def findings(self, sinks: object) -> list[tuple[str, str, str]]:
        raw = {
            "version": 2,
            "image_name": "x",
            "providers": {"telemetry": [entry("t", "inline::meta-reference", config={"sinks": sinks})]},
        }
        found = resolve(raw, catalog.load_release(Release.parse("0.2.20"))).findings
        return [(f.severity.value, f.path, f.message) for f in found if "sinks" in f.path]

    def test_that_exist_are_right_as_text_and_as_a_list(self):
        assert self.findings("console, sqlite") == self.findings(["console"]) == self.findings("${env.SINKS}") == []

    def test_that_do_not_exist_are_errors_where_the_file_has_them(self):
        path = "providers.telemetry[0].config.sinks"

        assert self.findings("consol,jaeger") == [
            ("error", path, "the text 'consol' is not allowed here"),
            ("error", path, "the text 'jaeger' is not allowed here"),
        ]
        assert self.findings(["consol"]) == [("error", f"{path}[0]", "the text 'consol' is not allowed here")]
        assert self.findings(5) == [("error", path, "expected a list, found the number 5")]


class TestContentWithoutEffect:
    def run_config(self, version: str, **content: Any) -> list[tuple[str, str]]:
        name = "distro_name" if Release.parse(version) >= Release.parse("0.5.0") else "image_name"
        raw = {"version": 2, name: "x", "providers": {}, **content}
        found = resolve(raw, catalog.load_release(Release.parse(version))).findings
        return [(f.severity.value, f.path) for f in found if f.reason == "UnknownField"]

    @pytest.mark.parametrize("version", ["0.4.0", "0.7.3", "ogx-1.5.0"])
    def test_is_a_warning_where_what_is_served_is_the_same(self, version: str):
        assert self.run_config(version, telemetry={"enabled": True}) == [("warning", "telemetry")]

    @pytest.mark.parametrize("version", ["0.3.0", "0.7.3", "ogx-1.0.0", "ogx-1.5.0"])
    def test_is_not_mentioned_of_empty_lists_of_resources(self, version: str):
        lists = ("models", "shields", "vector_dbs", "datasets", "scoring_fns", "benchmarks", "tool_groups", "zzz")

        assert self.run_config(version, registered_resources={key: [] for key in lists}) == []

    def test_is_an_error_where_the_stack_lacks_what_a_newer_release_would_have(self):
        resources = {"registered_resources": {"models": [{"model_id": "m"}]}}

        assert self.run_config("0.2.20", **resources) == [("error", "registered_resources")]
        assert self.run_config("0.2.20", registered_resources={"models": []}) == [("warning", "registered_resources")]
        assert self.run_config("0.2.20", vector_stores={"x": 1}) == [("warning", "vector_stores")]

    def test_is_not_mentioned_of_a_place_for_anchors(self):
        assert self.run_config("0.7.3", **{"x-vllm": {"a": 1}}) == []

    def test_is_no_second_mistake_where_the_name_has_the_newer_key(self):
        raw = {"version": 2, "distro_name": "x", "providers": {}}

        found = [f for f in resolve(raw, catalog.load_release(Release.parse("0.4.7"))).findings if "name" in f.path]

        assert [(f.path, f.hint) for f in found] == [
            ("image_name", "`distro_name` is called `image_name` before 0.5.0")
        ]


def test_a_storage_section_that_is_missing_is_one_mistake():
    raw = {"version": 2, "image_name": "x", "providers": {}}

    assert errors(resolve(raw, catalog.load_release(Release.parse("0.3.5")))) == [("InvalidRunConfig", "storage")]


def test_a_type_of_backend_that_does_not_exist_is_one_mistake():
    backends = {
        "kv_default": {"type": "sqlite", "db_path": "/x"},
        "sql_default": {"type": "sql_sqlite", "db_path": "/y"},
    }
    faiss = entry("f", "inline::faiss", config={"persistence": {"backend": "kv_default", "namespace": "f"}})
    raw = {
        "version": 2,
        "distro_name": "x",
        "apis": ["vector_io"],
        "providers": {"vector_io": [faiss], "inference": [entry("o", "remote::openai")]},
        "storage": {"backends": backends},
    }

    found = errors(resolve(raw, catalog.load_release(Release.parse("0.7.3"))))

    assert found == [
        ("InvalidRunConfig", "storage.backends.kv_default.type"),
        ("MissingDependency", "providers.vector_io[0]"),
    ]


def test_an_unknown_key_is_a_warning_with_the_nearest_name():
    resolution = resolve(config(provider={}), knowledge())

    assert [(f.severity, f.hint) for f in resolution.findings] == [("warning", "did you mean providers?")]


class TestStorage:
    def test_a_store_must_refer_to_a_backend_that_exists(self):
        raw = config(
            storage={
                "backends": {"kv_default": {"type": "kv_sqlite", "db_path": "/x"}},
                "stores": {
                    "metadata": {"backend": "kv_defaut", "namespace": "x"},
                    "inference": None,
                },
            }
        )

        resolution = resolve(raw, knowledge())

        assert errors(resolution) == [("MissingReference", "storage.stores.metadata.backend")]
        assert resolution.findings[0].hint == "did you mean kv_default?"

    def test_a_store_must_refer_to_a_backend_of_its_kind(self):
        raw = config(
            storage={
                "backends": {
                    "kv_default": {"type": "kv_sqlite", "db_path": "/x"},
                    "sql_default": {"type": "sql_sqlite", "db_path": "/x"},
                },
                "stores": {"metadata": {"backend": "sql_default", "namespace": "x"}},
            }
        )

        resolution = resolve(raw, knowledge())

        assert resolution.findings[0].message == (
            "storage backend 'sql_default' is of type sql_sqlite, a kv_* backend is required"
        )
        assert resolution.findings[0].hint == "use kv_default"

    def test_the_defaults_of_stores_need_the_default_backends(self):
        raw = config(storage={"backends": {"mine": {"type": "kv_sqlite", "db_path": "/x"}}})

        assert errors(resolve(raw, knowledge())) == [
            ("MissingReference", "storage.stores.metadata"),
            ("MissingReference", "storage.stores.inference"),
        ]

    def test_an_unknown_backend_type_is_reported_once(self):
        raw = config(
            storage={
                "backends": {
                    "kv_default": {"type": "kv_sqlit", "db_path": "/x"},
                    "sql_default": {"type": "sql_sqlite", "db_path": "/x"},
                }
            }
        )

        assert errors(resolve(raw, knowledge())) == [("InvalidRunConfig", "storage.backends.kv_default.type")]


class TestResources:
    def test_must_name_a_configured_provider(self):
        raw = config(registered_resources={"models": [{"model_id": "m", "provider_id": "vlm"}]})

        resolution = resolve(raw, knowledge())

        assert errors(resolution) == [("MissingReference", "registered_resources.models[0].provider_id")]
        assert resolution.findings[0].hint == "did you mean vllm?"

    def test_of_disabled_providers_are_skipped_as_the_release_does(self):
        raw = config(registered_resources={"models": [{"model_id": "m", "provider_id": None}]})

        assert resolve(raw, knowledge()).findings == ()


class TestWhatReleasesDoNotRegister:
    def test_datasets_stop_the_server_before_0_2_20(self):
        raw = config(datasets=[{"dataset_id": "d", "purpose": "eval", "source": {}}])

        resolution = resolve(raw, knowledge("llama-stack", "0.2.19"))

        assert ("ServerCannotStart", "datasets") in errors(resolution)
        assert ("ServerCannotStart", "datasets") not in errors(resolve(raw, knowledge("llama-stack", "0.2.20")))

    def test_vector_stores_are_ignored_by_0_3(self):
        raw = config(registered_resources={"vector_stores": [{"vector_store_id": "v", "provider_id": "absent"}]})
        path = "registered_resources.vector_stores"

        old, new = (resolve(raw, knowledge("llama-stack", version)) for version in ("0.3.5", "0.4.0"))

        assert (errors(old), warnings(old)) == ([], [("UnknownField", path)])
        assert errors(new) == [("MissingReference", f"{path}[0].provider_id")]


class TestDefaultsOfVectorStores:
    STORE = "vector_stores.default_provider_id"
    FAISS = (
        entry("faiss", "inline::faiss", config={"persistence": {}}),
        entry("other", "inline::faiss", config={"persistence": {}}),
    )

    def resolved(self, count: int, **stores: Any) -> Resolution:
        raw = config(vector_stores=stores)
        return resolve({**raw, "providers": {**raw["providers"], "vector_io": list(self.FAISS[:count])}}, knowledge())

    def test_name_a_provider_that_is_there(self):
        assert self.resolved(2, default_provider_id="other").findings == ()

    def test_that_is_not_there_is_an_error_where_the_server_cannot_choose_another(self):
        assert errors(self.resolved(2, default_provider_id="fais")) == [("MissingReference", self.STORE)]

    @pytest.mark.parametrize("count", [0, 1])
    def test_that_is_not_there_has_no_effect_where_there_is_no_choice(self, count: int):
        resolution = self.resolved(count, default_provider_id="chroma")

        assert (errors(resolution), warnings(resolution)) == ([], [("MissingReference", self.STORE)])

    @pytest.mark.parametrize(
        ("stores", "path"),
        [
            ({"default_embedding_model": {"provider_id": "x", "model_id": "m"}}, "default_embedding_model"),
            ({"default_reranker_model": {"provider_id": "x", "model_id": "m"}}, "default_reranker_model"),
            ({"rewrite_query_params": {"model": {"provider_id": "x", "model_id": "m"}}}, "rewrite_query_params.model"),
        ],
    )
    def test_are_models_of_providers_that_are_there(self, stores: dict[str, Any], path: str):
        assert errors(self.resolved(1, **stores)) == [("MissingReference", f"vector_stores.{path}.provider_id")]


def test_a_key_that_is_there_for_its_anchors_is_passed_over():
    raw = config(**{"x-vllm": {"a": 1}, "xvllm": 1})

    assert warnings(resolve(raw, knowledge())) == [("UnknownField", "xvllm")]


def test_the_metadata_store_is_required():
    raw = config(storage={"stores": {"metadata": None}})

    assert errors(resolve(raw, knowledge())) == [("InvalidRunConfig", "storage.stores.metadata")]


@pytest.mark.parametrize(("version", "expected"), [("0.3.5", ["storage.stores.metadata"]), ("0.4.0", [])])
def test_before_0_4_no_stores_are_no_metadata_store(version: str, expected: list[str]):
    raw = config(image_name="x", storage={"backends": default_storage()["backends"]})

    resolution = resolve(raw, catalog.load_release(Release("llama-stack", version)), Environment())
    assert [path for _, path in errors(resolution) if path.startswith("storage")] == expected


class TestOtherSpellingsOfApis:
    """Every release takes them for the API, and sorts and looks by what is written."""

    FILES = entry(
        "f",
        "inline::localfs",
        config={"storage_dir": "/x", "metadata_store": {"backend": "sql_default", "table_name": "f"}},
    )
    USER = entry("b", "inline::reference", config={"kvstore": {"backend": "kv_default", "namespace": "b"}})

    def of(self, providers: dict[str, Any], version: str = "0.7.3", **more: Any) -> list[tuple[str, str]]:
        raw = {"version": 2, "distro_name": "x", "providers": providers, **more}
        found = resolve(raw, catalog.load_release(Release.parse(version))).findings
        return [(f.severity.value, f.path) for f in found if f.reason == "UnknownApi"]

    def test_are_a_warning_where_the_release_serves_them(self):
        assert self.of({"Files": [self.FILES]}) == [("warning", "providers.Files")]
        assert self.of({"Files": [self.FILES], "batches": [self.USER]}) == [("warning", "providers.Files")]
        assert self.of({"files": [self.FILES]}, apis=["Files"]) == [("warning", "apis[0]")]

    def test_are_an_error_where_what_depends_on_them_may_come_first(self):
        assert self.of({"batches": [self.USER], "Files": [self.FILES]}) == [("error", "providers.Files")]
        assert self.of({"Files": [self.FILES], "batches": [self.USER]}, "ogx-1.5.0") == [("error", "providers.Files")]

    def test_of_routed_apis_are_an_error_unless_all_is_switched_off(self):
        on, off = entry("v", "remote::vllm"), entry("__disabled__", "remote::vllm")
        assert self.of({"Inference": [on]}) == [("error", "providers.Inference")]
        assert self.of({"Inference": [off]}) == [("warning", "providers.Inference")]
        assert self.of({}, apis=["Inference"]) == [("error", "apis[0]")]
        assert self.of({}, apis=["inference", "Inference"]) == [("warning", "apis[1]")]
        assert self.of({}, "ogx-1.5.0", apis=["Inference"]) == [("warning", "apis[0]")]
