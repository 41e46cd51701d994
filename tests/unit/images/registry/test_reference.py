"""References mean here what they mean to Docker and containerd."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.images.registry.endpoints import Endpoints
from llamastack_operator.images.registry.reference import ImageReference, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("python", ImageReference("docker.io", "library/python")),
        ("python:3.13-slim", ImageReference("docker.io", "library/python", "3.13-slim")),
        ("docker.io/python", ImageReference("docker.io", "library/python")),
        ("index.docker.io/a/b", ImageReference("docker.io", "a/b")),
        ("llamastack/starter:1", ImageReference("docker.io", "llamastack/starter", "1")),
        ("quay.io/a/b/c", ImageReference("quay.io", "a/b/c")),
        ("localhost/a", ImageReference("localhost", "a")),
        ("registry:5000/a:b", ImageReference("registry:5000", "a", "b")),
        ("[::1]:5000/a", ImageReference("[::1]:5000", "a")),
        (f"a@{DIGEST}", ImageReference("docker.io", "library/a", None, DIGEST)),
        (f"quay.io/a:1@{DIGEST}", ImageReference("quay.io", "a", "1", DIGEST)),
    ],
)
def test_a_reference_has_the_usual_defaults(text: str, wanted: ImageReference) -> None:
    assert parse_reference(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "UPPER",
        "a/B",
        "a:",
        "a:b c",
        "a@sha256:12",
        "a@",
        "http://a/b",
        "a//b",
        "-a",
        "a/../b",
        "host:99999999/a",
        "a\n",
        "user@host/a",
        "quay.io/",
        "x" * 300,
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_reference(text)


@given(st.text(max_size=80))
def test_any_text_is_a_reference_or_a_clear_refusal(text: str) -> None:
    try:
        reference = parse_reference(text)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert parse_reference(str(reference)) == reference


def test_docker_hub_is_reached_at_its_own_endpoint() -> None:
    assert Endpoints().pull(parse_reference("python")).base == "https://registry-1.docker.io"


def test_a_mirror_may_have_a_prefix_and_answers_for_pulls_only() -> None:
    endpoints = Endpoints({"docker.io": "https://harbor.local/hub"})
    reference = parse_reference("python")
    place = endpoints.pull(reference)
    assert (place.base, place.path) == ("https://harbor.local", "hub/library/python")
    assert str(place) == "docker.io/library/python"
    assert endpoints.push(reference).base == "https://registry-1.docker.io"


def test_only_listed_hosts_and_mirrors_are_spoken_to_without_tls() -> None:
    endpoints = Endpoints({"docker.io": "http://mirror:5000"}, ["registry.local:5000"])
    assert endpoints.push(parse_reference("registry.local:5000/a")).base == "http://registry.local:5000"
    assert endpoints.push(parse_reference("registry.local/a")).base == "https://registry.local"
    plain = [
        host for host in ("mirror:5000", "registry.local:5000", "mirror", "docker.io") if endpoints.may_be_plain(host)
    ]
    assert plain == ["mirror:5000", "registry.local:5000"]
