"""What becomes of APIs that are written in another way than the release has them (see `config/api_names.py`)."""

from __future__ import annotations

from collections.abc import Mapping

from llamastack_resolver.config.api_names import meant_api
from llamastack_resolver.config.run_config import RunConfig
from llamastack_resolver.findings import Findings
from llamastack_resolver.knowledge import ReleaseKnowledge
from llamastack_resolver.providers.reasons import ProviderReason
from llamastack_resolver.providers.validation import ProviderWithSpec
from llamastack_resolver.start_plan.order import dependency_graph, depth_first


def check_spellings(
    config: RunConfig,
    providers: Mapping[str, Mapping[str, ProviderWithSpec]],
    knowledge: ReleaseKnowledge,
    findings: Findings,
) -> None:
    """Report names of APIs that are written in another way: a warning where the release serves them all the same.

    Args:
        config: the run config.
        providers: all that is started, by key.
        knowledge: the release.
        findings: where the findings go.
    """
    release = knowledge.release
    for api, name in config.renamed.items():
        hint, path = f"write `{api}`", f"providers.{name}"
        late = _started_before(api, config, providers, knowledge)
        if late is None:
            message = f"`{name}` is taken for `{api}`, and not started before what depends on it"
            findings.warning(ProviderReason.UNKNOWN_API, message, path, api=api, hint=hint)
        else:
            message = f"`{name}` is taken for `{api}`, but {release} does not know that {late} has to wait for it"
            findings.error(ProviderReason.UNKNOWN_API, message, path, api=api, hint=hint)
    listed = config.raw.get("apis")
    for index, name in enumerate(listed if isinstance(listed, list) else ()):
        meant = meant_api(name, knowledge.apis) if isinstance(name, str) else None
        if meant is None:
            continue
        served = meant in (config.apis or ())
        message = f"`{name}` is taken for `{meant}`" + ("" if served else ", and no router is made for it")
        fatal = not served and not knowledge.behaviour.serves_unbacked_apis
        report = findings.error if fatal else findings.warning
        report(ProviderReason.UNKNOWN_API, message, f"apis[{index}]", api=meant, hint=f"write `{meant}`")


def _started_before(
    api: str,
    config: RunConfig,
    providers: Mapping[str, Mapping[str, ProviderWithSpec]],
    knowledge: ReleaseKnowledge,
) -> str | None:
    """Return the providers that need an API, and that the release may start before it: it sorts by what is written."""
    groups = {key: list(group.values()) for key, group in providers.items()}
    needing = [key for key, group in groups.items() for one in group if api in one.spec.api_dependencies]
    graph = dependency_graph(groups)
    order, _ = depth_first({key: [dep for dep in deps if dep not in config.renamed] for key, deps in graph.items()})
    for key in needing:
        # Since ogx 1.2 the order of what does not depend on each other is left to chance.
        if api in order and (knowledge.behaviour.cycles_fail or order.index(key) < order.index(api)):
            return ", ".join(one.provider_type for one in groups[key] if api in one.spec.api_dependencies)
    return None
