"""Renders an install plan as a Containerfile, for people who build images in a pipeline of their own.

It needs nothing beside itself (no COPY of programs, no heredoc, no BuildKit), so that classic buildah, podman and
docker all build it. The layers have the paths and the order that the operator's builds give them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from llamastack_contract.layer import Layer
from llamastack_contract.paths import LAYERS, ROOTS
from llamastack_operator.planning.install.install_plan import InstallPlan
from llamastack_operator.planning.install.upstream import INDEX_NAMES

HOME = f"{LAYERS}/home"
USER = "1001:0"
PORT = 8321
_SCRATCH = "/tmp/llamastack"  # noqa: S108 (inside the build's own container)
_SCRIPTS = Path(__file__).parent / "scripts"
_PIP = "python3 -m pip"
_INSTALL = "install --no-cache-dir --disable-pip-version-check --no-compile"
_NAMED = re.compile(r"\$\{index\.([a-z0-9-]+)\}")


@dataclass(frozen=True)
class Recipe:
    """What a Containerfile says besides the install plan.

    Attributes:
        base: the image to build from.
        command: the argv that starts the server.
        config: path of the run config in the image.
        copied: path of a run config in the build context that is copied there; None to mount it.
        name: what the first line calls the image.
        indexes: URLs of package indexes, the first in place of pip's default.
        named: URLs for symbolic index names, besides the well-known ones.
        source_distributions: whether packages may be built from source.
        directories: directories of external providers and APIs that the config names.
    """

    base: str
    command: Sequence[str]
    config: str
    copied: str | None = None
    name: str = "stack"
    indexes: Sequence[str] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    source_distributions: bool = False
    directories: Sequence[str] = ()


def render(plan: InstallPlan, recipe: Recipe) -> str:
    """Return the text of the Containerfile."""
    stack, modules = plan.layer("stack"), plan.layer("modules")
    blocks = [_head(plan, recipe)]
    if plan.layers:
        blocks.append(_arguments(plan, recipe))
    if stack:
        blocks.append(_stack(stack, recipe))
    if modules:
        blocks.append(_modules(modules, recipe, stack is not None))
    blocks += [_environment(stack, modules), _start(recipe)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(plan: InstallPlan, recipe: Recipe) -> str:
    lines = [
        f"# {_comment(recipe.name)}: made by `llamastack containerfile`. buildah, podman and docker build it:",
        f"#   buildah bud -f Containerfile -t {_tag(recipe.name)} .",
    ]
    if plan.layers:
        lines.append("# The base needs Python >= 3.12 with pip >= 22.3.")
    return "\n".join([*lines, f"FROM {recipe.base}"])


def _arguments(plan: InstallPlan, recipe: Recipe) -> str:
    first, *others = recipe.indexes or ("",)
    lines = [
        "# Where packages come from: build arguments reach the build only, never the image.",
        f"ARG PIP_INDEX_URL={_quoted(first)}" if first else "ARG PIP_INDEX_URL",
        f"ARG PIP_EXTRA_INDEX_URL={_quoted(' '.join(others))}" if others else "ARG PIP_EXTRA_INDEX_URL",
        "ARG PIP_CERT",
    ]
    texts = [word for layer in plan.layers for words in layer.special for word in words]
    named = {match[1] for text in texts for match in _NAMED.finditer(text)}
    # What modules ask for is known in the build only.
    named |= set(INDEX_NAMES) | recipe.named.keys() if any(layer.modules for layer in plan.layers) else set()
    for name in sorted(named):
        url = recipe.named.get(name)
        lines.append(f"ARG {_variable(name)}={_quoted(url)}" if url else f"ARG {_variable(name)}")
    return "\n".join([*lines, "USER 0:0"])


def _stack(layer: Layer, recipe: Recipe) -> str:
    steps = [
        f"mkdir -p {_SCRATCH}",
        _file("constraints.txt", layer.constraints),
        f"python3 -m venv --without-pip {layer.root}",
        *_calls(layer, recipe),
        f"rm -rf {_SCRATCH}",
    ]
    return f"# The release, its server and its providers' packages, on versions that are known to work.\n{_run(steps)}"


def _modules(layer: Layer, recipe: Recipe, on_stack: bool) -> str:
    below = f"{ROOTS['stack']}/bin/python" if on_stack else "python3"
    install = f"{_pip(layer)} {_INSTALL}{_wheels(recipe)} --constraint {_SCRATCH}/constraints.txt"
    again = " ".join(map(shlex.quote, layer.requirements))
    steps = [
        f"mkdir -p {_SCRATCH}",
        _file("own.txt", layer.constraints),
        _script("base.py"),
        f"{below} -m venv --without-pip {layer.root}",
        f"{below} {_SCRATCH}/base.py {_SCRATCH} {layer.root}",
        *_calls(layer, recipe),
    ]
    if layer.modules:
        names = " ".join(map(shlex.quote, layer.modules))
        steps += [
            _script("specs.py"),
            f"{layer.root}/bin/python {_SCRATCH}/specs.py {names} -- {again}{' ' if again else ''}-- {install}",
        ]
    # A name without the version, which only the base knows, for PYTHONPATH.
    steps += [f"cd {layer.root}", "ln -s lib/python3.*/site-packages site-packages", f"rm -rf {_SCRATCH}"]
    text = "# External modules and packages. What the base has stays as it is: pip takes it as constraints."
    if layer.modules:
        text += "\n# Then each module's get_provider_spec() is asked for the packages that its providers need."
    return f"{text}\n{_run(steps)}"


def _calls(layer: Layer, recipe: Recipe) -> list[str]:
    """Return pip's calls: one for everything, then one for each package with options of its own."""
    install = f"{_pip(layer)} {_INSTALL}{_wheels(recipe)} --constraint {_SCRATCH}/constraints.txt"
    calls = []
    if layer.requirements:
        calls.append(_lines([install, *map(shlex.quote, layer.requirements)], "      "))
    return calls + [f"{install} {_words(words)}" for words in layer.special]


