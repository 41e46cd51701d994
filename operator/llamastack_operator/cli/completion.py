"""`llamastack completion`: completion scripts for bash, zsh and fish, which shtab makes from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import shtab

from llamastack_operator.cli.parser import build_parser

SHELLS = ("bash", "zsh", "fish")
# The names under which options and arguments say that they are files of this machine.
_FILES = ("FILE", "PATH")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("shell", choices=SHELLS, help="the shell to complete in")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    parser = build_parser([], all_commands=True)
    for action in _actions(parser):
        if action.metavar in _FILES:
            # shtab's own way to be told, which argparse's types do not know.
            setattr(action, "complete", shtab.FILE)  # noqa: B010
    script = shtab.complete(parser, args.shell)
    if args.shell == "zsh":
        # shtab has zsh complete one of several files; an argument with * is completed again and again.
        script = script.replace('\n  "(*):', '\n  "*:')
    print(script)
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every option and argument, those of commands too."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
