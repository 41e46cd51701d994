"""Where a release keeps its parts: upstream moved its core package twice, and was renamed.

Nothing else in the product knows these module paths.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

from llamastack_resolver.releases import Release

# Distribution, root package and core package; the newest first. 0.2.16 is the only one with the seed's own
# path.
_FAMILIES = (
    ("ogx", "ogx", "ogx.core"),
    ("llama-stack", "llama_stack", "llama_stack.core"),
    ("llama-stack", "llama_stack", "llama_stack.distribution"),
)


class NotInstalledError(RuntimeError):
    """No release of Llama Stack is installed in this environment."""


@dataclass(frozen=True)
class Layout:
    """The module paths of the installed release.

    Attributes:
        release: the installed release.
        root: its top-level package, `llama_stack` or `ogx`.
        core: the package with the resolver, such as `llama_stack.core`.
    """

    release: Release
    root: str
    core: str

    def module(self, name: str) -> ModuleType:
        """Import a module of the core package, such as `resolver`."""
        return importlib.import_module(f"{self.core}.{name}")

    @cached_property
    def resolver(self) -> ModuleType:
        """The release's own resolver."""
        return self.module("resolver")

    @cached_property
    def api(self) -> Any:
        """The `Api` enum; `api("inference")` returns a member, raising ValueError for an unknown name."""
        return self.resolver.Api

    @cached_property
    def run_config_class(self) -> type[Any]:
        """The class of run configs: StackRunConfig, or StackConfig since 0.4.0."""
        datatypes = self.module("datatypes")
        found: type[Any] | None = getattr(datatypes, "StackConfig", None)
        return found or datatypes.StackRunConfig

    def spec_class(self, name: str) -> type[Any] | None:
        """Return a class of the ProviderSpec family, such as `RemoteProviderSpec`."""
        modules = (self.resolver, self.module("distribution"), self.module("datatypes"))
        return next((getattr(module, name) for module in modules if hasattr(module, name)), None)


def find_layout() -> Layout:
    """Return the layout of the installed release.

    Raises:
        NotInstalledError: there is none, or it is too old to have a resolver.
    """
    for package, root, core in _FAMILIES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        if importlib.util.find_spec(core) is not None:
            return Layout(Release(package, _plain(version)), root, core)
    raise NotInstalledError("neither llama-stack nor ogx is installed here")


def _plain(version: str) -> str:
    """Leave out local and development parts, which no catalog knows."""
    return version.split("+")[0].split(".dev")[0].split(".post")[0]
