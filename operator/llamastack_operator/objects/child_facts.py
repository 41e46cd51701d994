"""What a pass needs of a child beside its identity, by kind: a few facts instead of the object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.labels import REVISION_ANNOTATION


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """How a Deployment stands.

    Attributes:
        wanted: how many pods its spec asks for.
        replicas_owned: whether that number is a field of ours.
        revision: the digest of its pod template.
        observed: whether what follows speaks of its newest generation.
        replicas: its pods.
        updated: its pods of the newest template.
        ready: its pods that are ready.
        available: its pods that have been ready for long enough.
        pods_refused: why its pods cannot be made; None where they can.
        given_up: why its rollout was given up, in the cluster's words; empty where it was not.
    """

    wanted: int
    replicas_owned: bool
    revision: str
    observed: bool
    replicas: int
    updated: int
    ready: int
    available: int
    pods_refused: str | None
    given_up: str

    @property
    def rolled_out(self) -> bool:
        """Whether all its pods are of the newest revision and available."""
        return self.observed and self.updated == self.replicas == self.wanted <= self.available


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """How a Service is reached.

    Attributes:
        cluster_ip: its address; empty before it has one, "None" where it is to have none.
    """

    cluster_ip: str


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """Whose a PersistentVolumeClaim is.

    Attributes:
        owned: whether it goes with its owner.
    """

    owned: bool


ChildFacts = DeploymentFacts | ServiceFacts | ClaimFacts


def deployment_facts(body: Mapping[str, Any], owned: Mapping[str, Any]) -> DeploymentFacts:
    """Return what is kept of a Deployment of the API, of whose fields these are ours."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    refused, progressing = conditions.get("ReplicaFailure", {}), conditions.get("Progressing", {})
    given_up = progressing.get("reason") == "ProgressDeadlineExceeded"
    return DeploymentFacts(
        wanted=spec.get("replicas", 1),
        replicas_owned="f:replicas" in owned.get("f:spec", {}),
        revision=(spec["template"]["metadata"].get("annotations") or {}).get(REVISION_ANNOTATION, ""),
        observed=status.get("observedGeneration", 0) >= metadata.get("generation", 0),
        replicas=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", 0),
        pods_refused=refused.get("message", "") if refused.get("status") == "True" else None,
        given_up=progressing.get("message", "") if given_up else "",
    )


def service_facts(body: Mapping[str, Any], _owned: Mapping[str, Any]) -> ServiceFacts:
    """Return what is kept of a Service of the API."""
    return ServiceFacts(body["spec"].get("clusterIP", ""))


def claim_facts(body: Mapping[str, Any], _owned: Mapping[str, Any]) -> ClaimFacts:
    """Return what is kept of a PersistentVolumeClaim of the API."""
    return ClaimFacts(bool(body["metadata"].get("ownerReferences")))


FACTS_OF: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], ChildFacts]] = {
    "Deployment": deployment_facts,
    "Service": service_facts,
    "PersistentVolumeClaim": claim_facts,
}
"""The kinds of which more is kept than the metadata, and how that is read of an object and of our fields in it."""
