"""What a pass needs of a child beside its identity, by kind: a few facts instead of the object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llamastack_operator.api.labels import PROGRAM_ANNOTATION, REVISION_ANNOTATION
from llamastack_operator.objects.fields import annotation, mapping, mappings, number, text


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """How a Deployment stands.

    Attributes:
        wanted: how many pods its spec asks for.
        replicas_owned: whether that number is a field of ours.
        revision: the digest of its pod template.
        program: the SHA-256 of the program that checks and runs the server in its pods; empty for a template of before
            there was one.
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
    program: str = ""

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
    """Return what is kept of a Deployment of the API, of whose fields these are ours.

    Raises:
        UnreadableError: it is not what the API says.
    """
    spec, status = mapping(body, "spec"), mapping(body, "status")
    conditions = {text(condition, "type"): condition for condition in mappings(status, "conditions")}
    refused, progressing = conditions.get("ReplicaFailure", {}), conditions.get("Progressing", {})
    given_up = text(progressing, "reason") == "ProgressDeadlineExceeded"
    template = mapping(mapping(spec, "template"), "metadata")
    return DeploymentFacts(
        wanted=number(spec, "replicas", 1),
        replicas_owned="f:replicas" in mapping(owned, "f:spec"),
        revision=annotation(template, REVISION_ANNOTATION),
        observed=number(status, "observedGeneration") >= number(mapping(body, "metadata"), "generation"),
        replicas=number(status, "replicas"),
        updated=number(status, "updatedReplicas"),
        ready=number(status, "readyReplicas"),
        available=number(status, "availableReplicas"),
        pods_refused=text(refused, "message") if text(refused, "status") == "True" else None,
        given_up=text(progressing, "message") if given_up else "",
        program=annotation(template, PROGRAM_ANNOTATION),
    )


def service_facts(body: Mapping[str, Any], _owned: Mapping[str, Any]) -> ServiceFacts:
    """Return what is kept of a Service of the API.

    Raises:
        UnreadableError: it is not what the API says.
    """
    return ServiceFacts(text(mapping(body, "spec"), "clusterIP"))


def claim_facts(body: Mapping[str, Any], _owned: Mapping[str, Any]) -> ClaimFacts:
    """Return what is kept of a PersistentVolumeClaim of the API."""
    return ClaimFacts(bool(mapping(body, "metadata").get("ownerReferences")))


FACTS_OF: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], ChildFacts]] = {
    "Deployment": deployment_facts,
    "Service": service_facts,
    "PersistentVolumeClaim": claim_facts,
}
"""The kinds of which more is kept than the metadata, and how that is read of an object and of our fields in it."""
