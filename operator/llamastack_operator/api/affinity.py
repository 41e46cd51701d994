"""Scheduling preferences, shaped as core/v1's Affinity."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from llamastack_operator.api.base import ATOMIC_LIST, ApiModel, LabelName
from llamastack_operator.api.pods import LabelSelector, Requirements

Weight = Annotated[int, Field(ge=1, le=100)]
Namespaces = Annotated[list[LabelName] | None, Field(max_length=32, json_schema_extra=ATOMIC_LIST)]


class NodeSelectorTerm(ApiModel):
    """Nodes by their labels and fields."""

    match_expressions: Requirements = None
    match_fields: Requirements = None


class NodeSelector(ApiModel):
    """Nodes that match any of the terms."""

    node_selector_terms: Annotated[
        list[NodeSelectorTerm], Field(min_length=1, max_length=16, json_schema_extra=ATOMIC_LIST)
    ]


class PreferredNode(ApiModel):
    """Nodes that are preferred, and by how much."""

    weight: Weight
    preference: NodeSelectorTerm


class NodeAffinity(ApiModel):
    """Which nodes the pods need or prefer."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[PreferredNode] | None, Field(max_length=16, json_schema_extra=ATOMIC_LIST)
    ] = None


class PodAffinityTerm(ApiModel):
    """Pods to be near to, or away from, within a topology."""

    topology_key: Annotated[str, StringConstraints(min_length=1, max_length=317)]
    label_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    namespaces: Namespaces = None


class PreferredPod(ApiModel):
    """A preference for being near to, or away from, some pods."""

    weight: Weight
    pod_affinity_term: PodAffinityTerm


class PodAffinity(ApiModel):
    """Which pods these pods need or prefer to be near to, or away from."""

    required_during_scheduling_ignored_during_execution: Annotated[
        list[PodAffinityTerm] | None, Field(max_length=16, json_schema_extra=ATOMIC_LIST)
    ] = None
    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[PreferredPod] | None, Field(max_length=16, json_schema_extra=ATOMIC_LIST)
    ] = None


class Affinity(ApiModel):
    """Where the pods are placed in relation to nodes and to other pods."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None
