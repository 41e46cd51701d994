"""The start program of stacks' pods: the check before the server, and the launcher that runs it, as one file.

Pods take it from a ConfigMap of their namespace, which is code that others might replace: `bootstrap` stands in the
pod's own template, and runs nothing but the bytes of this digest.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pprint import pformat

from llamastack_operator.packed.zipapp import packed
from llamastack_resolver.releases import START_RULES

PACKAGES = ("llamastack_contract", "llamastack_launcher", "llamastack_resolver")
MOST_BYTES = 300_000
"""A ConfigMap could hold three times as much, but each namespace with a stack has one."""
_MAIN = "from llamastack_launcher.__main__ import run\n\nrun()\n"
_RULES = "llamastack_launcher/rules.py"


@lru_cache(maxsize=1)
def start_program() -> bytes:
    """Return the zipapp: `check OPTIONS` and `serve OPTIONS`."""
    rules = tuple((rule.since.package, rule.since.number, rule.argv) for rule in START_RULES)
    return packed(_MAIN, PACKAGES, {_RULES: f'"""How servers are started."""\n\nRULES = {pformat(rules)}\n'})


@lru_cache(maxsize=1)
def start_program_digest() -> str:
    """Return its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(start_program()).hexdigest()
