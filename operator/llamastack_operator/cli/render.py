"""`llamastack render`: the objects that the operator would apply, the run config as the server gets it included."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from llamastack_operator.cli.checking import Report
from llamastack_operator.cli.files import read_files
from llamastack_operator.cli.files_as_cluster import FilesAsCluster
from llamastack_operator.cli.output.console import Console, add_colour_option, console_for
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.rendering import Rendered, render_stack
from llamastack_operator.cli.validate import is_error, print_finding, print_text
from llamastack_operator.packed.start_program import start_program, start_program_digest
from llamastack_operator.planning.reading.certainty import with_certainty
from llamastack_operator.planning.reading.check import Checked, check_document
from llamastack_operator.planning.stack.reading import as_warning
from llamastack_operator.planning.stack.stopping import WARN, wants_warnings
from llamastack_operator.workloads.runtime import StartProgram
from llamastack_operator.workloads.settings import PYTHON_BASE, ImageSettings, WorkloadSettings
from llamastack_operator.workloads.start_program import program_config_map
from llamastack_resolver.documents.read import read_inputs
from llamastack_resolver.findings import Finding, Findings


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="manifests with what they refer to; - is standard input")
    add("-n", "--namespace", default="default", help="the namespace of what names none (default)")
    add("--with-program", action="store_true", help="also the ConfigMap with the program that pods start with (100 kB)")
    add("-o", "--output", choices=("yaml", "json"), default="yaml", help="a YAML stream, or a JSON list")
    add = parser.add_argument_group("settings of the operator").add_argument
    add("--operator-image", metavar="IMAGE", default="", help="the operator's image; pods that install run it too")
    add("--python-image", metavar="IMAGE", default=PYTHON_BASE, help=f"what a release goes on ({PYTHON_BASE})")
    add("--index-url", metavar="URL", default="", help="package index where a stack names none")
    add("--run-as-user", metavar="ID", type=_identity, default=1001, help="identity of the pods (1001), or none")
    add("--progress-deadline", metavar="SECONDS", type=int, default=600, help="until a rollout counts as failed (600)")
    add_colour_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the objects of all stacks in the files."""
    errors, documents = console_for(args, sys.stderr), read_inputs(read_files(args.files).read)
    checked = [_as_in_a_cluster(check_document(one, None)) for one in documents if one.to_be_checked]
    if any(one.findings for one in checked):
        print_text(Report(tuple(checked), {}, 0), errors)
    if _fails(checked):
        return 1
    stacks = [one for one in documents if one.kind == "LlamaStack"]
    if not stacks:
        raise CliError("there is no LlamaStack in these files")
    around = FilesAsCluster.among((one.document.value for one in documents if one.document), args.namespace)
    rendered = [render_stack(stack, around, _settings(args)) for stack in stacks]
    told = {_what(finding) for one in checked for finding in one.findings}
    for one in rendered:
        _explain(one, told, errors)
    if _fails(rendered):
        return 1
    bodies = [body for one in rendered for body in one.bodies]
    _print([*(_programs(bodies) if args.with_program else ()), *bodies], args.output)
    return 0


def _programs(bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the ConfigMaps that pods start with, one for each namespace."""
    namespaces = dict.fromkeys(body["metadata"]["namespace"] for body in bodies if body["kind"] == "Deployment")
    program = StartProgram(start_program_digest())
    return [program_config_map(namespace, program, start_program()) for namespace in namespaces]


def _as_in_a_cluster(checked: Checked) -> Checked:
    """Return a stack with what does not stop it as warnings; what it has served with only its status tells."""
    document = checked.document
    if document.kind != "LlamaStack" or document.document is None:
        return checked
    findings = with_certainty(checked.findings, document)
    if checked.resolution is not None and wants_warnings(document.document.value):
        findings = [as_warning(finding, WARN) for finding in findings]
    return checked._replace(findings=tuple(Findings(findings).sorted()))


def _fails(results: Sequence[Checked | Rendered]) -> bool:
    return any(is_error(finding) for one in results for finding in one.findings)


def _settings(args: argparse.Namespace) -> WorkloadSettings:
    images = ImageSettings(operator=args.operator_image, python=args.python_image, index=args.index_url)
    program = StartProgram(start_program_digest())
    return WorkloadSettings(args.run_as_user, args.progress_deadline, images, program)


def _identity(text: str) -> int | None:
    return None if text == "none" else int(text)


def _what(finding: Finding) -> tuple[object, ...]:
    return finding.reason, finding.severity, finding.path


def _explain(one: Rendered, told: set[tuple[object, ...]], errors: Console) -> None:
    """Print what planning says beyond the checks, and what is waited for."""
    title = f"{one.document.file}  LlamaStack/{one.document.name}"
    fresh = Findings(finding for finding in one.findings if _what(finding) not in told).sorted()
    if fresh:
        errors.line(title)
    for finding in fresh:
        print_finding(finding, errors)
    if one.waits and not _fails([one]):
        errors.line(f"{title}: {one.waits}")
        errors.line("  The rest follows when it is built: hand the build in then, from `kubectl get llamastackbuild`.")


def _print(bodies: list[Mapping[str, Any]], output: str) -> None:
    if output == "json":
        print(json.dumps(bodies, indent=2))
        return
    dumped = (yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True) for body in bodies)
    print("---\n".join(dumped), end="")


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, and text of several lines as it is: people read the run config."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
