"""Upstream's own configs, each with its own release: what is warned about in them, and why."""

from llamastack_operator import catalog
from llamastack_resolver.resolution import resolve
from llamastack_resolver.yaml_io import read_yaml

# Release, config and path of each warning, with its reason: there are no others in all bundled configs.
EXPLAINED = {
    (version, "postgres-demo", "providers.telemetry[0].config.otel_trace_endpoint"): (
        "the class has `otel_exporter_otlp_endpoint`, and ignores this one: upstream corrected it in 0.2.18"
    )
    for version in ("0.2.16", "0.2.17")
}


def test_nothing_is_warned_about_without_a_reason():
    warned = {
        (str(release), name, finding.path)
        for release in catalog.releases()
        for name, text in catalog.load_release(release).distributions.items()
        for finding in resolve(read_yaml(text)[0][0].value, catalog.load_release(release)).findings
        if finding.severity == "warning"
    }

    assert warned == EXPLAINED.keys()
