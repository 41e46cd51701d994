"""What is started over and over is right for each release, and has as many providers as it says."""

from __future__ import annotations

import pytest

from benchmarks.start_stacks import CHECKS, PROVIDERS, RELEASES, Setting, stack
from llamastack_operator import catalog
from llamastack_operator.api.stack import LlamaStackSpec
from llamastack_resolver.config.env import Environment
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import resolve


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("count", PROVIDERS)
def test_stacks_have_the_providers_that_are_asked_for(release: str, count: int) -> None:
    body = stack("a", Setting(release, "registry.local/a:1", count, "warm"), CHECKS[0])
    LlamaStackSpec.model_validate(body["spec"])
    variables = {entry["name"]: entry["value"] for entry in body["spec"]["server"]["env"]}
    found = resolve(body["spec"]["runConfig"], catalog.load_release(Release.parse(release)), Environment(variables))
    assert not found.has_errors, list(found.findings)
    assert found.config is not None
    assert len(list(found.config.entries())) == count
