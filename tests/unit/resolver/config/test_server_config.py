"""The config for the server: import names in place of requirements, all else as written."""

import yaml

from llamastack_resolver.config.server_config import dump, server_config

RAW = {
    "version": 2,
    "providers": {
        "inference": [
            {"provider_id": "a", "provider_type": "remote::a", "module": "my-provider>=1"},
            {"provider_id": "b", "provider_type": "remote::b", "config": {"url": "${env.URL}"}},
        ]
    },
}


def test_modules_become_import_names_and_references_stay():
    config = server_config(RAW, {"providers.inference[0]": "my_provider"})

    assert config["providers"]["inference"][0]["module"] == "my_provider"
    assert config["providers"]["inference"][1] == RAW["providers"]["inference"][1]
    assert RAW["providers"]["inference"][0]["module"] == "my-provider>=1"


def test_it_is_written_in_the_order_of_its_keys():
    text = dump({"b": 1, "a": "ü"})

    assert text.index("b:") < text.index("a:")
    assert yaml.safe_load(text) == {"b": 1, "a": "ü"}
