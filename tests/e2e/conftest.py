"""One control plane with our CRDs and one operator for all tests that need no pods."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.kubectl import Kubectl
from tests.e2e.operator import REPOSITORY, OperatorProcess, Stacks


def install_crds(kubectl: Kubectl) -> None:
    """Install the CRDs as a user would, and wait until they are served."""
    kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
    kubectl("wait", "--for=condition=Established", "crd/llamastacks.llamastack.dev", "--timeout=30s")


@pytest.fixture(scope="session")
def served(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with our CRDs."""
    install_crds(control_plane.kubectl)
    return control_plane


@pytest.fixture(scope="session")
def operator(served: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """An operator that looks after all namespaces of the control plane."""
    with OperatorProcess(Path(served.kubeconfig), tmp_path_factory.mktemp("operator")) as process:
        yield process
        assert "Traceback" not in process.log.read_text(), process.log.read_text()


@pytest.fixture
def stacks(operator: OperatorProcess, kubectl: Kubectl) -> Stacks:
    """The stacks of this test's own namespace, with the operator running."""
    return Stacks(kubectl)
