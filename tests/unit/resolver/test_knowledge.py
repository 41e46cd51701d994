"""What tells one release from another of the same name: an image may have more in it than the release that it says."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from llamastack_operator import catalog
from llamastack_resolver.knowledge import ReleaseKnowledge
from tests.support.small_release import PROVIDERS, core, knowledge


def with_providers(**changes: object) -> ReleaseKnowledge:
    """Return the small release whose providers of one API are others."""
    return ReleaseKnowledge.from_dict(core(providers={**copy.deepcopy(PROVIDERS), **changes}))


class TestTheDigestOfSpecs:
    def test_is_the_same_whatever_order_things_are_in(self) -> None:
        turned = {api: dict(reversed(types.items())) for api, types in reversed(PROVIDERS.items())}
        assert ReleaseKnowledge.from_dict(core(providers=turned)).specs_digest == knowledge().specs_digest

    @pytest.mark.parametrize(
        "types",
        [
            pytest.param({**PROVIDERS["inference"], "remote::our-own": {}}, id="a type more"),
            pytest.param(dict(list(PROVIDERS["inference"].items())[1:]), id="a type less"),
            pytest.param(
                {**PROVIDERS["inference"], "remote::vllm": {"module": "ours"}}, id="another module behind a type"
            ),
            pytest.param(
                {**PROVIDERS["inference"], "remote::vllm": {"api_dependencies": ["files"]}}, id="another dependency"
            ),
        ],
    )
    def test_is_another_where_a_pod_would_find_something_else(self, types: object) -> None:
        assert with_providers(inference=types).specs_digest != knowledge().specs_digest

    def test_is_another_where_there_is_an_api_more(self) -> None:
        more = replace(knowledge(), apis=knowledge().apis | {"weather"})
        assert more.specs_digest != knowledge().specs_digest

    def test_tells_all_releases_of_the_catalog_from_each_other(self) -> None:
        digests = {catalog.load_release(release).specs_digest for release in catalog.releases()}
        assert len(digests) == len(catalog.releases())
        assert all(len(digest) == 16 for digest in digests)
