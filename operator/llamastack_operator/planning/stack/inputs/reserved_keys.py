"""Labels and annotations of users below the operator's own domain: what it tells its objects by.

The API server takes none any more. A stack that was stored with one keeps it, for to leave it out would restart its
pods; a warning says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from llamastack_operator.api.base import OWN_PREFIX
from llamastack_operator.api.server import PodMetadata, PodTemplate, Server
from llamastack_operator.api.stack import LlamaStackSpec, Network, ServiceSettings
from llamastack_operator.planning.stack.reasons import StackReason
from llamastack_resolver.findings import Findings


def check_keys(spec: LlamaStackSpec, findings: Findings) -> None:
    """Report each such key."""
    cure = StackReason.RESERVED_KEY.declaration.cure
    for place, keys in _written(spec):
        for key in sorted(key for key in keys if key.startswith(OWN_PREFIX)):
            path = f'{place}["{key}"]'
            message = f"{path}: keys below {OWN_PREFIX} are for the operator alone"
            findings.warning(StackReason.RESERVED_KEY, message, path, hint=cure)


def _written(spec: LlamaStackSpec) -> Iterator[tuple[str, Mapping[str, str]]]:
    pods = ((spec.server or Server()).pod_template or PodTemplate()).metadata or PodMetadata()
    service = (spec.network or Network()).service or ServiceSettings()
    yield "spec.server.podTemplate.metadata.labels", pods.labels or {}
    yield "spec.server.podTemplate.metadata.annotations", pods.annotations or {}
    yield "spec.network.service.annotations", service.annotations or {}
