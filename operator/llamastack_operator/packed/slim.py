"""Leaves out of Python sources what only readers need, so that a program is small where each namespace has it.

Every statement stays on its line, so that a traceback from a pod is that of the sources.
"""

from __future__ import annotations

import ast
import io
import tokenize


def slim(source: bytes) -> bytes:
    """Return a module without comments, with empty docstrings, and with the first line of its own; it does what it did.

    Args:
        source: Python that is formatted as ours is: a docstring has its lines for itself.
    """
    text = source.decode()
    lines = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            lines[line - 1] = lines[line - 1][:column].rstrip()
    module = ast.parse(source)
    for node in ast.walk(module):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            # `__doc__` of a program is its help.
            kept = node.value.value.split("\n", 1)[0] if node is module.body[0] else ""
            # Columns are counted in bytes, but before a docstring there are blanks alone.
            lines[first : last + 1] = [lines[first][: node.col_offset] + repr(kept), *[""] * (last - first)]
    return "\n".join(lines).encode()
