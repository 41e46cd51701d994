"""APIs that are written in another way than the release, or the file of an external API, has them."""

import pytest
import yaml

from llamastack_resolver.resolution import ExternalFiles, Resolution, resolve
from tests.support.small_release import config, entry, knowledge

SUN = yaml.safe_dump({"adapter_type": "sun", "module": "sunny", "config_class": "sunny.Config"})


def resolved(named: str, used: str, folder: str = "my_weather", **more: object) -> Resolution:
    """Resolve a config that uses an external API, with the file of its provider."""
    api = yaml.safe_dump({"name": named, "module": "weather_api", "protocol": "Weather"})
    raw = config(external_apis_dir="/a", external_providers_dir="/p", providers={used: [entry("w", "remote::sun")]})
    return resolve(
        {**raw, **more}, knowledge(), files=ExternalFiles({f"remote/{folder}/sun.yaml": SUN}, {"w.yaml": api})
    )


def found(resolution: Resolution) -> list[tuple[str, str, str]]:
    return [(str(one.severity), str(one.reason), one.path) for one in resolution.findings]


@pytest.mark.parametrize("named", ["my_weather", "my-weather", "My-Weather"])
def test_an_external_api_is_used_by_the_name_of_its_file(named: str):
    assert found(resolved(named, named, apis=[named])) == []


@pytest.mark.parametrize(
    ("named", "used"), [("my_weather", "my-weather"), ("my-weather", "my_weather"), ("My-Weather", "MY_weather")]
)
def test_another_spelling_of_an_external_api_serves_and_is_told(named: str, used: str):
    resolution = resolved(named, used, apis=[used])

    assert found(resolution) == [
        ("warning", "UnknownApi", f"providers.{used}"),
        ("warning", "UnknownApi", "apis[0]"),
    ]
    assert {one.hint for one in resolution.findings} == {f"write `{named}`"}
    assert [p.provider_id for step in resolution.plan for p in step.providers if p.entry] == ["w"]


def test_the_folder_of_its_providers_has_underscores_however_the_api_is_written():
    resolution = resolved("my-weather", "my-weather", folder="my-weather")

    path = "external_providers_dir/remote/my-weather/sun.yaml"
    assert next((one.path, one.hint) for one in resolution.findings) == (path, "did you mean my_weather?")
    assert resolution.registry.types["my-weather"] == {}


def test_a_file_that_spells_an_api_of_the_release_otherwise_brings_no_api_of_its_own():
    resolution = resolved("Files", "files", folder="files", apis=["files"])

    assert found(resolution) == []


def test_another_spelling_of_a_routed_api_is_not_taken_for_one_from_a_directory_that_cannot_be_read_here():
    raw = config(external_apis_dir="/a", providers={"Inference": [entry("v", "remote::vllm")]})

    assert [one for one in found(resolve(raw, knowledge())) if one[0] == "error"] == [
        ("error", "UnknownApi", "providers.Inference")
    ]


def test_behind_a_router_the_exact_name_is_needed_where_a_provider_is_switched_on():
    def told(provider_id: str) -> list[tuple[str, str]]:
        resolution = resolve(config(providers={"vector-io": [entry(provider_id, "inline::faiss")]}), knowledge())
        return [(str(one.severity), one.message) for one in resolution.findings if one.path == "providers.vector-io"]

    ((severity, message),) = told("faiss")
    assert severity == "error" and message.endswith("looks for its providers by the exact name: it does not start")
    assert told("${env.FAISS:+faiss}") == [("error", f"where FAISS is set, {message}")]
    assert [severity for severity, _ in told("")] == ["warning"]
