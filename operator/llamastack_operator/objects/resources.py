"""The kinds of objects that the operator reads or writes, and their URLs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from llamastack_operator.api import llamastackbuild
from llamastack_operator.api.base import GROUP, VERSION
from llamastack_operator.api.stack import KIND, PLURAL


@dataclass(frozen=True)
class Resource:
    """A namespaced kind of the Kubernetes API.

    Attributes:
        group: its API group; empty for core.
        version: its version within the group.
        plural: its name in URLs.
        kind: its name in objects.
    """

    group: str
    version: str
    plural: str
    kind: str

    @cached_property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the URL path of a collection (no name), an object, or its subresource."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part is not None]
        return "/".join(parts)


LLAMASTACKS = Resource(GROUP, VERSION, PLURAL, KIND)
LLAMASTACKBUILDS = Resource(GROUP, VERSION, llamastackbuild.PLURAL, llamastackbuild.KIND)
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICES = Resource("", "v1", "services", "Service")
SERVICEACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
PERSISTENTVOLUMECLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
PODS = Resource("", "v1", "pods", "Pod")
EVENTS = Resource("", "v1", "events", "Event")
JOBS = Resource("batch", "v1", "jobs", "Job")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
PODDISRUPTIONBUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
HORIZONTALPODAUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")

CHILDREN = (
    CONFIGMAPS,
    SERVICEACCOUNTS,
    PERSISTENTVOLUMECLAIMS,
    SERVICES,
    DEPLOYMENTS,
    PODDISRUPTIONBUDGETS,
    HORIZONTALPODAUTOSCALERS,
)
"""The kinds that a stack is made of, in the order in which they are shown."""
