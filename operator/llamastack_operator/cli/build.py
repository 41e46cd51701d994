"""`llamastack build`: installs the layers of a stack's image and pushes it, without a cluster and without Docker.

It is for a pipeline whose job runs in a container of the base image.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from llamastack_contract.build_json import PipSettings
from llamastack_contract.message import PushMessage
from llamastack_contract.record import Record
from llamastack_operator.cli.containerfile import add_base_option, base_of
from llamastack_operator.cli.output.console import Console, add_colour_option, console_for
from llamastack_operator.cli.output.progress import progress_for
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.planning import Planned, base_reference, plan_file
from llamastack_operator.cli.releases import named_release
from llamastack_operator.cli.surroundings import base_python, check_base, check_packages, check_roots, describe
from llamastack_operator.cli.validate import add_release_option
from llamastack_operator.images.append.run_locally import (
    LocalBuildError,
    Workbench,
    install,
    look_up_base,
    prepare_tools,
    push,
)
from llamastack_operator.planning.install.key import BuildInputs, build_key, key_name


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("file", metavar="FILE", help="a manifest, a run config or a build config; - is standard input")
    add_release_option(parser)
    add_base_option(parser)
    add = parser.add_argument
    add("--push", action="store_true", help="push the image; without it the layers are only installed here")
    add("--repository", metavar="R", help="where to push, without tag (spec.build.repository)")
    add("--python", metavar="PATH", help="the base's interpreter (the first python3 of the PATH)")
    add("--index-url", metavar="URL", help="package index (spec.build.pip.indexUrl, $PIP_INDEX_URL)")
    add("--extra-index-url", metavar="URL", action="append", help="a further package index (may be repeated)")
    add("--source-distributions", action="store_true", help="let pip build packages without a wheel")
    add("--authfile", metavar="PATH", help="logins for registries (what docker or podman login wrote)")
    add("--insecure-registry", metavar="HOST", action="append", default=[], help="registry that speaks plain HTTP")
    add("--ca", metavar="PATH", help="certificates to trust too ($PIP_CERT)")
    add("-o", "--output", choices=("text", "json"), default="text", help="format of the result")
    add_colour_option(parser)


def run(args: argparse.Namespace) -> int:
    """Build the image of the stack in the file."""
    console, errors = console_for(args), console_for(args, sys.stderr)
    planned = plan_file(args.file, named_release(args.stack_version), errors)
    if planned is None:
        return 1
    if not planned.plan.layers:
        raise CliError(f"{planned.plan.image} has all that {planned.name} needs: there is nothing to build")
    repository = args.repository or planned.repository
    if args.push and repository is None:
        raise CliError("--push needs --repository, or spec.build.repository in the file")
    try:
        layers = _Builder(args, planned, base_reference(repository) if repository else None, errors).build()
    except LocalBuildError as error:
        _explain(error, errors)
        return 1
    _print(planned, layers, args.output, console)
    return 0


@dataclass
class _Builder:
    args: argparse.Namespace
    planned: Planned
    repository: str | None
    errors: Console

    def build(self) -> list[dict[str, Any]]:
        """Install every layer, and push each on the one below; return what became of them."""
        plan, base = self.planned.plan, base_of(self.planned, self.args.base)
        python = base_python(self.args.python)
        here = describe(python)
        check_packages(plan, base, here)
        check_roots(plan)
        built: list[dict[str, Any]] = []
        folder = Path(tempfile.mkdtemp(prefix="llamastack-build-"))
        try:
            with progress_for(self.errors, self.planned.name) as shown:
                place = self._place(folder, shown)
                prepare_tools(place)
                for layer in plan.layers:
                    inputs = BuildInputs(base=base, layer=layer, pip=self._pip())
                    if self.args.push:
                        facts = look_up_base(place, inputs)
                        if not built:
                            check_base(facts.reference, facts.config, here)
                    record = install(place, inputs, python)
                    pushed = push(place, inputs) if self.args.push else None
                    key = build_key(inputs)
                    built.append({"kind": layer.kind, "key": key, "base": base, **_shown(pushed), **_kept(record)})
                    base = (pushed and pushed.image) or base
                    python = Path(layer.root, "bin", "python")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return built

    def _place(self, folder: Path, report: Callable[[str], None]) -> Workbench:
        certificate = self.args.ca or os.environ.get("PIP_CERT")
        release = self.planned.plan.release
        for name in ("pull", "push", "index"):
            (folder / "credentials" / name).mkdir(parents=True)
        (folder / "facts").mkdir()
        login = _login(self.args.authfile)
        if login is not None:
            for name in ("pull", "push"):
                (folder / "credentials" / name / ".dockerconfigjson").write_bytes(login)
        (folder / "credentials" / "index" / "netrc").write_text(_netrc(_indexes(self.args, self.planned)))
        return Workbench(
            folder,
            self.repository if self.args.push else None,
            {"llamastack.dev/release": f"{release.package}-{release.version}"} if release else {},
            self.args.insecure_registry,
            Path(certificate) if certificate else None,
            report,
        )

    def _pip(self) -> PipSettings:
        allowed = self.args.source_distributions or self.planned.source_distributions
        return PipSettings(_indexes(self.args, self.planned), allowed)


def _indexes(args: argparse.Namespace, planned: Planned) -> tuple[str, ...]:
    """Return the package indexes: of the options, else of the file, else of pip's own variables."""
    first = args.index_url or (planned.indexes[:1] or [""])[0] or os.environ.get("PIP_INDEX_URL", "")
    others = args.extra_index_url or planned.indexes[1:] or os.environ.get("PIP_EXTRA_INDEX_URL", "").split()
    return (first, *others) if first or others else ()


