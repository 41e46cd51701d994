"""The rules of releases: one object for each release, and no other place that has rules."""

from __future__ import annotations

import re
from pathlib import Path

import llamastack_operator
import llamastack_resolver
from llamastack_operator import catalog
from llamastack_resolver.behaviour import Behaviour
from llamastack_resolver.releases import Release

COMPARISON = re.compile(r"\.number(\[[^\]]*\])? *[<>=!]|\bpackage [=!]= \"|\"[a-z-]+\" [=!]= \w+\.package")
# A release is compared by its numbers where the order is defined, and the nearest patch is looked for.
HOMES = {"llamastack_resolver/releases.py"}


def test_a_pre_release_does_as_its_release_does() -> None:
    assert Behaviour.of(Release.parse("0.3.0rc1")) == Behaviour.of(Release.parse("0.3.0"))


def test_a_release_that_is_not_known_yet_does_as_the_newest() -> None:
    newest = catalog.releases()[-1]
    assert Behaviour.of(Release(newest.package, "99.0.0")) == Behaviour.of(newest)


def test_the_knowledge_of_a_release_has_its_rules() -> None:
    for release in catalog.releases():
        assert catalog.load_release(release).behaviour == Behaviour.of(release)


def test_no_other_module_compares_releases() -> None:
    found = set()
    for package in (llamastack_resolver, llamastack_operator):
        root = Path(package.__path__[0])
        for path in root.rglob("*.py"):
            if COMPARISON.search(path.read_text("utf-8")):
                found.add(path.relative_to(root.parent).as_posix())
    assert found <= HOMES
