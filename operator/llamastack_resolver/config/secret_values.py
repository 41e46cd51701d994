"""Which values are secret: of the variables that a server gets, and in its run config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from llamastack_resolver.behaviour import NEWEST, Behaviour
from llamastack_resolver.config.env import Environment, substitute

SECRET_KEY = re.compile(r"(^|_)(api_?key|api_token|password|passwd|secret|client_secret|access_key|token)$", re.I)
"""Keys of a config that hold secrets."""
PLACEHOLDERS = frozenset({"", "fake", "none", "dummy", "no-key", "not-needed", "changeme"})
"""What stands below such keys in examples, and is no secret."""
# TOKENIZERS_PARALLELISM and MAX_TOKENS hold none.
_SECRET_NAME = re.compile(r"KEY|(?<!MAX_)TOKEN(?!IZ)|SECRET|PASSW|CREDENTIAL|CONNECTION_STRING|DSN", re.I)
_NO_SECRET = frozenset(
    ["PATH", "HOME", "LANG", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "SHELL", "TERM", "TZ", "USER", "LOGNAME", "TMPDIR"]
)
_NO_SECRET_BEGINS = ("PYTHON", "KUBERNETES_", "LC_")
_USERINFO = re.compile(r"(?<=://)([^\s/?#@:]*):([^\s/?#@]*(?:@[^\s/?#@]*)*)(?=@)")
_LONGEST = 64 * 1024


@dataclass(frozen=True)
class SecretVariables:
    """What is known of the variables of a server.

    Attributes:
        secret: names of those that come from Secrets.
        public: names of those that are known to hold none, as far as their names do not say otherwise.
        others: whether all others count as secret, but for what every system sets.
    """

    secret: frozenset[str] = frozenset()
    public: frozenset[str] = frozenset()
    others: bool = False

    def is_secret(self, name: str) -> bool:
        """Tell whether a variable's value is a secret."""
        if name in self.secret or _SECRET_NAME.search(name):
            return True
        known = name in self.public or name in _NO_SECRET or name.startswith(_NO_SECRET_BEGINS)
        return self.others and not known

    def values(self, variables: Mapping[str, str]) -> Iterator[str]:
        """Yield the secret values of variables, and the passwords in the addresses of all of them.

        What is certain comes first, for whoever takes a limited number of them.
        """
        for name in sorted(variables, key=lambda name: name not in self.secret and not _SECRET_NAME.search(name)):
            if self.is_secret(name):
                yield variables[name]
            yield from _passwords(variables[name])


def secret_values(config: Any, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets that a run config holds.

    Args:
        config: the run config as written, with its references.
        variables: of the server.
    """
    if isinstance(config, list):
        for item in config:
            yield from secret_values(item, variables)
    elif isinstance(config, dict):
        for key, item in config.items():
            for one in item if isinstance(item, list) else [item]:
                if SECRET_KEY.search(str(key)) and not isinstance(one, dict | list):
                    yield from _values(one, variables)
                else:
                    yield from secret_values(one, variables)
    elif isinstance(config, str):
        yield from _passwords(config)


def _values(item: Any, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield what a value below a key of secrets is, as written and as the server sees it."""
    if item is None or isinstance(item, bool):
        return
    written = str(item)
    if "${env." not in written:
        if written.lower() not in PLACEHOLDERS:
            yield written
        return
    seen = substitute(written, Environment(variables), Behaviour.of(NEWEST)).value
    if isinstance(seen, str | int | float) and not isinstance(seen, bool) and str(seen).lower() not in PLACEHOLDERS:
        yield str(seen)


def _passwords(text: str) -> Iterator[str]:
    for found in _USERINFO.finditer(text[:_LONGEST]):
        yield found[2]
        yield unquote(found[2])