def _pip(layer: Layer) -> str:
    return f"{_PIP} --python {layer.root}/bin/python"


def _wheels(recipe: Recipe) -> str:
    return "" if recipe.source_distributions else " --only-binary :all:"


def _environment(stack: Layer | None, modules: Layer | None) -> str:
    lines = []
    path = "${PATH}"
    if stack:
        path = f"{stack.root}/bin:{path}"
    if modules:
        path = f"{path}:{modules.root}/bin"
        lines.append(f"ENV PYTHONPATH={modules.root}/site-packages${{PYTHONPATH:+:$PYTHONPATH}}")
    if path != "${PATH}":
        lines.append(f"ENV PATH={path}")
    return "\n".join(lines)


def _start(recipe: Recipe) -> str:
    lines = [
        "# Not root; the group may be any that the platform gives, as on OpenShift.",
        "USER 0:0",
        f"RUN mkdir -p {HOME} && chown {USER} {HOME} && chmod 0775 {HOME}",
        f"ENV HOME={HOME}",
        f"WORKDIR {HOME}",
    ]
    if recipe.copied:
        lines.append(f"COPY {json.dumps([recipe.copied, recipe.config])}")
    else:
        lines.append(f"# The run config is to be mounted at {recipe.config}.")
    mentioned = "# The run config names the directory {}: mount it, or COPY it there."
    lines += [mentioned.format(_comment(name)) for name in recipe.directories]
    lines += [
        f"EXPOSE {PORT}",
        f"USER {USER}",
        f"ENTRYPOINT {json.dumps(list(recipe.command))}",
        "CMD []",
    ]
    return "\n".join(lines)


def _file(name: str, texts: Iterable[str]) -> str:
    """Return the command that writes a file of lines."""
    words = [*map(shlex.quote, texts)]
    if not words:
        return f": > {_SCRATCH}/{name}"
    return _lines(["printf '%s\\n'", *words, f"> {_SCRATCH}/{name}"], "      ")


def _script(name: str) -> str:
    lines = (_SCRIPTS / name).read_text("utf-8").splitlines()
    return _file(name, [line for line in lines if line.strip()])


def _run(steps: Sequence[str]) -> str:
    return "RUN set -eu; \\\n    " + "; \\\n    ".join(steps)


def _lines(words: Sequence[str], indent: str) -> str:
    return f" \\\n{indent}".join(words)


def _words(words: Sequence[str]) -> str:
    """Return the arguments of a call; an index whose build argument is not set is left out with its option."""
    found: list[str] = []
    for word in words:
        match = _NAMED.fullmatch(word)
        if match is None:
            found.append(shlex.quote(word))
            continue
        variable = _variable(match[1])
        found.append(f'${{{variable}:+{found.pop()} "${variable}"}}')
    return " ".join(found)


def _variable(name: str) -> str:
    return f"INDEX_{re.sub('[^A-Z0-9]', '_', name.upper())}"


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text


def _tag(text: str) -> str:
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-") or "stack"


def _comment(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
