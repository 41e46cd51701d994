"""Reasons for which a build fails. Installer and pusher name them as text, for they stand alone."""

from __future__ import annotations

from collections.abc import Mapping

from llamastack_operator.planning.install.reasons import InstallReason
from llamastack_operator.planning.reasons import PodReason
from llamastack_resolver.findings import FAILURE_OF_A_BUILD, Declaration, Reason
from llamastack_resolver.providers.reasons import ModuleReason


class BuildReason(Reason):
    """Why there is no image, or no lock."""

    BUILD_FAILED = Declaration(
        "BuildFailed",
        meaning="The build failed for a reason that has no name of its own; the message has its words.",
        cure="Look at the last lines of the step: `kubectl get llamastackbuild NAME -o jsonpath='{.status.failure}'`.",
        shows=FAILURE_OF_A_BUILD,
        example="the step install ended with exit code 1 (Error)",
    )
    SOURCE_DISTRIBUTION_REFUSED = Declaration(
        "SourceDistributionRefused",
        meaning="A package has no wheel for this Python, and `spec.build.pip.allowSourceDistributions` is not set.",
        cure="Use a version that has a wheel, or set `spec.build.pip.allowSourceDistributions`.",
        shows=FAILURE_OF_A_BUILD,
        example="of mine there are only source distributions (mine-1.0.tar.gz), and only wheels are installed",
    )
    SOURCE_BUILD_FAILED = Declaration(
        "SourceBuildFailed",
        meaning="The build of a source distribution failed; the message has its last words.",
        cure="Use a version that has a wheel, or a base image with what the build needs.",
        shows=FAILURE_OF_A_BUILD,
        example="building my-provider from source failed",
    )
    HASH_MISMATCH = Declaration(
        "HashMismatch",
        meaning="An index served another file than the one that was locked.",
        cure="Find out who changed the file on the index; build anew if the change was meant.",
        shows=FAILURE_OF_A_BUILD,
        example="my_provider-1.0-py3-none-any.whl is another file than its digest says",
    )
    INDEX_UNREACHABLE = Declaration(
        "IndexUnreachable",
        meaning="A package index does not answer; the build is tried again with backoff.",
        cure="Correct the addresses in `spec.build.pip`, or let the build's pods reach the index.",
        shows=FAILURE_OF_A_BUILD,
        example="the index proxy at http://127.0.0.1:8080 does not answer",
    )
    INDEX_UNAUTHORIZED = Declaration(
        "IndexUnauthorized",
        meaning="A package index refuses the credentials; looked at again when the Secret changes.",
        cure="Correct the Secret that `spec.build.pip.secretRef` names.",
        shows=FAILURE_OF_A_BUILD,
        example="the Secret of the index cannot be read",
    )
    INDEX_CERTIFICATE = Declaration(
        "IndexCertificate",
        meaning="A package index shows a certificate that `spec.build.caBundleRef` does not vouch for.",
        cure="Put the certificate of its authority into the ConfigMap that `spec.build.caBundleRef` names.",
        shows=FAILURE_OF_A_BUILD,
        example="https://pypi.example/simple: the certificate is not trusted: self-signed certificate",
    )
    BASE_NOT_FOUND = Declaration(
        "BaseNotFound",
        meaning="The base image does not exist, or may not be seen with the given credentials.",
        cure="Correct `spec.distribution`, or name credentials in `spec.build.pullSecretRef`.",
        shows=FAILURE_OF_A_BUILD,
        example="the image registry.example/base:1 cannot be pulled: it does not exist",
    )
    UNSUPPORTED_BASE = Declaration(
        "UnsupportedBase",
        meaning="The base image has no Python that packages can be installed for.",
        cure="Use a base image of a known release, or one with Python 3.12 or newer.",
        shows=FAILURE_OF_A_BUILD,
        example="the base image has no `python3` on its PATH that can be run",
    )
    REGISTRY_UNREACHABLE = Declaration(
        "RegistryUnreachable",
        meaning="A registry does not answer; the build is tried again with backoff.",
        cure="Correct the address, or let the build's pods reach the registry.",
        shows=FAILURE_OF_A_BUILD,
        example="registry.example/bot: the registry does not serve; 503",
    )
    REGISTRY_UNAUTHORIZED = Declaration(
        "RegistryUnauthorized",
        meaning="A registry refuses the credentials; looked at again when the Secret changes.",
        cure="Correct the Secrets that `spec.build.pushSecretRef` and `spec.build.pullSecretRef` name.",
        shows=FAILURE_OF_A_BUILD,
        example="the image registry.example/base:1 cannot be pulled: ErrImagePull",
    )
    REGISTRY_CERTIFICATE = Declaration(
        "RegistryCertificate",
        meaning="A registry shows a certificate that `spec.build.caBundleRef` does not vouch for.",
        cure="Put the certificate of its authority into the ConfigMap that `spec.build.caBundleRef` names.",
        shows=FAILURE_OF_A_BUILD,
        example="registry.example/bot: the certificate does not verify: self-signed certificate",
    )
    PUSH_DENIED = Declaration(
        "PushDenied",
        meaning="The credentials are right and may not push to this repository.",
        cure="Let them push there, or name another `spec.build.repository`.",
        shows=FAILURE_OF_A_BUILD,
        example="registry.example/bot: the account may not push there; 403",
    )
    TIMED_OUT = Declaration(
        "TimedOut",
        meaning="The build took longer than `spec.build.timeoutSeconds`.",
        cure="Raise `spec.build.timeoutSeconds`, or look at what the step waits for.",
        shows=FAILURE_OF_A_BUILD,
        example="the build took too long; it was downloading torch",
    )
    EVICTED = Declaration(
        "Evicted",
        meaning="The build's pod was evicted or deleted; it is tried again.",
        cure="Wait for the next try; where it happens again, give the node or the build more room.",
        shows=FAILURE_OF_A_BUILD,
        example="the build's pod was deleted",
    )
    DISK_FULL = Declaration(
        "DiskFull",
        meaning="The build's volume is full.",
        cure="Raise `spec.build.workspace.sizeLimit`, or free space on the node.",
        shows=FAILURE_OF_A_BUILD,
        example="the disk is full",
    )
    LOCK_LOST = Declaration(
        "LockLost",
        meaning="The build's record could not be read; it is tried again.",
        cure="Wait for the next try.",
        shows=FAILURE_OF_A_BUILD,
        example="the build's pod is gone",
    )
    TAMPERED = Declaration(
        "Tampered",
        meaning=(
            "The build's pod did not run what the operator asked for, or read other inputs than it wrote, or what was "
            "installed cannot be part of an image; nothing of it is used."
        ),
        cure="Find out who may edit pods, or write ConfigMaps and Jobs, in this namespace.",
        shows=FAILURE_OF_A_BUILD,
        example="the container push of pod build-1 was made to run registry.example/other",
    )


_OF_ITS_POD = (
    PodReason.OUT_OF_MEMORY,
    PodReason.PODS_REFUSED,
    PodReason.UNSCHEDULABLE,
    PodReason.IMAGE_PULL_FAILED,
)
FAILURES: Mapping[str, Reason] = {
    reason.value: reason for reason in (*BuildReason, *InstallReason, *ModuleReason, *_OF_ITS_POD)
}
"""What a LlamaStackBuild can have failed for, by its word."""
