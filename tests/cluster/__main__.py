"""Command line of the test bed: ``python -m tests.cluster up``, then work with it as with any cluster."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cluster import inside
from tests.cluster.cleanup import remove_node
from tests.cluster.errors import ClusterError
from tests.cluster.images import ensure_images, image_list
from tests.cluster.kubectl import KubectlError
from tests.cluster.node import Node
from tests.cluster.processes import last_lines
from tests.cluster.setup import set_up
from tests.cluster.state import ROOT, records


def _up(arguments: argparse.Namespace) -> int:
    node = Node.create(arguments.name).start(daemon=True)
    services = "yes" if node.link.has_service_route() else "no, another node has the route"
    print(f"node {node.name} is Ready\n  export KUBECONFIG={node.kubeconfig}")
    print(f"  kubectl: {node.kubectl.program}\n  registry: {node.registry}\n  Services reachable from here: {services}")
    return 0


def _down(arguments: argparse.Namespace) -> int:
    record = next((record for record in records() if record.name == arguments.name), None)
    if record is None:
        print(f"no node {arguments.name}")
        return 0
    remove_node(record)
    print(f"node {arguments.name} is removed")
    return 0


def _status(_: argparse.Namespace) -> int:
    for record in records():
        state = "up" if record.alive else "dead"
        print(f"{record.name}\t{state}\t{Node.find(record.name).server if record.alive else '-'}")
    return 0


def _kubeconfig(arguments: argparse.Namespace) -> int:
    print(Node.find(arguments.name).kubeconfig)
    return 0


def _logs(arguments: argparse.Namespace) -> int:
    logs = ROOT / arguments.name / "logs"
    known = sorted(path.stem for path in logs.glob("*.log"))
    if arguments.component not in known:
        raise ClusterError(
            f"no log of {arguments.component!r} for node {arguments.name}; there are: {', '.join(known)}"
        )
    print(last_lines(logs / f"{arguments.component}.log", arguments.lines))
    return 0


def _images(_: argparse.Namespace) -> int:
    print("\n".join(image_list(ensure_images())))
    return 0


def _setup(_: argparse.Namespace) -> int:
    return int(not set_up() and bool(os.environ.get("CI")))


def _inside(arguments: argparse.Namespace) -> int:
    return inside.main(Path(arguments.folder))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], about: str | None) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about) if about else commands.add_parser(name)
        command.set_defaults(run=run)
        return command

    about = {
        "up": (_up, "start a node and leave it running"),
        "down": (_down, "remove a node and all that it left"),
        "kubeconfig": (_kubeconfig, "print the path of the administrator's kubeconfig"),
        "logs": (_logs, "print the end of a component's log"),
    }
    for name, (run, text) in about.items():
        add(name, run, text).add_argument("--name", default="demo", help="name of the node (default: demo)")
    commands.choices["logs"].add_argument("component", help="kubelet, containerd, kube-apiserver, node, ...")
    commands.choices["logs"].add_argument("--lines", type=int, default=100, help="how many lines (default: 100)")
    add("setup", _setup, "build and install all that the tests need; fails for a level that cannot run only under CI")
    add("status", _status, "list the nodes of this machine")
    add("images", _images, "build the images that every node knows")
    add("inside", _inside, None).add_argument("folder")
    return parser


def main() -> int:
    """Run one command; errors are one message and exit status 1."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments))
    except (ClusterError, KubectlError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
