"""Which release the command line checks a document against, and what it says about that."""

from __future__ import annotations

from collections import Counter

import pytest

from llamastack_operator import catalog
from llamastack_operator.cli.releases import named_release
from llamastack_operator.planning.reading.check import Checked, check_document
from llamastack_resolver.documents.read import Input, read_inputs
from llamastack_resolver.findings import Severity
from llamastack_resolver.reasons import ConfigReason
from llamastack_resolver.releases import Release

MANIFEST = """
apiVersion: llamastack.dev/v1alpha1
kind: LlamaStack
metadata: {name: bot}
spec:
  distribution: DISTRIBUTION
  runConfig:
    version: 2
    distro_name: bot
    providers:
      inference:
      - {provider_id: v, provider_type: remote::vlm, config: {}}
"""


def read(text: str) -> Input:
    """Read the one document of a text."""
    (document,) = read_inputs([("run.yaml", text)])
    return document


def errors(checked: Checked, severity: Severity = Severity.ERROR) -> Counter[tuple[str, str]]:
    """Count errors by path and reason; their words name the release."""
    return Counter((one.path, str(one.reason)) for one in checked.findings if one.severity is severity)


def about_releases(checked: Checked) -> list[str]:
    """Return what was said about the release."""
    return [one.message for one in checked.findings if one.reason == "UnsupportedVersion"]


# Upstream's own mistakes that are none for 0.2.20, which fits these files as well and takes them as they are: the key
# by which each of them differs, and how many files have it.
TAKEN_BY_ANOTHER = {"providers.tool_runtime MissingDependency": 29, "datasets ServerCannotStart": 4}


def test_a_bundled_config_gets_the_verdict_of_its_own_release_where_none_is_named() -> None:
    """But where its own release refuses it, and another one that fits takes it."""
    taken: Counter[str] = Counter()
    for release in catalog.releases():
        for name, text in catalog.load_release(release).distributions.items():
            own, guessed = check_document(read(text), release), check_document(read(text), None)
            assert errors(guessed, Severity.WARNING) == errors(own, Severity.WARNING), (str(release), name)
            assert not errors(guessed) - errors(own), (str(release), name)
            for path, reason in errors(own) - errors(guessed):
                assert guessed.release == Release("llama-stack", "0.2.20"), (str(release), name)
                taken[f"{path.partition('[')[0]} {reason}"] += 1

    assert taken == TAKEN_BY_ANOTHER


@pytest.mark.parametrize(
    ("distribution", "release", "message"),
    [
        (
            "{release: {package: llama-stack, version: 0.7.99}}",
            "0.7.99",
            "0.7.99 is not in the catalog: checked as 0.7.3, the nearest patch of the same minor",
        ),
        (
            "{image: 'quay.io/team/llama-stack:0.7.99-cpu'}",
            "0.7.99",
            "0.7.99 is not in the catalog: checked as 0.7.3, the nearest patch of the same minor",
        ),
        ("{image: 'quay.io/team/llama-stack:0.7.1-rhaiv.1'}", "0.7.1", None),
    ],
)
def test_a_patch_that_the_catalog_lacks_is_checked_as_the_one_that_stands_in_for_it(
    distribution: str, release: str, message: str | None
) -> None:
    checked = check_document(read(MANIFEST.replace("DISTRIBUTION", distribution)), None)

    assert str(checked.release) == release
    assert about_releases(checked) == ([message] if message else [])
    assert [reason for _, reason in errors(checked)] == ["UnknownProviderType"]


def test_an_option_names_such_a_patch_as_well() -> None:
    checked = check_document(read(MANIFEST.replace("DISTRIBUTION", "{image: x}")), named_release("0.7.99"))

    assert checked.release == Release("llama-stack", "0.7.99")
    assert about_releases(checked) == [
        "0.7.99 is not in the catalog: checked as 0.7.3, the nearest patch of the same minor"
    ]


def test_the_tag_of_a_release_that_nothing_stands_in_for_is_mentioned() -> None:
    checked = check_document(read(MANIFEST.replace("DISTRIBUTION", "{image: 'team/llama-stack:0.9.0'}")), None)

    (message,) = about_releases(checked)
    assert "0.9.0, which the image's tag names, is not known" in message
    assert f"checked as {checked.release} (concluded from `distro_name`" in message


def test_a_release_of_no_known_minor_is_refused_with_the_nearest() -> None:
    version = "{release: {package: llama-stack, version: 0.9.0}}"
    checked = check_document(read(MANIFEST.replace("DISTRIBUTION", version)), None)

    assert checked.resolution is None
    assert about_releases(checked) == ["llama-stack-0.9.0 is not known; the nearest are 0.7.1, 0.7.2, 0.7.3"]


def test_what_the_document_itself_says_is_not_lost_where_several_releases_were_tried() -> None:
    text = catalog.load_release(Release.parse("0.2.23")).distributions["dell"]
    document = read(text)
    document.findings.warning(ConfigReason.INVALID_RUN_CONFIG, "of the document", "version", hint="x")

    checked = check_document(document, None)

    assert [one.line for one in checked.findings if one.message == "of the document"] == [1]
    assert len(about_releases(checked)) == 1
