"""Methods that releases' own providers lack, although their protocols ask for them.

The release starts these providers and serves everything else of them, and who runs the release cannot mend
them: so they are a warning, with what will not work. Only what is listed here is; anything else that a
built-in provider lacks was lost on the way. The list is what the check finds on every release of the catalog,
and the conformance tests keep it so. What is an error although the release ships it is not here, such as
`remote::passthrough` before 0.4.0, whose lack of `should_refresh_models` ends the server at its start.
"""

from __future__ import annotations

from dataclasses import dataclass

from llamastack_resolver.behaviour import NEWEST
from llamastack_resolver.releases import Release


@dataclass(frozen=True)
class Deviation:
    """A built-in provider that lacks methods.

    Attributes:
        api: its API.
        provider_types: the provider types that share it.
        methods: what they lack.
        since: the first release with it.
        until: the first release without it.
        effect: what does not work.
    """

    api: str
    provider_types: tuple[str, ...]
    methods: tuple[str, ...]
    since: Release
    until: Release
    effect: str


# The protocol stands before the mixins among their base classes, so its empty methods win.
_SHADOWED = ("openai_chat_completion", "openai_completion")
_NO_ANSWER = "requests to the OpenAI-compatible endpoints get an empty answer"
_SEED = Release.parse("0.2.16")

DEVIATIONS = (
    Deviation("inference", ("remote::bedrock", "remote::runpod"), _SHADOWED, _SEED, Release.parse("0.3.0"), _NO_ANSWER),
    Deviation(
        "inference", ("remote::cerebras", "remote::databricks"), _SHADOWED, _SEED, Release.parse("0.2.23"), _NO_ANSWER
    ),
    Deviation(
        "inference",
        ("remote::hf::endpoint", "remote::hf::serverless", "remote::tgi"),
        _SHADOWED,
        _SEED,
        Release.parse("0.2.22"),
        _NO_ANSWER,
    ),
    Deviation(
        "safety",
        ("inline::code-scanner",),
        ("unregister_shield",),
        Release.parse("0.2.18"),
        Release.parse("ogx-1.0.0"),
        "removing a shield fails",
    ),
    Deviation(
        "safety",
        ("remote::bedrock", "remote::sambanova"),
        ("run_moderation",),
        Release.parse("0.2.18"),
        Release.parse("0.5.0"),
        "moderation requests get an empty answer",
    ),
    Deviation(
        "safety",
        ("remote::nvidia",),
        ("run_moderation",),
        Release.parse("0.2.18"),
        Release.parse("0.2.19"),
        "moderation requests get an empty answer",
    ),
    Deviation(
        "vector_io",
        ("remote::weaviate",),
        (
            "openai_attach_file_to_vector_store",
            "openai_create_vector_store",
            "openai_delete_vector_store",
            "openai_delete_vector_store_file",
            "openai_list_files_in_vector_store",
            "openai_list_vector_stores",
            "openai_retrieve_vector_store",
            "openai_retrieve_vector_store_file",
            "openai_retrieve_vector_store_file_contents",
            "openai_search_vector_store",
            "openai_update_vector_store",
            "openai_update_vector_store_file",
        ),
        _SEED,
        Release.parse("0.2.17"),
        "vector stores cannot be used, vector databases can",
    ),
)


def shipped_without(api: str, provider_type: str, method: str, release: Release) -> str | None:
    """Return what it means that a release's own provider lacks a method; None where the release has it."""
    if release > NEWEST:
        return f"{release} may ship it so: it is newer than what is known here"
    for deviation in DEVIATIONS:
        known = deviation.api == api and provider_type in deviation.provider_types and method in deviation.methods
        if known and release.since(deviation.since) and not release.since(deviation.until):
            return f"{release} ships it so: {deviation.effect}"
    return None
