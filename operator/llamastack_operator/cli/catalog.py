"""`llamastack catalog`: the releases that are known, and what one of them ships."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from llamastack_operator import catalog
from llamastack_operator.cli.output.console import Console, add_colour_option, console_for
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.releases import named_release
from llamastack_resolver.knowledge import ProviderSpec, ReleaseKnowledge
from llamastack_resolver.releases import start_command
from llamastack_resolver.suggest import did_you_mean


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("version", nargs="?", metavar="VERSION", help="a release, such as 0.7.3 or ogx-1.5.0")
    parser.add_argument("--providers", metavar="API", help="list the provider types of one API")
    parser.add_argument("--distribution", metavar="NAME", help="print a bundled run config")
    parser.add_argument(
        "--constraints", action="store_true", help="print the versions with which the release was started, for pip -c"
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="format")
    add_colour_option(parser)


def run(args: argparse.Namespace) -> int:
    """Show releases, one release, one API's providers, a bundled config, or versions for pip."""
    console = console_for(args)
    release = named_release(args.version)
    if release is None:
        if args.providers or args.distribution or args.constraints:
            raise CliError("name a release: llamastack catalog VERSION --providers API")
        _show(_releases(), console, args.output)
        return 0
    knowledge = catalog.load_release(release)
    if knowledge.release != release:
        message = f"{release} is not in the catalog: this is {knowledge.release}, the nearest patch of the same minor"
        console_for(args, sys.stderr).line(message)
    if args.distribution:
        console.line(_distribution(knowledge, args.distribution).rstrip("\n"))
    elif args.constraints:
        console.line(knowledge.constraints.rstrip("\n"))
    elif args.providers:
        _show(_providers(knowledge, args.providers), console, args.output)
    else:
        _show(_summary(knowledge), console, args.output)
    return 0


def _releases() -> dict[str, Any]:
    return {"releases": [str(release) for release in catalog.releases()]}


def _summary(knowledge: ReleaseKnowledge) -> dict[str, Any]:
    return {
        "release": str(knowledge.release),
        "start": " ".join(start_command(knowledge.release, "CONFIG", 8321)),
        "apis": {api: len(types) for api, types in sorted(knowledge.providers.items())},
        "routed": {pair.table: pair.router for pair in knowledge.routed},
        "distributions": sorted(knowledge.distribution_names),
    }


def _providers(knowledge: ReleaseKnowledge, api: str) -> dict[str, Any]:
    if api not in knowledge.providers:
        hint = did_you_mean(api, knowledge.providers) or f"it has {', '.join(sorted(knowledge.providers))}"
        raise CliError(f"{knowledge.release} has no providers for {api!r}: {hint}")
    return {name: _provider(spec) for name, spec in sorted(knowledge.providers[api].items())}


def _provider(spec: ProviderSpec) -> dict[str, Any]:
    data = {
        "module": spec.module,
        "needs": list(spec.api_dependencies),
        "may use": list(spec.optional_api_dependencies),
        "pip": list(spec.pip_packages),
        "deprecated": spec.deprecation_warning or spec.deprecation_error,
    }
    return {key: value for key, value in data.items() if value}


def _distribution(knowledge: ReleaseKnowledge, name: str) -> str:
    if name not in knowledge.distributions:
        names = ", ".join(sorted(knowledge.distributions)) or "none"
        hint = did_you_mean(name, knowledge.distributions) or f"it has {names}"
        raise CliError(f"{knowledge.release} has no distribution {name!r}: {hint}")
    return knowledge.distributions[name]


def _show(data: Mapping[str, Any], console: Console, output: str) -> None:
    if output == "json":
        console.line(json.dumps(data, indent=2))
        return
    for key, value in data.items():
        if isinstance(value, Mapping):
            console.line(console.paint(key, "bold"))
            for name, item in value.items():
                text = ", ".join(map(str, item)) if isinstance(item, list) else item
                console.line(f"  {console.paint(str(name), 'cyan')}  {text}")
        elif isinstance(value, list):
            console.line(console.paint(key, "bold"))
            for item in value:
                console.line(f"  {item}")
        else:
            console.line(f"{console.paint(key, 'bold')}  {value}")
