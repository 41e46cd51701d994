"""Reasons that pods give, be they of a stack or of a build."""

from __future__ import annotations

from llamastack_resolver.findings import FAILURE_OF_A_BUILD, Declaration, Place, Reason, Severity

_POD = (Place.READY.false, Place.AVAILABLE.false, Place.RECONCILING.true, Place.EVENT)
_POD_OR_BUILD = (Place.AVAILABLE.false, *FAILURE_OF_A_BUILD)


class PodReason(Reason):
    """Why a pod does not serve."""

    CRASH_LOOPING = Declaration(
        "CrashLooping",
        meaning="A container keeps ending; the message has pod, container, exit code and restarts.",
        cure="Read the log of the container's last run: `kubectl logs --previous`.",
        shows=_POD,
        example="pod bot-5c9: container server ended with exit code 1 (Error), 3 restarts",
    )
    STARTUP_FAILED = Declaration(
        "StartupFailed",
        meaning="A container ended before it was ever ready, or the pod as a whole failed.",
        cure="Read the log of the container: `kubectl logs`.",
        shows=_POD,
        example="pod bot-5c9: container server ended with exit code 1 (Error), 0 restarts",
    )
    OUT_OF_MEMORY = Declaration(
        "OutOfMemory",
        meaning="A container was killed for exceeding its memory limit.",
        cure="Raise `spec.server.resources.limits.memory`, for a build `spec.build.resources.limits.memory`.",
        shows=_POD_OR_BUILD,
        example="the step install was killed for exceeding its memory limit",
    )
    IMAGE_PULL_FAILED = Declaration(
        "ImagePullFailed",
        meaning="The image cannot be pulled; for a build that is the operator's own, and it is tried again.",
        cure="Correct `spec.distribution.image`, or name credentials in `spec.build.pullSecretRef`.",
        shows=_POD_OR_BUILD,
        example="pod bot-5c9: container server cannot pull its image: ErrImagePull: not found",
    )
    CONTAINER_CONFIG_FAILED = Declaration(
        "ContainerConfigFailed",
        meaning="The kubelet cannot make the container, for example for a missing key.",
        cure="Correct what the message names.",
        shows=_POD,
        example="pod bot-5c9: container server cannot be made: CreateContainerConfigError: no such key",
    )
    UNSCHEDULABLE = Declaration(
        "Unschedulable",
        meaning="No node takes the pod. A build lets others go first, and is tried again.",
        cure=(
            "Ask for less in `spec.server.resources`, for a build in `spec.build.resources`; correct `nodeSelector` "
            "and `tolerations`, or add a node."
        ),
        shows=_POD_OR_BUILD,
        example="pod bot-5c9 cannot be scheduled: 0/3 nodes are available",
    )
    PODS_REFUSED = Declaration(
        "PodsRefused",
        meaning="Pods cannot be created, for example for a quota or the Pod Security profile. A build is tried again.",
        cure="Raise the quota, or make the pod fit the profile, as the message says.",
        shows=_POD_OR_BUILD,
        example="pods cannot be created: exceeded quota",
    )


_AT_WORK = (Place.IMAGE_READY.false, Place.READY.false, Place.RECONCILING.true, Place.EVENT)


class ImageReason(Reason):
    """How the image of the newest generation stands."""

    PREBUILT = Declaration(
        "Prebuilt",
        meaning="Nothing has to be installed: `spec.distribution.image` is run as it is.",
        cure="",
        shows=(Place.IMAGE_READY.true,),
        example="registry.example/llama-stack:0.7.3 has all that the stack needs",
    )
    UP_TO_DATE = Declaration(
        "UpToDate",
        meaning="The image was built and is run by its digest.",
        cure="",
        shows=(Place.IMAGE_READY.true,),
        example="built as registry.example/bot@sha256:0f3a",
    )
    INSTALLED_AT_START = Declaration(
        "InstalledAtStart",
        meaning="The packages are locked, and each pod installs them at its start.",
        cure="",
        shows=(Place.IMAGE_READY.true,),
        example="12 packages are locked; each pod installs them at its start, for want of build.repository",
    )
    QUEUED = Declaration(
        "Queued",
        meaning="The build waits for its turn.",
        cure="",
        shows=_AT_WORK,
        example="the build modules-3fa2-1b waits for its turn",
    )
    BUILDING = Declaration(
        "Building",
        meaning="The build runs; the message tells how far it is.",
        cure="",
        shows=_AT_WORK,
        example="downloading torch (build modules-3fa2-1b)",
    )
    TIMEOUT_SHORTENED = Declaration(
        "TimeoutShortened",
        meaning="A try of a build is ended before `spec.build.timeoutSeconds`: the operator's own limit is shorter.",
        cure="Ask for less, or have the limit raised, which is `builds.maxTimeoutSeconds` of the chart.",
        shows=(Place.FINDING, Place.EVENT),
        example="a try may take 3600 seconds here, not 86400",
        severities=(Severity.WARNING,),
    )
