"""`llamastack containerfile`: a Containerfile from the plan by which the operator builds."""

from __future__ import annotations

import argparse
import sys

from llamastack_operator.cli.output.console import add_colour_option, console_for
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.planning import Planned, base_reference, plan_file
from llamastack_operator.cli.releases import named_release
from llamastack_operator.cli.validate import add_release_option
from llamastack_operator.planning.install.containerfile import PORT, Recipe, render
from llamastack_operator.workloads.run_config import CONFIG_PATH
from llamastack_operator.workloads.settings import PYTHON_BASE
from llamastack_operator.workloads.start import server_command
from llamastack_resolver.releases import UnknownReleaseError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("file", metavar="FILE", help="a manifest, a run config or a build config; - is standard input")
    add_release_option(parser)
    add_base_option(parser)
    parser.add_argument(
        "--run-config", metavar="PATH", help="copy this run config, a path in the build context, into it"
    )
    parser.add_argument("--source-distributions", action="store_true", help="let pip build packages without a wheel")
    add_colour_option(parser)


def add_base_option(parser: argparse.ArgumentParser) -> None:
    """Add `--base`."""
    parser.add_argument("--base", metavar="IMAGE", help=f"image with Python to put a release on ({PYTHON_BASE})")


def run(args: argparse.Namespace) -> int:
    """Print the Containerfile of the stack in the file."""
    planned = plan_file(args.file, named_release(args.stack_version), console_for(args, sys.stderr))
    if planned is None:
        return 1
    copied = args.run_config
    if copied is not None and (copied.startswith(("/", "../")) or not copied.isprintable()):
        raise CliError(f"--run-config: {copied!r} is not inside the build context; give a path relative to it")
    recipe = Recipe(
        base=base_of(planned, args.base),
        command=command_of(planned),
        config=CONFIG_PATH,
        copied=copied,
        name=planned.name,
        indexes=planned.indexes,
        source_distributions=args.source_distributions or planned.source_distributions,
        directories=planned.directories,
    )
    print(render(planned.plan, recipe), end="")
    return 0


def base_of(planned: Planned, option: str | None) -> str:
    """Return the base image.

    Raises:
        CliError: the file names an image, and `--base` another.
    """
    if option is None:
        return planned.base or PYTHON_BASE
    if planned.plan.image is not None and option != planned.plan.image:
        raise CliError(f"--base: the file names the image {planned.plan.image}; --base is for releases without one")
    return base_reference(option)


def command_of(planned: Planned) -> list[str]:
    """Return the command that starts the server; it is looked up in the image where its release is not known.

    Raises:
        CliError: the release is too old to be started.
    """
    try:
        return server_command(planned.plan.release, CONFIG_PATH, PORT)
    except UnknownReleaseError as error:
        raise CliError(str(error)) from error
