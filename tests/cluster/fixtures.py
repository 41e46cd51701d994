"""Pytest fixtures of the test bed.

A machine that cannot run a cluster must not make the whole suite useless, so tests skip there with the reason; under
CI (``CI`` in the environment) the same is a failure, so that nothing is skipped unseen.
"""

import os
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import CannotRunError
from tests.cluster.external import ExternalCluster
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node

type Cluster = ControlPlane | ExternalCluster

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Treat what an external cluster cannot do (audit log, ``exec``) like a machine that cannot run a cluster."""
    try:
        return (yield)
    except CannotRunError as error:
        cannot_run(error)


def cannot_run(error: CannotRunError) -> NoReturn:
    """Skip the test with the reason, or fail it under CI."""
    if os.environ.get("CI"):
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))


def external_cluster() -> ExternalCluster | None:
    """Return the cluster of ``KUBECONFIG`` when that is set."""
    kubeconfig = os.environ.get("KUBECONFIG")
    try:
        return ExternalCluster(Path(kubeconfig)) if kubeconfig else None
    except CannotRunError as error:
        cannot_run(error)


def temporary_namespace(kubectl: Kubectl) -> Iterator[str]:
    """Make a namespace that admits only restricted pods, and delete it afterwards without waiting."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    kind = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
    kubectl("create", "-f", "-", stdin=kind)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    """One API server with an audit log for the whole run, or the cluster of ``KUBECONFIG``."""
    external = external_cluster()
    if external:
        yield external
        return
    try:
        own = ControlPlane(audit=True)
    except CannotRunError as error:
        cannot_run(error)
    with own:
        yield own


@contextmanager
def own_node(suffix: str = "") -> Iterator[Node]:
    """Run a node of this test run alone, under a name that no other run of this machine uses; skip where none can run.

    Args:
        suffix: tells several nodes of one run apart.
    """
    name = "-".join(filter(None, ("test", str(os.getpid()), suffix)))
    try:
        node = Node.create(name).start()
    except CannotRunError as error:
        cannot_run(error)
    try:
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def node() -> Iterator[Node | ExternalCluster]:
    """One node for the whole run, or the cluster of ``KUBECONFIG``."""
    external = external_cluster()
    if external:
        yield external
        return
    with own_node() as own:
        yield own


@pytest.fixture
def node_namespace(node: Node | ExternalCluster) -> Iterator[str]:
    """Name of a fresh namespace of ``node``."""
    yield from temporary_namespace(node.kubectl)


@pytest.fixture
def node_kubectl(node: Node | ExternalCluster, node_namespace: str) -> Kubectl:
    """Return kubectl as administrator of ``node``, in the namespace of this test."""
    return node.kubectl.within(node_namespace)


@pytest.fixture
def namespace(control_plane: Cluster) -> Iterator[str]:
    """Name of a fresh namespace of ``control_plane``."""
    yield from temporary_namespace(control_plane.kubectl)


@pytest.fixture
def kubectl(control_plane: Cluster, namespace: str) -> Kubectl:
    """Return kubectl as administrator of ``control_plane``, in the namespace of this test."""
    return control_plane.kubectl.within(namespace)
