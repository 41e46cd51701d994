"""What a start check says of each provider, put beside what was read of it: a pod knows what became of it, and its id.

A pod that could resolve and start a provider is right where a reading was not sure; what a reading knows beside that,
such as that a type will go, stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from llamastack_contract.message import one_line
from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport
from llamastack_operator.api.conditions import cut
from llamastack_operator.api.status import PROVIDERS_LIMIT
from llamastack_operator.planning.stack.reading import Provider, ProviderState
from llamastack_resolver.providers.reasons import ProviderReason
from llamastack_resolver.start.reasons import StartReason

_NAME_CHARACTERS = 128
"""As many characters of a name as a report has."""
_STATES = {
    "Ready": ProviderState.READY,
    "NonCompliant": ProviderState.NON_COMPLIANT,
    "Failed": ProviderState.FAILED,
    "DependencyFailed": ProviderState.FAILED,
}
_DEFAULT = {
    ProviderState.FAILED: "it was not started; status.findings says why",
    ProviderState.NON_COMPLIANT: "it does not do what its API's protocol asks for",
}
_NOT_STARTED = "no pod of the newest revision starts it"


def as_reported(providers: Sequence[Provider], report: StartReport) -> tuple[Provider, ...]:
    """Return the providers of a run config as a pod found them.

    Those that only the report knows are added where there is room, and where it is known that they are no others'.

    Args:
        providers: the providers as they were read.
        report: the report.
    """
    by_name = {(one.api, one.id): one for one in report.providers}
    own = [by_name.pop(_names(one), None) for one in providers]
    for index, provider in enumerate(providers):
        if own[index] is None and _is_nameless(provider):
            found = _only_one(provider, providers, by_name.values())
            own[index] = by_name.pop((found.api, found.id)) if found is not None else None
    rows = [_row(one, said, report) for one, said in zip(providers, own, strict=True)]
    if not any(one.unlisted for one in rows):
        room = PROVIDERS_LIMIT - len(rows)
        rows += [_row(_new(said), said, report) for said in list(by_name.values())[:room]]
    return tuple(rows)


def is_about(provider: Provider, api: str | None, name: str | None) -> bool:
    """Tell whether a provider is the one that a report names."""
    return _names(provider) == (api, name)


def _names(provider: Provider) -> tuple[str, str]:
    return one_line(provider.api, _NAME_CHARACTERS), one_line(provider.id, _NAME_CHARACTERS)


def _is_nameless(provider: Provider) -> bool:
    """Tell whether the id of a provider is not known: it comes from a variable whose value only pods know."""
    return provider.id.startswith(f"providers.{provider.api}[")


def _only_one(
    provider: Provider, providers: Sequence[Provider], left: Iterable[ReportedProvider]
) -> ReportedProvider | None:
    """Return the only report that can be of a provider whose id is not known; None where there is none, or several."""
    alike = [one for one in providers if _is_nameless(one) and (one.api, one.type) == (provider.api, provider.type)]
    found = [one for one in left if (one.api, one.type) == (provider.api, provider.type)]
    return found[0] if len(alike) == len(found) == 1 else None


def _new(said: ReportedProvider) -> Provider:
    return Provider(said.api, said.id, said.type, "", ProviderState.UNKNOWN, "")


def _row(provider: Provider, said: ReportedProvider | None, report: StartReport) -> Provider:
    if said is None:
        return _without_report(provider, report)
    name = said.id if _is_nameless(provider) else provider.id
    return _with_state(replace(provider, id=name, version=said.version, in_package=False), said, report)


def _without_report(provider: Provider, report: StartReport) -> Provider:
    """Return a provider of which a report says nothing: where all went well, it was cut, or its pod leaves it out."""
    if provider.state is not ProviderState.UNKNOWN or report.verdict != "Passed":
        return provider
    if report.total == len(report.providers) and not provider.unlisted:
        return replace(provider, state=ProviderState.DISABLED, message=_NOT_STARTED, in_package=False)
    return replace(provider, state=ProviderState.RESOLVED, message="", in_package=False)


def _with_state(provider: Provider, said: ReportedProvider, report: StartReport) -> Provider:
    state, about = _STATES.get(said.state), _about(said, report)
    if state in (ProviderState.FAILED, ProviderState.NON_COMPLIANT):
        why = [one for one in about if one.severity == "error" or one.reason == StartReason.DEPENDENCY_FAILED]
        before = provider.message if provider.state is ProviderState.FAILED else ""
        return replace(provider, state=state, message=cut(why[0].message if why else before or _DEFAULT[state]))
    will_go = next((one for one in about if one.reason == ProviderReason.PROVIDER_DEPRECATED), None)
    if will_go is not None:
        return replace(provider, state=ProviderState.DEPRECATED, message=cut(will_go.message))
    if provider.state is ProviderState.DEPRECATED:
        return provider
    if state is None and said.state == "Imported" and provider.state is ProviderState.UNKNOWN:
        state = ProviderState.RESOLVED
    return provider if state is None else replace(provider, state=state, message="")


def _about(said: ReportedProvider, report: StartReport) -> list[ReportedFinding]:
    return [one for one in report.findings if (one.api, one.provider) == (said.api, said.id)]
