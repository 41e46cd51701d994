"""`make demo`: from nothing to a Llama Stack that answers, on the embedded cluster or on a cluster of yours.

Then it breaks copies of that stack, to show what is told of them while the first one serves on. It does just what a
user would do by hand and shows each command's outcome, so that it doubles as a tutorial.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from typing import Any

import yaml

from scripts import demo_broken
from scripts.demo_cluster import REPOSITORY, Cluster, conditions, execute
from scripts.demo_manifests import MANIFESTS, manifests
from scripts.demo_questions import DemoError, ask, forwarded

NODE = "demo"
NAMESPACE = "llamastack-demo"
OPERATOR_NAMESPACE = "llamastack-operator"
STACK = "external-provider"
PATIENCE = 15 * 60
"""Seconds that the build and the start may take."""
EMBEDDED_REPOSITORY = "registry.local:5000/demo/external-provider"
# The embedded cluster's registry speaks plain HTTP, and answers for Docker Hub too.
EMBEDDED_VALUES = [
    "--set-json",
    'builds.registryMirrors={"docker.io":"http://registry.local:5000"}',
    "--set-json",
    'builds.insecureRegistries=["registry.local:5000"]',
]


def embedded() -> tuple[Cluster, str]:
    """Start the embedded cluster, build the operator's image for it, and return both."""
    from tests.cluster.binaries import binaries
    from tests.cluster.node import Node
    from tests.cluster.state import records
    from tests.e2e.installation import build_operator_image

    cluster = Cluster([], [], NAMESPACE)
    with cluster.step("Start a real Kubernetes on this machine (the first time builds it: about 15 minutes)"):
        up = any(record.name == NODE and record.alive for record in records())
        node = Node.find(NODE) if up else Node.create(NODE).start(daemon=True)
    with cluster.step("Build the operator's image and push it to the cluster's registry"):
        image = build_operator_image()
        node.push(image)
    cluster.kubectl = [str(node.kubectl.program), "--kubeconfig", str(node.kubeconfig)]
    cluster.helm = [str(binaries("helm") / "helm"), "--kubeconfig", str(node.kubeconfig)]
    return cluster, image


def existing(context: str) -> Cluster:
    """Return a cluster of the user's own kubeconfig.

    Raises:
        DemoError: a tool is missing.
    """
    for tool in ("kubectl", "helm"):
        if shutil.which(tool) is None:
            raise DemoError(f"{tool} is not on the PATH: install it, or run `make demo` without CONTEXT")
    return Cluster(["kubectl", "--context", context], ["helm", "--kube-context", context], NAMESPACE)