def _login(option: str | None) -> bytes | None:
    """Return the logins for registries, from where docker and podman keep them."""
    folders = {
        "DOCKER_CONFIG": "config.json",
        "XDG_RUNTIME_DIR": "containers/auth.json",
    }
    paths = [Path(os.environ[name], file) for name, file in folders.items() if os.environ.get(name)]
    given = option or os.environ.get("REGISTRY_AUTH_FILE")
    paths = [Path(given)] if given else [*paths, Path.home() / ".docker" / "config.json"]
    for path in paths:
        try:
            return path.read_bytes()
        except OSError as error:
            if given:
                raise CliError(f"{path}: {error.strerror or error}") from error
    return None


def _netrc(indexes: Sequence[str]) -> str:
    """Return the users and passwords of addresses as the index program reads them; they stay out of build.json."""
    lines = []
    for url in indexes:
        parts = urlsplit(url)
        if parts.username and parts.hostname:
            user, password = unquote(parts.username), unquote(parts.password or "")
            lines.append(f"machine {parts.hostname} login {json.dumps(user)} password {json.dumps(password)}\n")
    return "".join(lines)


def _kept(record: Record) -> dict[str, Any]:
    document = record.to_dict()
    return {name: document[name] for name in ("python", "installed", "modules")}


def _shown(message: PushMessage | None) -> dict[str, Any]:
    document = message.to_dict() if message is not None else {}
    names = ("image", "digest", "platform", "layers", "pushed", "total")
    return {name: document[name] for name in names if name in document}


def _explain(error: LocalBuildError, errors: Console) -> None:
    errors.line(f"{errors.paint('error', 'red', 'bold')} {error.reason}: {error}")
    for line in error.tail:
        errors.line(f"  {line}")
    if error.hint:
        errors.line(f"  {errors.paint('hint:', 'cyan')} {error.hint}")


def _print(planned: Planned, layers: list[dict[str, Any]], output: str, console: Console) -> None:
    image = layers[-1].get("image")
    if output == "json":
        console.line(json.dumps({"name": planned.name, "image": image, "layers": layers}, indent=2))
        return
    for layer in layers:
        added = sum(part["size"] for part in layer.get("layers", ()))
        size = f", {added / 1e6:.1f} MB" if added else ""
        console.line(f"{layer['kind']} {key_name(layer['key'])}: {len(layer['installed'])} packages{size}")
        for module in layer["modules"]:
            providers = ", ".join(f"{item['api']} {item['type']}" for item in module["providers"])
            console.line(f"  {module['distribution'] or module['importName']} {module['version'] or ''}: {providers}")
    console.line(f"image: {image}" if image else "installed here; nothing was pushed")
