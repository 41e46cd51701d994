"""`llamastack verify`: whether a running server is what its config says, and serves what its protocols
promise."""

from __future__ import annotations

import argparse
import json
import os

from llamastack_operator import catalog
from llamastack_operator.cli.checking import check_files
from llamastack_operator.cli.output.console import Console, add_colour_option, console_for
from llamastack_operator.cli.parser import CliError
from llamastack_operator.cli.releases import named_release
from llamastack_operator.cli.validate import add_release_option, print_finding
from llamastack_resolver.documents.detect import parse_release, release_at_start
from llamastack_resolver.releases import Release, UnknownReleaseError
from llamastack_resolver.resolution import Resolution
from llamastack_resolver.server.remote import Connection, RemoteError
from llamastack_resolver.server.verify import ServerView, server_version, verify

_HEALTH_COLOURS = {"OK": "green", "Error": "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("url", metavar="URL", help="the server, such as http://localhost:8321")
    parser.add_argument("--apis", metavar="A,B", default="", help="APIs that it has to serve")
    parser.add_argument("--config", metavar="FILE", help="the manifest or run config that it should run")
    parser.add_argument(
        "--token-env",
        metavar="NAME",
        help="environment variable with a bearer token (the command line would show the token to others)",
    )
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="for each request")
    add_release_option(parser)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="format")
    add_colour_option(parser)


def run(args: argparse.Namespace) -> int:
    """Look at the server."""
    token = os.environ.get(args.token_env) if args.token_env else None
    if args.token_env and not token:
        raise CliError(f"environment variable {args.token_env} is not set")
    connection = Connection(args.url, token, args.timeout)
    try:
        version = server_version(connection)
    except RemoteError as error:
        raise CliError(str(error)) from error
    expected, wanted = _expected(args.config, named_release(args.stack_version))
    release = wanted or _release_of(version)
    apis = [name.strip() for name in args.apis.split(",") if name.strip()]
    knowledge = catalog.load_release(release)
    view = verify(connection, knowledge, apis, expected, version)
    console = console_for(args)
    if args.output == "json":
        console.line(json.dumps(view.to_dict(), indent=2))
    else:
        _print(view, knowledge.release, console)
    return 1 if view.findings.has_errors else 0


def _expected(file: str | None, override: Release | None) -> tuple[Resolution | None, Release | None]:
    if file is None:
        return None, override
    resolved = [one for one in check_files([file], override).documents if one.resolution is not None]
    if len(resolved) != 1:
        raise CliError(f"{file}: one stack is expected in it, found {len(resolved)}")
    # A release that was only concluded from the config says nothing about what the server should be.
    declared = override or resolved[0].document.release
    return resolved[0].resolution, declared


def _release_of(version: str) -> Release:
    try:
        return parse_release(release_at_start(version) or version, catalog.releases())
    except UnknownReleaseError as error:
        raise CliError(f"the server is {version}, which is not in the catalog: {error}") from error


def _print(view: ServerView, release: Release, console: Console) -> None:
    console.line(f"{console.paint(view.url, 'bold')} runs {view.version} (checked as {release})")
    for api, state in view.apis.items():
        colour = "green" if state == "served" else "red"
        console.line(f"  {console.paint(api, 'cyan')}  {console.paint(state, colour)}")
        for provider in view.providers:
            if provider["api"] == api:
                status = provider["health"].get("status", "")
                shade = _HEALTH_COLOURS.get(status, "dim")
                console.line(f"    {provider['id']} ({provider['type']})  {console.paint(status, shade)}")
    for finding in view.findings.sorted():
        print_finding(finding, console)
