"""`make demo`: from nothing to a Llama Stack that answers, on the embedded cluster or on a cluster of yours.

It does just what a user would do by hand and shows each command's outcome, so that it doubles as a tutorial.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
NODE = "demo"
NAMESPACE = "llamastack-demo"
OPERATOR_NAMESPACE = "llamastack-operator"
STACK = "quickstart"
MANIFESTS = ("examples/model-server.yaml", "examples/quickstart.yaml")
QUESTION = "Is anybody there?"


class DemoError(Exception):
    """A step failed; the message says what to look at."""


@dataclass
class Cluster:
    """How kubectl and helm reach the cluster.

    Attributes:
        kubectl: the command and its connection options.
        helm: the command and its connection options.
    """

    kubectl: list[str]
    helm: list[str]
    steps: list[tuple[str, float]] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl and return what it printed."""
        return execute([*self.kubectl, *arguments], stdin)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Say what is done and time it."""
        print(f"==> {title}", flush=True)
        begin = time.monotonic()
        yield
        self.steps.append((title, time.monotonic() - begin))


def execute(command: list[str], stdin: str | None = None) -> str:
    """Run a command and return what it printed.

    Raises:
        DemoError: it failed; the message has its words.
    """
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    if result.returncode:
        raise DemoError(f"{Path(command[0]).name} {command[-1]}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def embedded() -> tuple[Cluster, str]:
    """Start the embedded cluster, build the operator's image for it, and return both."""
    from tests.cluster.binaries import binaries
    from tests.cluster.node import Node
    from tests.cluster.state import records
    from tests.e2e.installation import build_operator_image

    cluster = Cluster([], [])
    with cluster.step("Start a real Kubernetes on this machine (the first time builds it: about 15 minutes)"):
        up = any(record.name == NODE and record.alive for record in records())
        node = Node.find(NODE) if up else Node.create(NODE).start(daemon=True)
    with cluster.step("Build the operator's image and push it to the cluster's registry"):
        image = build_operator_image()
        node.push(image)
    cluster.kubectl = [str(node.kubectl.program), "--kubeconfig", str(node.kubeconfig)]
    cluster.helm = [str(binaries("helm") / "helm"), "--kubeconfig", str(node.kubeconfig)]
    return cluster, image


def existing(context: str, image: str | None) -> tuple[Cluster, str | None]:
    """Return a cluster of the user's own kubeconfig.

    Raises:
        DemoError: a tool is missing.
    """
    for tool in ("kubectl", "helm"):
        if shutil.which(tool) is None:
            raise DemoError(f"{tool} is not on the PATH: install it, or run `make demo` without CONTEXT")
    return Cluster(["kubectl", "--context", context], ["helm", "--kube-context", context]), image


def up(context: str | None, image: str | None) -> None:
    """Install the operator, apply the examples, wait, ask, and say what happened."""
    begin = time.monotonic()
    cluster, image = existing(context, image) if context else embedded()
    with cluster.step("Install the operator with its chart"):
        install(cluster, image)
    with cluster.step(f"kubectl apply -n {NAMESPACE} {' '.join('-f ' + path for path in MANIFESTS)}"):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        cluster.run("apply", "-f", "-", stdin=json.dumps(namespace))
        cluster.run("apply", "-n", NAMESPACE, *(part for path in MANIFESTS for part in ("-f", path)))
    with cluster.step(f"kubectl wait --for=condition=Ready llamastack/{STACK}"):
        wait_ready(cluster)
    with cluster.step("Ask the stack"):
        model, answer = ask(cluster)
    print()
    print(cluster.run("get", "-n", NAMESPACE, "llamastacks,pods"))
    print(f"asked {model}: {QUESTION}\nit said:   {answer}\n")
    for title, seconds in cluster.steps:
        print(f"{seconds:7.1f} s  {title}")
    print(f"{time.monotonic() - begin:7.1f} s  in all\n")
    print(epilogue(cluster, context))


def install(cluster: Cluster, image: str | None) -> None:
    """Install or upgrade the chart."""
    command = [*cluster.helm, "upgrade", "--install", "llamastack-operator", "charts/llamastack-operator"]
    command += ["--namespace", OPERATOR_NAMESPACE, "--create-namespace", "--wait", "--timeout", "5m"]
    if image:
        repository, _, tag = image.rpartition(":")
        command += ["--set", f"image.repository={repository},image.tag={tag}"]
    try:
        execute(command)
    except DemoError as error:
        pods = cluster.run("describe", "pods", "-n", OPERATOR_NAMESPACE)
        raise DemoError(f"{error}\n\nThe operator's pod:\n{pods[-3000:]}") from error


def wait_ready(cluster: Cluster) -> None:
    """Wait for the stack, and show what it says where it does not come."""
    try:
        cluster.run("wait", "-n", NAMESPACE, "--for=condition=Ready", f"llamastack/{STACK}", "--timeout=5m")
    except DemoError as error:
        stack = cluster.run("describe", "-n", NAMESPACE, f"llamastack/{STACK}")
        log = cluster.run("logs", "-n", OPERATOR_NAMESPACE, "deployment/llamastack-operator", "--tail=20")
        raise DemoError(f"{error}\n\n{stack}\n\nThe operator's log:\n{log}") from error


def ask(cluster: Cluster) -> tuple[str, str]:
    """Send a chat completion to the stack's Service; return the model and its answer.

    Raises:
        DemoError: the stack knows no model or answers something else.
    """
    with forwarded(cluster) as base:
        names = [model.get("id") or model.get("identifier") for model in call(f"{base}/v1/models")["data"]]
        if not names:
            raise DemoError("the stack lists no model: is the model server of examples/model-server.yaml up?")
        request = {"model": names[0], "messages": [{"role": "user", "content": QUESTION}]}
        answer = call(f"{base}/v1/chat/completions", request)
    return str(names[0]), str(answer["choices"][0]["message"]["content"])


@contextmanager
def forwarded(cluster: Cluster) -> Iterator[str]:
    """Reach the stack's Service through `kubectl port-forward`; yield its address on this machine."""
    command = [*cluster.kubectl, "port-forward", "-n", NAMESPACE, f"service/{STACK}", ":http"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        port = re.search(r"127\.0\.0\.1:(\d+)", line)
        if port is None:
            raise DemoError(f"kubectl port-forward: {line.strip()}")
        yield f"http://127.0.0.1:{port[1]}"
    finally:
        process.terminate()
        process.wait()


def call(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send a request and return the JSON answer.

    Raises:
        DemoError: there is none.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - http, as given
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise DemoError(f"{url}: {error}: {error.read(2000).decode(errors='replace')}") from error
    except (OSError, ValueError) as error:
        raise DemoError(f"{url}: {error}") from error


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
    cluster, _ = existing(context, None)
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
    parser.add_argument("--image", help="the operator's image there, where the chart's default will not do")
    options = parser.parse_args()
    try:
        if options.action == "up":
            up(options.context, options.image)
        else:
            down(options.context)
    except (DemoError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
