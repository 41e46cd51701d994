"""One operator for all tests of a kind: as a process beside a control plane, as a pod on a node."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.binaries import binaries
from tests.cluster.controlplane import ControlPlane
from tests.cluster.kubectl import Kubectl, KubectlError
from tests.cluster.kubectl import eventually as asked_until
from tests.cluster.node import Node
from tests.e2e.bench import Bench, bench
from tests.e2e.installation import NAMESPACE, install_operator
from tests.e2e.operator import REPOSITORY, OperatorProcess, Stacks
from tests.support.used_rights import UsedRights

OPERATOR_IMAGE = "registry.example/operator:1"


def install_crds(kubectl: Kubectl) -> None:
    """Install the CRDs as a user would, and wait until they are served."""
    kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
    kubectl("wait", "--for=condition=Established", "crd/llamastacks.llamastack.dev", "--timeout=30s")


@pytest.fixture(scope="session")
def served(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with our CRDs."""
    install_crds(control_plane.kubectl)
    return control_plane


def rendered_template(name: str, *options: str) -> str:
    """Return one template of the chart, rendered for the namespace `operator`."""
    chart = REPOSITORY / "charts" / "llamastack-operator"
    helm = [str(binaries("helm") / "helm"), "template", "llamastack-operator", str(chart), "--namespace", "operator"]
    command = [*helm, "--kube-version", "1.37.2", "--show-only", f"templates/{name}", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def grant_rights(control_plane: ControlPlane, *options: str, within: str = "default") -> Path:
    """Install the chart's RBAC and its fence, and only these; return the kubeconfig of the operator's ServiceAccount.

    Args:
        control_plane: where.
        options: further options of helm.
        within: a namespace in which the operator has its rights.
    """
    rendered = rendered_template("rbac.yaml", *options)
    control_plane.kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "operator"}},
    )
    control_plane.kubectl.apply(rendered)
    control_plane.kubectl.apply(rendered_template("fence.yaml", *options))
    kubeconfig = control_plane.service_account_kubeconfig("operator", "llamastack-operator")
    account = Kubectl(control_plane.kubectl.program, kubeconfig, within)
    asked_until(lambda: _expect_fence(account), retry=AssertionError)
    return kubeconfig


def _expect_fence(account: Kubectl) -> None:
    """See that the fence holds, as it does a moment after it was made: the operator may write nobody's ConfigMap."""
    try:
        account("create", "configmap", "no-stacks", "--dry-run=server")
    except KubectlError as error:
        assert "the fence of the operator" in error.stderr, error.stderr
        return
    raise AssertionError("there is no fence yet")


def account(namespace: str) -> str:
    """Return the user that the chart's ServiceAccount is to the API server."""
    return f"system:serviceaccount:{namespace}:llamastack-operator"


@pytest.fixture(scope="session")
def used_rights(request: pytest.FixtureRequest) -> Iterator[UsedRights]:
    """What the operators of this run asked for: never more than `kube/rights.py` has, and all of it in a whole run."""
    used = UsedRights()
    yield used
    used.check(whole=_ran_whole(request.session))


def _ran_whole(session: pytest.Session) -> bool:
    """Tell whether this process ran every test of this folder that needs no node, and all went well."""
    option, shared = session.config.option, hasattr(session.config, "workerinput")
    narrowed = option.keyword or option.markexpr not in ("", "control_plane", "not node")
    narrowed = narrowed or any("::" in argument for argument in session.config.args)
    wanted = {path for path in Path(__file__).parent.glob("test_*.py") if "mark.control_plane" in path.read_text()}
    return not (narrowed or shared or session.testsfailed) and wanted <= {item.path for item in session.items}


@pytest.fixture(scope="session")
def operator(
    served: ControlPlane, used_rights: UsedRights, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator that looks after all namespaces, with the rights of the chart's ServiceAccount and no more."""
    kubeconfig = grant_rights(served)
    image = ("--operator-image", OPERATOR_IMAGE)
    with OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator"), *image) as process:
        yield process
        assert "Traceback" not in process.log.read_text(), process.log.read_text()
    if isinstance(served, ControlPlane):
        used_rights.add(served.audit_log, account("operator"))


@pytest.fixture
def stacks(operator: OperatorProcess, kubectl: Kubectl) -> Stacks:
    """The stacks of this test's own namespace, with the operator running."""
    return Stacks(kubectl)


@pytest.fixture(scope="session")
def installed(node: Node, used_rights: UsedRights) -> Iterator[Node]:
    """The node with the operator installed from its chart."""
    install_operator(node)
    yield node
    if isinstance(node, Node):
        used_rights.add(node.audit_log, account(NAMESPACE))


@pytest.fixture(scope="module")
def bed(installed: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A stack that serves, and what its builds need."""
    with bench(installed, tmp_path_factory.mktemp("wheels")) as found:
        yield found


@pytest.fixture
def serving(bed: Bench, request: pytest.FixtureRequest) -> Bench:
    """The stack without modules serves, and the case has a repository of its own."""
    bed.case(request.node.name.removeprefix("test_").partition("[")[0].replace("_", "-"))
    return bed
