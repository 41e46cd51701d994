"""What the objects of a stack are called, and the effective values that several builders share."""

from __future__ import annotations

from llamastack_operator.api.server import Server
from llamastack_operator.api.stack import LlamaStackSpec

SERVER = "server"
"""The server's container."""
DEFAULT_PORT = 8321
"""The port that Llama Stack itself defaults to."""


def server_port(spec: LlamaStackSpec) -> int:
    """Return the TCP port of the server and its Service."""
    return (spec.server and spec.server.port) or DEFAULT_PORT


def replicas(spec: LlamaStackSpec) -> int:
    """Return how many pods are wanted, leaving an autoscaler aside."""
    if spec.suspend:
        return 0
    if spec.server is None or spec.server.replicas is None:
        return 1
    return spec.server.replicas


def account_name(stack: str, spec: LlamaStackSpec) -> str:
    """Return the ServiceAccount of the pods."""
    return (spec.server and spec.server.service_account_name) or stack


def created_claim_name(stack: str) -> str:
    """Return the name of the claim that the operator creates for a stack."""
    return f"{stack}-data"


def claim_name(stack: str, server: Server | None) -> str | None:
    """Return the claim that the pods mount, or None where the state is scratch."""
    if server is None or server.storage is None:
        return None
    return server.storage.claim_name or created_claim_name(stack)


def lock_name(build: str, digest: str | None) -> str:
    """Return the name of the ConfigMap from which pods install what a build locked.

    Args:
        build: the name of the build.
        digest: of what it holds, as sha256:...; None for that of a build of before digests were kept.
    """
    return f"{build}-lock" if digest is None else f"{build}-lock-{digest.partition(':')[2][:10]}"


def proven_name(stack: str, pods: str) -> str:
    """Return the ConfigMap that says that pods were ready once.

    Args:
        stack: the name of the stack.
        pods: what tells them from pods of other revisions.
    """
    return f"{stack}-proven-{pods[:10]}"


def preflight_name(stack: str, revision: str) -> str:
    """Return the Job that checks a revision before it is rolled out.

    Its pod has the name as a label, of at most 63 characters; the revision is one of this stack alone.

    Args:
        stack: the name of the stack.
        revision: the digest of the pods' template.
    """
    return f"{stack[:41].rstrip('-')}-preflight-{revision[:10]}"
