"""Reasons that come from applying the objects of a stack."""

from __future__ import annotations

from llamastack_resolver.findings import (
    ERROR_OF_A_STACK,
    PASSING_ERROR_OF_A_STACK,
    Declaration,
    Place,
    Reason,
    Severity,
)


class ApplyReason(Reason):
    """Why an object is not as it should be."""

    NAME_CONFLICT = Declaration(
        "NameConflict",
        meaning="An object of the needed name exists and does not belong to this stack; it is not touched.",
        cure="Rename the stack, or delete or rename that object.",
        shows=ERROR_OF_A_STACK,
        example="a Service 'bot' exists that does not belong to this stack",
        severities=(Severity.ERROR,),
    )
    WAITING_FOR_CLEANUP = Declaration(
        "WaitingForCleanup",
        meaning="An object of the needed name is left from an earlier stack of this name, which was just deleted.",
        cure="Wait: the cluster collects it within seconds. After a minute it is told as `NameConflict`.",
        shows=PASSING_ERROR_OF_A_STACK,
        example="the Deployment 'bot' of an earlier stack of this name is yet to go",
        severities=(Severity.ERROR,),
    )
    REJECTED = Declaration(
        "Rejected",
        meaning="The API server refused an object of the stack; the message has its words.",
        cure="Correct the field that the path names.",
        shows=ERROR_OF_A_STACK,
        example="the API server refused Deployment 'bot' at spec.template.spec.volumes[0].name: Required value",
        severities=(Severity.ERROR,),
    )
    APPLY_FAILED = Declaration(
        "ApplyFailed",
        meaning="An object could not be applied; it is tried again with backoff.",
        cure="Wait; where it lasts, look at the API server and the operator's log.",
        shows=PASSING_ERROR_OF_A_STACK,
        example="Deployment 'bot' could not be applied: etcdserver: request timed out",
        severities=(Severity.ERROR,),
    )
    DRIFT_CORRECTED = Declaration(
        "DriftCorrected",
        meaning="Somebody changed an object of the stack, and the change was undone.",
        cure="",
        shows=(Place.EVENT,),
        example="'kubectl-edit' changed spec.replicas of Deployment 'bot'; it was set back",
    )
    CONTENDED = Declaration(
        "Contended",
        meaning="Somebody else changes or deletes an object of the stack again and again. A change is undone at once a "
        "few times, and from then on once a minute, so that nobody is fought with.",
        cure="Let one of the two decide: take the field from the other, or set it in the stack as the other has it. Of "
        "two installations of the operator one has to go, or to look after other namespaces.",
        shows=PASSING_ERROR_OF_A_STACK,
        example="'kube-controller-manager' changes spec.replicas of Deployment 'bot' again and again; it is set back "
        "once a minute",
        severities=(Severity.ERROR,),
    )
