"""The spec objects of directory providers are those that the release itself makes of the same file."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.releases import RELEASES, release, run

PROGRAM = """
import json
from llamastack_resolver.introspection import find_layout
from llamastack_resolver.introspection.specs import release_spec
from llamastack_resolver.knowledge import ProviderSpec
layout = find_layout()
distribution, api = layout.module("distribution"), layout.api("inference")
data = json.loads('DATA')
remote = data["remote"]
flat = {**remote["adapter"], "api_dependencies": ["files"]} if "adapter" in remote else remote
own = [distribution._load_remote_provider_spec(data["remote"], api),
       distribution._load_inline_provider_spec(data["inline"], api, "mine")]
mine = [release_spec(ProviderSpec.from_dict("inference", f"{kind}::mine", {**keys, "kind": kind}), layout)
        for kind, keys in (("remote", flat), ("inline", data["inline"]))]
print(json.dumps([(a == b, type(a) is type(b), type(b.api) is type(api)) for a, b in zip(own, mine)]))
"""
KEYS = {"module": "mine", "config_class": "mine.Config", "pip_packages": ["p"]}


@pytest.mark.parametrize("name", RELEASES)
def test_they_are_equal_for_both_kinds_of_files(name: str, tmp_path: Path):
    remote: dict[str, Any] = {"adapter_type": "mine", **KEYS, "api_dependencies": ["files"]}
    if release(name) < release("0.2.23"):
        remote = {"adapter": {"adapter_type": "mine", **KEYS}, "api_dependencies": ["files"]}
    inline = {**KEYS, "api_dependencies": ["files"], "optional_api_dependencies": ["safety"]}
    if release(name) >= release("ogx-1.0.0"):
        inline["optional_api_dependencies"] = ["vector_io"]
    data = json.dumps({"remote": remote, "inline": inline})

    answer = json.loads(run(name, ["-c", PROGRAM.replace("DATA", data)], tmp_path))

    assert answer == [[True, True, True], [True, True, True]]
