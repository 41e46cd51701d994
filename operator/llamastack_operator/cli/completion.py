"""`llamastack completion`: completion scripts for bash, zsh and fish, made from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from llamastack_operator.cli.parser import COMMANDS, build_parser

_BASH = """_llamastack() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{commands}" -- "$current")); return
  fi
  case "$command" in
{cases}
  esac
  if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
  else COMPREPLY=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _llamastack llamastack
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell to complete in")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](), end="")
    return 0


def _options() -> Iterator[tuple[str, argparse.Action]]:
    parser = build_parser([], all_commands=True)
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for name, subparser in subparsers.choices.items():
        for action in subparser._actions:
            yield name, action


def _words(command: str) -> list[str]:
    return [option for name, action in _options() if name == command for option in action.option_strings]


def _bash() -> str:
    cases = "\n".join(f'    {name}) words="{" ".join(_words(name))}" ;;' for name in COMMANDS)
    return _BASH.format(commands=" ".join(COMMANDS), cases=cases)


def _zsh() -> str:
    lines = ["#compdef llamastack", "_llamastack() {", "  local -a commands=("]
    lines += [f"    '{name}:{text}'" for name, text in COMMANDS.items()]
    lines += [
        "  )",
        "  if (( CURRENT == 2 )); then _describe command commands; return; fi",
        '  case "$words[2]" in',
    ]
    for name in COMMANDS:
        options = [
            f"'{option}[{(action.help or '').replace('%', '')}]{_zsh_value(action)}'"
            for command, action in _options()
            if command == name
            for option in action.option_strings
        ]
        lines.append(f"    {name}) _arguments {' '.join(options)} '*:file:_files' ;;")
    return "\n".join([*lines, "  esac", "}", "compdef _llamastack llamastack", ""])


def _zsh_value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    choices = " ".join(map(str, action.choices or ()))
    return f":value:({choices})" if choices else ":value:"


def _fish() -> str:
    lines = [
        f"complete -c llamastack -n __fish_use_subcommand -f -a {name} -d '{text}'" for name, text in COMMANDS.items()
    ]
    for command, action in _options():
        for option in action.option_strings:
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            choices = " ".join(map(str, action.choices or ()))
            values = f" -x -a '{choices}'" if choices else ""
            help_text = (action.help or "").replace("'", "")
            seen = f"complete -c llamastack -n '__fish_seen_subcommand_from {command}'"
            lines.append(f"{seen} {flag}{values} -d '{help_text}'")
    return "\n".join([*lines, ""])
