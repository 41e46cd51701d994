"""Asks an installed release what it ships, in the JSON shape of `llamastack_resolver.knowledge`.

The program that makes the catalog runs this in a clean environment of each release, strictly: whatever cannot
be imported is an error. A pod runs the same code on the environment it has, and collects what failed instead.
"""

from __future__ import annotations

from llamastack_resolver.introspection.configs import describe_config_class
from llamastack_resolver.introspection.layout import Layout, NotInstalledError, find_layout
from llamastack_resolver.introspection.protocols import describe_protocol
from llamastack_resolver.introspection.release import (
    IntrospectionError,
    describe_distributions,
    describe_release,
    describe_schemas,
)
from llamastack_resolver.introspection.specs import describe_spec

__all__ = [
    "IntrospectionError",
    "Layout",
    "NotInstalledError",
    "describe_config_class",
    "describe_distributions",
    "describe_protocol",
    "describe_release",
    "describe_schemas",
    "describe_spec",
    "find_layout",
]
