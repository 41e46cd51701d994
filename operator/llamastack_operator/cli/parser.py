"""The table of commands and the argument parser.

A command is a module with `configure(parser)` and `run(args)`. Only the module of the command that was
asked for is imported; its one-line help is in the table, so that `--help` imports none.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any

COMMANDS = {
    "validate": "check manifests, run configs and build configs, and report everything that is wrong",
    "resolve": "show what a stack starts, and in which order",
    "render": "print the objects that the operator would apply, the run config as the server gets it included",
    "containerfile": "print a Containerfile that buildah, podman or docker builds the image of a stack with",
    "build": "install and push the image of a stack from a pipeline, inside a container of its base",
    "check-provider": "check an installed module of providers against the installed release, for its author",
    "catalog": "show what each release ships",
    "describe": "show how a stack of a cluster stands: what serves, what is wrong, and what to do",
    "status": "show how all stacks of a namespace or cluster stand, those in trouble first",
    "verify": "check a running server against its config and the protocols",
    "completion": "print a completion script for a shell",
}
# The distributions that bring this package, the one with everything first.
DISTRIBUTIONS = ("llamastack-operator", "llamastack-cli")
EPILOG = "Exit status: 0 nothing is wrong, 1 errors were found, 2 the command could not run, or found nothing to check."


class CliError(Exception):
    """The command cannot run; the message is for the user, without a traceback."""


def build_parser(arguments: Sequence[str], all_commands: bool = False) -> argparse.ArgumentParser:
    """Return the parser for these arguments.

    Args:
        arguments: the command line; options are set up for the command that it names.
        all_commands: set up the options of every command that is here (for completion scripts).

    Raises:
        CliError: the command that was named needs something that is not installed.
        SystemExit: there is no such command, or it has no such option; the usage and the nearest name are printed.
    """
    parser = argparse.ArgumentParser(prog="llamastack", description="Llama Stack on Kubernetes.", epilog=EPILOG)
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="show the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    named = next((argument for argument in arguments if not argument.startswith("-")), None)
    if named is not None:
        _check_options(parser, arguments[: arguments.index(named)], " before a command; its own stand behind it")
    if named is not None and named not in COMMANDS:
        parser.error(f"there is no command {named!r}: {_suggestion(named, COMMANDS) or f'see {parser.prog} --help'}")
    for name, text in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=text, description=_sentence(text), epilog=EPILOG)
        if name == named:
            _set_up(subparser, name)
            _check_options(subparser, arguments[arguments.index(name) + 1 :])
        elif all_commands:
            with suppress(CliError):
                _set_up(subparser, name)
    if named is None:
        _check_options(parser, arguments)
    return parser


def _check_options(parser: argparse.ArgumentParser, arguments: Sequence[str], where: str = "") -> None:
    """Stop at an option that a command does not have, with the usage of that command: argparse shows that of the
    whole program, and names no option that may have been meant."""
    known = parser._option_string_actions
    for argument in arguments:
        if argument == "--":
            return
        name = argument.partition("=")[0] if argument.startswith("--") else argument[:2]
        if not name.startswith("-") or name == "-" or name in known:
            continue
        if name.startswith("--") and any(option.startswith(name) for option in known):
            continue  # argparse takes the beginning of an option for the whole
        hint = (
            None
            if where
            else _suggestion(argument.partition("=")[0], (option for option in known if option.startswith("--")))
        )
        parser.error(f"there is no option {argument.partition('=')[0]}{where}{f': {hint}' if hint else ''}")


def _suggestion(word: str, names: Iterable[str]) -> str | None:
    from llamastack_resolver.suggest import did_you_mean  # only a mistake needs it

    return did_you_mean(word, names)


def _set_up(parser: argparse.ArgumentParser, name: str) -> None:
    module = _module(name)
    module.configure(parser)
    parser.set_defaults(run=module.run, parser=parser)


def _module(name: str) -> ModuleType:
    """Import a command. The light distribution lacks what some of them stand on.

    Raises:
        CliError: it is not there.
    """
    try:
        return import_module(f"llamastack_operator.cli.{name.replace('-', '_')}")
    except ModuleNotFoundError as error:
        whole, light = DISTRIBUTIONS
        message = f"`llamastack {name}` needs {error.name}, which is not installed: install {whole} in place of {light}"
        raise CliError(message) from error


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


class _PrintVersion(argparse.Action):
    """`--version`: the package's metadata is read only when it is asked for, since that takes as long as a check."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        parser.exit(message=f"{parser.prog} {_version()}\n")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    for name in DISTRIBUTIONS:
        with suppress(PackageNotFoundError):
            return version(name)
    return "unknown"
