"""Reasons that a stack's conditions have, and what can be wrong with its spec."""

from __future__ import annotations

from llamastack_resolver.findings import (
    ERROR_OF_A_STACK,
    PASSING_ERROR_OF_A_STACK,
    Declaration,
    Place,
    Reason,
    Severity,
)


class StackReason(Reason):
    """How a stack stands."""

    READY = Declaration(
        "Ready",
        meaning="All wanted pods run the newest generation and serve.",
        cure="",
        shows=(Place.READY.true, Place.EVENT),
        example="2 of 2 pods are available",
    )
    PROGRESSING = Declaration(
        "Progressing",
        meaning="Objects are being applied, or pods are starting.",
        cure="",
        shows=(Place.READY.false, Place.RECONCILING.true, Place.STALLED.false),
        example="pods of the newest generation are starting",
    )
    PREFLIGHT = Declaration(
        "Preflight",
        meaning=(
            "A Job checks the new revision on scratch storage: its volume forces `Recreate`, and the pods that serve "
            "are stopped only when nothing is found."
        ),
        cure="",
        shows=(Place.READY.false, Place.RECONCILING.true),
        example="a preflight checks the new revision before pods that serve are stopped",
    )
    PREFLIGHT_UNPROVEN = Declaration(
        "PreflightUnproven",
        meaning=(
            "A preflight could not tell whether the new revision starts, for it needs the user's volume or database, "
            "or no node took its pod. The roll-out goes on."
        ),
        cure="Nothing has to be done; the new pods check themselves.",
        shows=(Place.EVENT,),
        example="no node took its pod in 60 s: 0/3 nodes are available",
    )
    SUSPENDED = Declaration(
        "Suspended",
        meaning="No pod runs, as `spec.suspend` or `spec.server.replicas: 0` asks for.",
        cure="",
        shows=(Place.READY.true, Place.AVAILABLE.false, Place.EVENT),
        example="no pod runs, as asked",
    )
    VALID = Declaration(
        "Valid",
        meaning="Nothing was found wrong.",
        cure="",
        shows=(Place.CONFIG_VALID.true,),
        example="nothing was found wrong",
    )
    RESOLVED = Declaration(
        "Resolved",
        meaning="Every enabled provider has a spec, and there is an order in which they can start.",
        cure="",
        shows=(Place.PROVIDERS_RESOLVED.true,),
        example="4/4 enabled providers have a spec",
    )
    NOTHING_DEPRECATED = Declaration(
        "NothingDeprecated",
        meaning="No provider and no key that is used is deprecated.",
        cure="",
        shows=(Place.DEPRECATED.false,),
        example="nothing that is used is deprecated",
    )
    READING_EXCEEDED = Declaration(
        "ReadingExceeded",
        meaning="The run config, or what it refers to, cannot be read in the time and memory that one stack may take.",
        cure="Make it smaller or simpler.",
        shows=(Place.CONFIG_VALID.false, *ERROR_OF_A_STACK),
        example="spec: reading it took more than 5 seconds",
        severities=(Severity.ERROR,),
    )
    READING_FAILED = Declaration(
        "ReadingFailed",
        meaning="What the stack asks for could not be found out, for a fault of the operator or of its machine.",
        cure="Nothing that runs is touched, and it is tried again; the operator's log has what went wrong.",
        shows=(Place.IMAGE_READY.false, *PASSING_ERROR_OF_A_STACK),
        example="the operator could not read the stack, for a fault that is not the stack's",
        severities=(Severity.ERROR,),
    )
    SETTLED = Declaration(
        "Settled",
        meaning="Nothing is left to do.",
        cure="",
        shows=(Place.RECONCILING.false, Place.STALLED.false),
        example="nothing is left to do",
    )
    ALL_REPLICAS_AVAILABLE = Declaration(
        "AllReplicasAvailable",
        meaning="As many pods serve as were asked for.",
        cure="",
        shows=(Place.AVAILABLE.true,),
        example="2 of 2 pods are available",
    )
    SOME_REPLICAS_AVAILABLE = Declaration(
        "SomeReplicasAvailable",
        meaning="Some pods serve, but fewer than were asked for.",
        cure="Look at what the message says of the others; a rollout passes through this.",
        shows=(Place.AVAILABLE.true,),
        example="1 of 2 pods are available",
    )
    OLD_REVISION_SERVES = Declaration(
        "OldRevisionServes",
        meaning="Pods of an earlier generation serve on while the newest one is not ready.",
        cure="Look at the condition Ready, which speaks of the newest generation.",
        shows=(Place.AVAILABLE.true,),
        example="1 of 2 pods are available",
    )
    NO_REPLICAS_AVAILABLE = Declaration(
        "NoReplicasAvailable",
        meaning="No pod serves yet.",
        cure="Wait for the start; the condition Ready tells what it waits for.",
        shows=(Place.AVAILABLE.false,),
        example="no pod exists yet",
    )
    ROLLOUT_TIMED_OUT = Declaration(
        "RolloutTimedOut",
        meaning="The newest generation did not become ready in time.",
        cure="Look at what the message says of the pods; a server that needs longer gets it by `spec.server.probes`.",
        shows=(Place.READY.false, Place.RECONCILING.false, Place.STALLED.true, Place.EVENT),
        example='ReplicaSet "bot-5c9" has timed out progressing.',
    )
    NOT_DETERMINED = Declaration(
        "NotDetermined",
        meaning="Errors in the spec forbid to say it, or the operator failed to read the run config.",
        cure="Correct the errors that `status.findings` has.",
        shows=(
            Place.CONFIG_VALID.unknown,
            Place.PROVIDERS_RESOLVED.unknown,
            Place.DEPRECATED.unknown,
            Place.IMAGE_READY.unknown,
        ),
        example="the spec could not be read",
    )
    NOT_CHECKED = Declaration(
        "NotChecked",
        meaning=(
            "No pod of the newest revision has said whether providers implement their protocols: none has finished its "
            "check, providers were only imported or did not start, or checks are skipped. Nothing waits for it."
        ),
        cure="Wait for the start, or do what the message says; `llamastack verify URL` looks at a running server.",
        shows=(Place.PROTOCOL_COMPLIANT.unknown,),
        example="no pod of the newest revision has finished its check yet",
    )
    COMPLIANT = Declaration(
        "Compliant",
        meaning=(
            "A pod of the newest revision started every provider, and each implements its API's protocol. What is "
            "optional, or is missing in the release itself, is told in the message."
        ),
        cure="",
        shows=(Place.PROTOCOL_COMPLIANT.true,),
        example="4 providers implement their protocols",
    )
    FOUND_AT_START = Declaration(
        "FoundAtStart",
        meaning=(
            "A pod's start check failed without a reason, or found something that this version of the operator has no "
            "word for; the message starts with the check's own."
        ),
        cure="Do what the message says; the log of the pod's container `llamastack-resolver` has more.",
        shows=PASSING_ERROR_OF_A_STACK,
        example="the start check failed and does not say why",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    INVALID_SPEC = Declaration(
        "InvalidSpec",
        meaning="The stored object does not fit the schema of this operator.",
        cure="Correct the field; `kubectl explain llamastack.spec` has what is admitted.",
        shows=(Place.CONFIG_VALID.false, *ERROR_OF_A_STACK),
        example="Input should be a valid integer",
        severities=(Severity.ERROR,),
    )
    RESERVED_KEY = Declaration(
        "ReservedKey",
        meaning=(
            "A label or annotation that the stack gives to its pods or its Service has a key below `llamastack.dev/`, "
            "by which the operator tells objects apart. Where it writes the same key its own value stands; pods with "
            "the label of a build are not seen. The API server takes none any more."
        ),
        cure="Give it another key, or remove it; the pods are replaced by that.",
        shows=(Place.FINDING, Place.EVENT),
        example=(
            'spec.network.service.annotations["llamastack.dev/team"]: keys below llamastack.dev/ are for the operator '
            "alone"
        ),
        severities=(Severity.WARNING,),
    )
    CLAIM_EXISTS = Declaration(
        "ClaimExists",
        meaning="A claim of the name that this stack would create is left from another stack.",
        cure="Name it in `spec.server.storage.claimName` to use its data, or delete it.",
        shows=(Place.CONFIG_VALID.false, *ERROR_OF_A_STACK),
        example="spec.server.storage: the claim 'bot-data' exists already and was made for another stack",
        severities=(Severity.ERROR,),
    )
