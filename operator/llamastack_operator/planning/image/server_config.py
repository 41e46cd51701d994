"""The run config that the server of a stack gets: completed for its release, with the folders of external files, its
modules under their import names.

It stays as it was written, byte for byte, where none of this is needed. Pure but for the catalog. It parses the run
config and may read the catalog, so it runs in a thread and its result is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llamastack_operator.catalog.reader import find_release
from llamastack_operator.objects.build_status import RecordedModule
from llamastack_operator.planning.image.install import needs_import_names, with_import_names
from llamastack_operator.planning.stack.inputs.external import directory_keys
from llamastack_operator.planning.stack.inputs.run_config import inline_value
from llamastack_operator.planning.stack.stack import Stack, release_of
from llamastack_operator.workloads.run_config import run_config_text, yaml_text
from llamastack_resolver.documents.complete import missing_keys
from llamastack_resolver.yaml_io import read_value


def may_change(stack: Stack, modules: Sequence[RecordedModule]) -> bool:
    """Tell whether the server may get another run config than the written one: a cheap look.

    Args:
        stack: the stack.
        modules: what was installed, as the LlamaStackBuilds' status has it.
    """
    spec = stack.spec
    if spec is not None and (spec.distribution.release is not None or directory_keys(spec)):
        return True
    return needs_import_names(modules)


def server_text(stack: Stack, run_config: str, modules: Sequence[RecordedModule]) -> str:
    """Return the run config as the server gets it.

    Args:
        stack: the stack, with a spec.
        run_config: its run config as text, inline or referenced.
        modules: what was installed, as the LlamaStackBuilds' status has it.
    """
    text = _completed(stack, run_config)
    return with_import_names(text, modules) if needs_import_names(modules) else text


def _completed(stack: Stack, run_config: str) -> str:
    """Fill in where external files are, and what the release that the spec names requires; of a release that is not
    known nothing."""
    if stack.spec is None:
        return run_config
    directories, knowledge = directory_keys(stack.spec), find_release(release_of(stack.spec))
    if knowledge is None and not directories:
        return run_config
    config = inline_value(run_config) if _is_inline(stack) else read_value(run_config)[0]
    if not isinstance(config, dict):
        return run_config
    config = {**config, **directories}
    missing = missing_keys(config, knowledge, stack.key[1]) if knowledge is not None else {}
    return _text(stack, {**config, **missing}) if directories or missing else run_config


def _is_inline(stack: Stack) -> bool:
    return stack.packed_run_config is not None


def _text(stack: Stack, config: Mapping[str, Any]) -> str:
    """Lay out a config: one of the API is JSON, one of a ConfigMap can have dates and other keys than text."""
    return run_config_text(dict(config)) if _is_inline(stack) else yaml_text(dict(config))