def up(context: str | None, image: str | None, repository: str | None) -> None:
    """Install the operator, apply the examples, wait, ask, break copies, and say what happened."""
    begin = time.monotonic()
    cluster, image = (existing(context), image) if context else embedded()
    with cluster.step("Install the operator with its chart"):
        install(cluster, image, [] if context else EMBEDDED_VALUES)
    with cluster.step(f"kubectl apply -n {NAMESPACE} {' '.join('-f ' + path for path in MANIFESTS)}"):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        cluster.run("apply", "-f", "-", stdin=json.dumps(namespace))
        objects = manifests(repository) if context else reach_the_index(manifests(EMBEDDED_REPOSITORY))
        cluster.within("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(objects))
    with cluster.step(f"Wait until llamastack/{STACK} is Ready: the image is built, pushed, pulled, started"):
        wait_ready(cluster)
    with cluster.step("Ask the stack"), forwarded(cluster.kubectl, NAMESPACE, STACK) as base:
        answers = ask(base)
    print()
    print(cluster.within("get", "llamastacks,pods"))
    print("\n".join([*told(cluster), *answers, ""]))
    demo_broken.show(cluster, next(body for body in objects if body["kind"] == "LlamaStack"))
    print()
    for title, seconds in cluster.steps:
        print(f"{seconds:7.1f} s  {title}")
    print(f"{time.monotonic() - begin:7.1f} s  in all\n")
    print(epilogue(cluster, context))


def reach_the_index(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let the build use the package index that this machine uses, with what its pip needs for it."""
    from tests.cluster.machine import index_settings

    settings, more = index_settings()
    for body in objects:
        if body["kind"] == "LlamaStack":
            body["spec"]["build"].update(settings)
    return [*objects, *more]


def install(cluster: Cluster, image: str | None, values: list[str]) -> None:
    """Install or upgrade the chart."""
    command = [*cluster.helm, "upgrade", "--install", "llamastack-operator", "charts/llamastack-operator"]
    command += ["--namespace", OPERATOR_NAMESPACE, "--create-namespace", "--wait", "--timeout", "5m", *values]
    if image:
        repository, _, tag = image.rpartition(":")
        command += ["--set", f"image.repository={repository},image.tag={tag}"]
    try:
        execute(command)
    except DemoError as error:
        pods = cluster.run("describe", "pods", "-n", OPERATOR_NAMESPACE)
        raise DemoError(f"{error}\n\nThe operator's pod:\n{pods[-3000:]}") from error


def wait_ready(cluster: Cluster) -> None:
    """Wait for the stack, say what it is about, and show all that it says where it does not come.

    Raises:
        DemoError: it cannot become Ready, or not in time.
    """
    deadline, told = time.monotonic() + PATIENCE, ""
    while True:
        found = conditions(cluster.status(STACK))
        if found.get("Ready", {}).get("status") == "True":
            return
        stalled = found.get("Stalled", {}).get("status") == "True"
        waiting = next((found[kind] for kind in ("ImageReady", "Available") if not_true(found.get(kind))), None)
        news = f"{waiting['reason']}: {waiting.get('message', '')}" if waiting else ""
        if news != told:
            print(f"      {news}", flush=True)
            told = news
        if stalled or time.monotonic() > deadline:
            raise DemoError("\n\n".join([f"{STACK} is not Ready: {news}", *evidence_of_failure(cluster)]))
        time.sleep(0.5)


def not_true(condition: dict[str, str] | None) -> bool:
    """Say whether a condition is there and not true."""
    return condition is not None and condition["status"] != "True"


def evidence_of_failure(cluster: Cluster) -> tuple[str, str]:
    """Return what the stack and the operator say."""
    stack = cluster.within("describe", f"llamastack/{STACK}")
    log = cluster.run("logs", "-n", OPERATOR_NAMESPACE, "deployment/llamastack-operator", "--tail=20")
    return stack, f"The operator's log:\n{log}"


def told(cluster: Cluster) -> list[str]:
    """Return what the stack's status says of its image and of its providers."""
    status = cluster.status(STACK)
    lines = [f"image: {status.get('image', '-')}", "providers:"]
    for provider in status.get("providers", ()):
        module = " ".join(filter(None, (provider.get("module"), provider.get("moduleVersion"))))
        lines.append(f"    {provider['api']:8} {provider['id']:8} {provider['type']:22} {module}")
    return lines


def epilogue(cluster: Cluster, context: str | None) -> str:
    """Return what to try next."""
    return f"""Try next:
  alias kubectl='{" ".join(cluster.kubectl)}'
  kubectl describe -n {NAMESPACE} llamastack/{STACK}
  kubectl get -n {NAMESPACE} all
  kubectl edit -n {NAMESPACE} llamastack/{STACK}    # break it: the old pods serve on, the status says why
  make demo-down{f" CONTEXT={context}" if context else ""}"""


def down(context: str | None) -> None:
    """Remove the embedded cluster, or what the demo made in a cluster of the user's."""
    if context is None:
        subprocess.run([sys.executable, "-m", "tests.cluster", "down", "--name", NODE], check=True, cwd=REPOSITORY)
        return
    cluster = existing(context)
    cluster.run("delete", "namespace", NAMESPACE, "--ignore-not-found")
    execute(
        [*cluster.helm, "uninstall", "llamastack-operator", "--namespace", OPERATOR_NAMESPACE, "--ignore-not-found"]
    )
    print(f"removed; the CustomResourceDefinitions and the namespace {OPERATOR_NAMESPACE} are kept")


def main() -> int:
    """Run the demo; 0 when the stack answered, 1 when a step failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("up", "down"))
    parser.add_argument("--context", help="use this context of your kubeconfig instead of the embedded cluster")
    parser.add_argument("--repository", help="where your cluster's builds push the image; pods install without it")
    parser.add_argument("--image", help="the operator's image there, where the chart's default will not do")
    options = parser.parse_args()
    try:
        if options.action == "up":
            up(options.context, options.image, options.repository)
        else:
            down(options.context)
    except (DemoError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
