"""LlamaStacks of a cluster, through `kubectl get -o json`: the user's own login and rights, and no client of ours."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from llamastack_operator.api.conditions import printable
from llamastack_operator.cli.parser import CliError

_STACKS = "llamastacks.llamastack.dev"


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which cluster is asked."""
    parser.add_argument("--context", metavar="NAME", help="the context of the kubeconfig; default: the current one")
    parser.add_argument("--kubeconfig", metavar="FILE", help="the kubeconfig; default: kubectl's own")


def stack_of(args: argparse.Namespace, name: str) -> dict[str, Any]:
    """Return a LlamaStack.

    Raises:
        CliError: kubectl is not there, or cannot get it.
    """
    return _get(args, [_STACKS, name, *_namespace(args)])


def stacks_of(args: argparse.Namespace, everywhere: bool) -> list[dict[str, Any]]:
    """Return the LlamaStacks of a namespace, or of all.

    Raises:
        CliError: kubectl is not there, or cannot list them.
    """
    found = _get(args, [_STACKS, *(["--all-namespaces"] if everywhere else _namespace(args))])
    return list(found.get("items") or ())


def _namespace(args: argparse.Namespace) -> list[str]:
    return ["--namespace", args.namespace] if args.namespace else []


def _get(args: argparse.Namespace, words: Sequence[str]) -> dict[str, Any]:
    program = shutil.which("kubectl")
    if program is None:
        raise CliError("kubectl is not in PATH: it is what asks the cluster")
    login = [f"--{name}={value}" for name in ("context", "kubeconfig") if (value := getattr(args, name))]
    command = [program, "get", *words, "-o", "json", *login]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the user's own kubectl
    if done.returncode:
        raise CliError(printable(done.stderr.strip() or f"kubectl ended with status {done.returncode}"))
    found: dict[str, Any] = json.loads(done.stdout)
    return found
