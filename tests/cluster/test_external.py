"""Whoever has a cluster runs the same tests against it: the external cluster offers what the test bed's own does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import CannotRunError, ControlPlane, Kubectl, KubectlError
from tests.cluster.external import ExternalCluster

pytestmark = pytest.mark.control_plane


@pytest.fixture
def external(control_plane: ControlPlane) -> ExternalCluster:
    """The session's API server, known by its kubeconfig only."""
    return ExternalCluster(control_plane.kubeconfig)


def test_a_user_gets_a_certificate_signed_by_the_cluster(external: ExternalCluster) -> None:
    joe = Kubectl(external.kubectl.program, external.kubeconfig_for("joe", ("testers",)))

    identity = joe("auth", "whoami")

    assert "joe" in identity
    assert "testers" in identity


def test_a_service_account_gets_a_token(external: ExternalCluster, namespace: str) -> None:
    external.kubectl("create", "serviceaccount", "robot", "-n", namespace)
    robot = Kubectl(external.kubectl.program, external.service_account_kubeconfig(namespace, "robot"))

    with pytest.raises(KubectlError, match=f"system:serviceaccount:{namespace}:robot.*cannot list"):
        robot("get", "secrets", "-n", namespace)


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match="absent"):
        ExternalCluster(tmp_path / "absent")


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("1", "1 error")])
def test_tests_skip_without_a_cluster_and_fail_under_ci(tmp_path: Path, ci: str, outcome: str) -> None:
    environment = {**os.environ, "KUBECONFIG": str(tmp_path / "absent"), "CI": ci}
    test = "tests/cluster/test_controlplane.py::test_namespaces_admit_no_privileged_pod"
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    result = subprocess.run(argv, env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True)

    assert outcome in result.stdout
    assert "absent, which is not a file" in result.stdout
