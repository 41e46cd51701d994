# Asks the modules what their providers need, and installs it: MODULE... -- REQUIREMENT... -- PIP INSTALL...
import importlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from types import ModuleType

first = sys.argv.index("--")
second = sys.argv.index("--", first + 1)
modules, requirements, install = sys.argv[1:first], sys.argv[first + 1 : second], sys.argv[second + 1 :]


def provider_module(text: str) -> ModuleType:
    name = re.split("[^A-Za-z0-9._-]", text)[0]
    names = [name]
    try:
        files = map(str, importlib.metadata.files(name) or ())
        names += [file.split("/")[0] for file in files if re.fullmatch(r"[^/]+/provider\.py", file)]
    except importlib.metadata.PackageNotFoundError:
        pass
    names.append(re.sub("[-.]+", "_", name))
    for name in names:
        if not all(map(str.isidentifier, name.split("."))):
            continue
        try:
            found = importlib.util.find_spec(f"{name}.provider")
        except ModuleNotFoundError as error:
            if not f"{name}.provider".startswith(str(error.name)):
                raise
            continue
        if found:
            return importlib.import_module(f"{name}.provider")
    sys.exit(f"{text}: none of {names} has a module `provider`: it is no provider module")


packages: list[str] = []
for text in modules:
    module = provider_module(text)
    if not hasattr(module, "get_provider_spec"):
        sys.exit(f"{text}: {module.__name__} has no get_provider_spec()")
    specs = module.get_provider_spec()
    for spec in specs if isinstance(specs, list | tuple) else [specs]:
        packages += (getattr(spec, "adapter", None) or spec).pip_packages or ()


def option(match: re.Match[str]) -> str:
    # An index whose build argument is not set is left out with its option: the ordinary indexes have to do.
    address = os.environ.get("INDEX_" + re.sub("[^A-Z0-9]", "_", match[2].upper()))
    return f"{match[1]} {address}" if address else ""


plain: list[str] = []
special: list[list[str]] = []
for package in dict.fromkeys(packages):
    if "--" in package:
        special.append(shlex.split(re.sub(r"(?<![a-z-])(--[a-z-]+)[ =]\$\{index\.([a-z0-9-]+)\}", option, package)))
    else:
        plain += [package] if re.search("[;@]", package) else package.split()
for call in ([[*requirements, *plain]] if plain else []) + special:
    print("providers of the modules need:", *call, flush=True)
    subprocess.run([*install, *call], check=True)
