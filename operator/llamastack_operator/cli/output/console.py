"""Text for people: colour on a terminal, plain where the output goes to a file or another program."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from typing import TextIO

_CODES = {"red": "31", "yellow": "33", "blue": "34", "green": "32", "bold": "1", "dim": "2", "cyan": "36"}


@dataclass(frozen=True)
class Console:
    """Writes lines to a stream, with or without colour."""

    stream: TextIO
    colour: bool

    def paint(self, text: str, *styles: str) -> str:
        """Return the text in the styles named: red, yellow, blue, green, cyan, bold or dim."""
        if not self.colour or not text:
            return text
        return f"\033[{';'.join(_CODES[style] for style in styles)}m{text}\033[0m"

    def line(self, text: str = "") -> None:
        """Write one line."""
        print(text, file=self.stream)


def add_colour_option(parser: argparse.ArgumentParser) -> None:
    """Add `--color`, which is `auto` by default."""
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colour the text output")


def console_for(args: argparse.Namespace, stream: TextIO | None = None) -> Console:
    """Return the console that the options ask for; https://no-color.org is honoured."""
    target = stream or sys.stdout
    choice = getattr(args, "color", "auto")
    automatic = target.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Console(target, choice == "always" or (choice == "auto" and automatic))
