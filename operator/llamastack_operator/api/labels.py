"""The labels and annotations that the operator writes on the objects of a stack, and the name it writes under."""

from __future__ import annotations

from llamastack_operator.api.base import GROUP

FIELD_MANAGER = "llamastack-operator"
"""The field manager of every apply: what `managedFields` records under it is ours."""
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "llamastack-operator"
STACK_LABEL = f"{GROUP}/stack"
"""The name of the stack; with it alone the Deployment selects its pods."""
BUILD_LABEL = f"{GROUP}/build"
"""The name of the LlamaStackBuild that a Job, its pod or its ConfigMap belongs to."""
PROGRAM_LABEL = f"{GROUP}/start-program"
"""On ConfigMaps with the program that checks and runs servers: the beginning of its SHA-256."""
PREFLIGHT_LABEL = f"{GROUP}/preflight"
"""On Jobs that check a revision before it is rolled out, and on their pods: the name of the stack."""
ATTEMPT_ANNOTATION = f"{GROUP}/attempt"
"""On Jobs: which try of the build it is, from 1."""
RERUN_ANNOTATION = f"{GROUP}/rerun"
"""On LlamaStackBuilds, written by the operator: a new value has the image made again from its lock."""
REBUILD_ANNOTATION = f"{GROUP}/rebuild"
"""On LlamaStacks, written by the user: a new value asks for a fresh look at tags and versions."""

APPLIED_ANNOTATION = f"{GROUP}/applied"
"""The digest of what was applied: a changed plan is seen without comparing objects."""
REVISION_ANNOTATION = f"{GROUP}/revision"
"""On pod templates: the digest of the template, by which pods of the newest revision are told."""
PROGRAM_ANNOTATION = f"{GROUP}/start-program"
"""On pod templates: the SHA-256 of the program that checks and runs the server; templates of before have none."""
OWNER_ANNOTATION = f"{GROUP}/stack-uid"
"""On claims that outlive their stack, and so have no owner reference: the UID of the stack that made them."""


def selector_labels(stack: str) -> dict[str, str]:
    """Return the labels that select the pods of a stack; they never change."""
    return {STACK_LABEL: stack, "app.kubernetes.io/name": "llamastack"}


def child_labels(stack: str) -> dict[str, str]:
    """Return the labels of every object of a stack."""
    return {**selector_labels(stack), "app.kubernetes.io/instance": stack, MANAGED_BY_LABEL: MANAGED_BY}


def build_labels(build: str) -> dict[str, str]:
    """Return the labels of every object of a build."""
    return {BUILD_LABEL: build, "app.kubernetes.io/name": "llamastack-build", MANAGED_BY_LABEL: MANAGED_BY}


def preflight_labels(stack: str) -> dict[str, str]:
    """Return the labels of a preflight's Job and pod: none by which a Service or a Deployment selects pods."""
    return {PREFLIGHT_LABEL: stack, "app.kubernetes.io/name": "llamastack-preflight"}


def program_labels(sha256: str) -> dict[str, str]:
    """Return the labels of a ConfigMap with the program of this SHA-256, which no label's value has room for."""
    return {PROGRAM_LABEL: sha256[:16], "app.kubernetes.io/name": "llamastack-start", MANAGED_BY_LABEL: MANAGED_BY}
