"""Build and install all that the tests need, before they start: ``python -m tests.cluster setup``.

The fixtures would do the same on first use, but then a build of minutes looks like a test that hangs, and pytest-xdist
workers would all wait for it.
"""

from collections.abc import Callable

from tests.cluster.binaries import binaries
from tests.cluster.errors import CannotRunError
from tests.cluster.images import ensure_images
from tests.cluster.packages import install_packages, need_root
from tests.cluster.progress import say


def _control_plane() -> None:
    for program in ("kube", "helm"):
        binaries(program)


def _node() -> None:
    need_root("a node")
    install_packages()
    for program in ("kube", "containerd", "pause"):
        binaries(program)
    ensure_images()


def set_up() -> bool:
    """Prepare both levels; what this machine cannot run is said, with the reason, and left out.

    Returns:
        Whether everything can run.

    Raises:
        ClusterError: a build or an installation failed.
    """
    levels: dict[str, Callable[[], None]] = {"control plane": _control_plane, "node": _node}
    complete = True
    for level, prepare in levels.items():
        try:
            prepare()
        except CannotRunError as error:
            complete = False
            say(f"no {level}: {error}")
        else:
            say(f"{level}: ready to start")
    return complete
