"""Providers that run in processes of their own (`execution_mode: worker` in their spec), since ogx 1.3.

Their server starts a proxy, and describes the provider and all that it depends on for the processes that do the work.
What cannot be described stops the server. A factory that fails there does not: the server starts, is never healthy and
never does the work, so it counts as one that fails. The start check does both: it describes them with the release's own
code, and calls the factory as a worker does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llamastack_resolver.findings import Reason
from llamastack_resolver.installed.errors import describe_error, tell_error
from llamastack_resolver.introspection.specs import name_of
from llamastack_resolver.start.failure import InstantiationError
from llamastack_resolver.start.reasons import StartReason

if TYPE_CHECKING:
    from llamastack_resolver.start.instantiate import Runtime

_AUTHOR = "ask the provider's author, or use one whose spec has no `execution_mode: worker`"
_FAILED: Reason = StartReason.INSTANTIATION_FAILED


@dataclass
class WorkerPool:
    """Stands for the release's own pool, of which its resolver needs no more than this: no process is started.

    Attributes:
        registered_providers: API and id of each provider that was described.
    """

    registered_providers: set[tuple[str, str]] = field(default_factory=set)

    def register(self, descriptor: Any) -> None:
        """Take the description of a provider."""
        self.registered_providers.add((descriptor.api, descriptor.provider_id))


def runs_in_worker(spec: Any, runtime: Runtime) -> bool:
    """Tell whether the release runs a provider in a worker process.

    Args:
        spec: the release's own spec object.
        runtime: the installed release.
    """
    if not runtime.knowledge.behaviour.has_workers or getattr(spec, "execution_mode", None) != "worker":
        return False
    inline = runtime.layout.spec_class("InlineProviderSpec")
    return inline is not None and isinstance(spec, inline)


def describe_for_workers(spec: Any, provider_id: str, config: Any, deps: dict[Any, Any], runtime: Runtime) -> None:
    """Do what the release does in the place of calling the factory of a provider that runs in a worker.

    Args:
        spec: the release's own spec object.
        provider_id: of the provider.
        config: its config object.
        deps: the implementations that it depends on, by API.
        runtime: the installed release.

    Raises:
        InstantiationError: the server would not start.
    """
    resolver, kind = runtime.layout.resolver, spec.provider_type
    backends = runtime.run_config.storage.backends.values()
    if not any(str(backend.type.value).startswith("sql_") for backend in backends):
        message = f"{kind} runs in worker processes, whose queue needs an SQL backend, and `storage` has none"
        raise InstantiationError(_FAILED, message, "add one to storage.backends, such as `sql_default`")
    proxy = resolver.WORKER_PROXY_FACTORIES.get(spec.api)
    if proxy is None:
        having = ", ".join(sorted(map(name_of, resolver.WORKER_PROXY_FACTORIES)))
        message = f"{kind} wants to run in worker processes, which {runtime.knowledge.release} has for {having} alone"
        raise InstantiationError(_FAILED, message, _AUTHOR)
    try:
        description = resolver._descriptor_for_impl(spec.api.value, provider_id, spec, config, runtime.policy)
        resolver._add_dependency_descriptors(description, spec, deps, runtime.policy)
        runtime.pool.register(description)
        proxy(provider_id, None, deps)
    except BaseException as error:
        tell_error(error)
        message = f"{kind} cannot be handed to worker processes: {describe_error(error)}"
        raise InstantiationError(_FAILED, message, _AUTHOR) from error


def describe_siblings(impls: Mapping[str, Mapping[str, Any]], runtime: Runtime) -> str | None:
    """Do what the release does once all providers are there, for APIs of which one runs in a worker.

    Args:
        impls: the implementations of APIs without a router by API and provider id.
        runtime: the installed release.

    Returns:
        Why the server would not start; None where it would.
    """
    if not runtime.pool.registered_providers:
        return None
    try:
        runtime.layout.resolver._register_worker_sibling_descriptors(impls, runtime.pool, runtime.policy)
    except BaseException as error:
        tell_error(error)
        return f"providers beside one that runs in worker processes cannot be handed to these: {describe_error(error)}"
    return None
