"""Puts the operator into a cluster as a user would: its image in a registry, its chart by helm."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.cluster.binaries import binaries
from tests.cluster.buildah import build_image, content_key
from tests.cluster.node import Node

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts" / "llamastack-operator"
IMAGE = "registry.local/llamastack-operator"
NAMESPACE = "llamastack-operator"
# What the Dockerfile copies; anything else in the repository must not cause a rebuild.
_CONTEXT = ("Dockerfile", "LICENSE", "README.md", "locks", "operator", "pyproject.toml")


def build_operator_image() -> str:
    """Build the operator's image unless that content was built before, and return its reference.

    The tag is the digest of the content, so that a changed operator is a changed Deployment.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name in _CONTEXT:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, context / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, context / name)
        image = f"{IMAGE}:{content_key(context, context / 'Dockerfile', {})[:12]}"
        build_image(image, context)
    return image


def install_operator(node: Node, *options: str) -> None:
    """Put the operator's image into a node's registry and install the chart.

    Args:
        node: the node.
        options: further options of `helm upgrade`, for example `--set`.
    """
    image = build_operator_image()
    node.push(image)
    repository, _, tag = image.rpartition(":")
    chart = ["upgrade", "--install", "llamastack-operator", str(CHART), "--namespace", NAMESPACE]
    # The registry of the node answers for all names, at an address of its own.
    registry = "http://registry.local:5000"
    builds = f"builds.registryMirrors.docker\\.io={registry},builds.registryAddresses.registry\\.local={registry}"
    plain = ("registry.local:5000", "auth.registry.local:5001", "other.registry.local:5001")
    builds += f",builds.insecureRegistries={{{','.join(plain)}}}"
    settings = ["--set", f"image.repository={repository},image.tag={tag}", "--set", builds, "--wait", "--timeout", "3m"]
    namespace = {"metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    node.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", **namespace})
    helm(*chart, *settings, *options, kubeconfig=node.kubeconfig)


def helm(*arguments: str, kubeconfig: Path) -> str:
    """Run helm and return what it printed.

    Raises:
        RuntimeError: helm failed; the message has its words.
    """
    command = [str(binaries("helm") / "helm"), *arguments]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"helm {arguments[0]}: {result.stderr.strip()}")
    return result.stdout
