"""Upstream's own configs, each with its own release: what is said about them, and why it is right.

Nothing else is said about any of them. That the releases refuse what has an error here is shown on installed ones
(`tests/conformance/test_verdicts.py`).
"""

from dataclasses import dataclass
from functools import cache

from llamastack_operator import catalog
from llamastack_resolver.findings import Finding, Severity
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import resolve
from llamastack_resolver.yaml_io import read_yaml

# Release, config and path of each warning, with its reason.
EXPLAINED = {
    (version, "postgres-demo", "providers.telemetry[0].config.otel_trace_endpoint"): (
        "the class has `otel_exporter_otlp_endpoint`, and ignores this one: upstream corrected it in 0.2.18"
    )
    for version in ("0.2.16", "0.2.17")
}


@dataclass(frozen=True)
class Mistake:
    """A mistake of upstream's own.

    Attributes:
        since: the first release that ships it.
        until: the last one.
        configs: the configs that have it.
        place: its reason and path.
    """

    since: str
    until: str
    configs: tuple[str, ...]
    place: str

    def is_in(self, release: Release, config: str) -> bool:
        return config in self.configs and Release.parse(self.since) <= release <= Release.parse(self.until)


DELL = ("dell", "dell/run-with-safety")
GPU = ("meta-reference-gpu", "meta-reference-gpu/run-with-safety")
LONG = ("open-benchmark", "postgres-demo")
NVIDIA = ("nvidia", "nvidia/run-with-safety")
NO_FILES = "it needs `files`, which the config does not have: the release stops"
MISTAKES = {
    NO_FILES: (
        Mistake("0.2.21", "0.6.1", (*DELL, *LONG), "MissingDependency providers.tool_runtime[2]"),
        Mistake("0.2.21", "0.4.7", GPU, "MissingDependency providers.tool_runtime[2]"),
        Mistake("0.2.21", "0.2.21", ("watsonx",), "MissingDependency providers.tool_runtime[2]"),
        Mistake("0.2.21", "0.2.22", NVIDIA, "MissingDependency providers.tool_runtime[0]"),
        Mistake("0.4.0", "0.6.1", (*DELL, *LONG), "MissingDependency providers.agents[0]"),
        Mistake("0.4.0", "0.4.7", GPU, "MissingDependency providers.agents[0]"),
        Mistake("0.7.0", "ogx-1.5.0", LONG, "MissingDependency providers.tool_runtime[2]"),
        Mistake("0.7.0", "ogx-1.5.0", LONG, "MissingDependency providers.responses[0]"),
    ),
    "two providers have the id `nvidia`: the release starts the second one only": (
        Mistake("0.2.16", "ogx-0.8.0", NVIDIA[1:], "DuplicateProviderId providers.inference[1].provider_id"),
    ),
    "the datasets have no provider, and the release cannot register them: it stops": (
        Mistake("0.2.16", "0.2.19", LONG[:1], "ServerCannotStart datasets"),
    ),
    "the key is `base_url` since 0.4.0: the release ignores the address, or stops for want of it": (
        Mistake("0.4.0", "0.6.1", DELL, "UnknownField providers.inference[0].config.url"),
        Mistake("0.4.0", "0.6.1", DELL[1:], "UnknownField providers.inference[1].config.url"),
    ),
}


@cache
def findings() -> tuple[tuple[Release, str, Finding], ...]:
    """Return all that is said, with the release and the config."""
    return tuple(
        (release, name, finding)
        for release in catalog.releases()
        for name, text in catalog.load_release(release).distributions.items()
        for finding in resolve(read_yaml(text)[0][0].value, catalog.load_release(release)).findings
    )


def test_nothing_is_warned_about_without_a_reason():
    warned = {(str(release), name, one.path) for release, name, one in findings() if one.severity is Severity.WARNING}

    assert warned == EXPLAINED.keys()


def test_the_errors_are_upstreams_own_mistakes():
    mistakes = [mistake for group in MISTAKES.values() for mistake in group]
    expected = {
        (release, name, mistake.place)
        for release in catalog.releases()
        for name in catalog.load_release(release).distributions
        for mistake in mistakes
        if mistake.is_in(release, name)
    }

    errors = {(*where, f"{one.reason} {one.path}") for *where, one in findings() if one.severity is Severity.ERROR}
    assert errors == expected
