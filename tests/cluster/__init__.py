"""A real Kubernetes for the tests, built from published Go modules and Debian packages.

The operator's promises are about what an API server, a kubelet and a registry really do, so the tests talk to the
real ones. ``ControlPlane`` needs no root and no images; ``Node`` runs pods. See README.md.
"""

from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import CannotRunError, ClusterError
from tests.cluster.kubectl import Kubectl, KubectlError, eventually

__all__ = ["CannotRunError", "ClusterError", "ControlPlane", "Kubectl", "KubectlError", "eventually"]
