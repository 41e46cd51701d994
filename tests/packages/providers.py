"""Provider packages: some that work, and one for each mistake that an author can make.

The working ones are for any release: their specs come from whichever package the release keeps the classes
in, and their implementation answers `eval`'s and `tool_runtime`'s methods without needing anything.
"""

from pathlib import Path

from tests.packages.build import Package, make_source, make_wheel

# Where each family of releases keeps its spec classes; the newest first.
SPEC_CLASSES = """
def _first(*names):
    from importlib import import_module
    for name in names:
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError("no release of Llama Stack is installed")

datatypes = _first("ogx_api", "llama_stack_api", "llama_stack.providers.datatypes")
Api = getattr(datatypes, "Api", None) or _first("llama_stack.apis.datatypes").Api


def remote(api, name, module, packages):
    values = dict(module=module, pip_packages=packages, config_class=module + ".Config")
    if hasattr(datatypes, "AdapterSpec"):
        adapter = datatypes.AdapterSpec(adapter_type=name, **values)
        spec = datatypes.remote_provider_spec(api=api, adapter=adapter)
        if not spec.module:
            spec.module = module
        return spec
    return datatypes.RemoteProviderSpec(api=api, provider_type="remote::" + name, adapter_type=name, **values)


def inline(api, name, module, packages):
    values = dict(module=module, pip_packages=packages, config_class=module + ".Config")
    return datatypes.InlineProviderSpec(api=api, provider_type="inline::" + name, **values)
"""

# A provider of tools: the one API that every release from 0.2.16 to ogx 1.5 has, with few methods.
IMPLEMENTATION = '''"""A provider of one tool, which answers what it is given."""

from pydantic import BaseModel


class Config(BaseModel):
    greeting: str = "hello"

    @classmethod
    def sample_run_config(cls, **_):
        return {}


class Echo:
    def __init__(self, config):
        self.config = config

    async def initialize(self):
        pass

    async def shutdown(self):
        pass

    async def register_toolgroup(self, toolgroup):
        pass

    async def unregister_toolgroup(self, toolgroup_id):
        pass

    async def list_runtime_tools(self, tool_group_id=None, mcp_endpoint=None, authorization=None):
        return {"data": []}

    async def invoke_tool(self, tool_name, kwargs, authorization=None):
        return {"content": self.config.greeting + " " + str(kwargs)}


async def get_adapter_impl(config, deps):
    return Echo(config)


async def get_provider_impl(config, deps):
    return Echo(config)
'''


def module_package(
    name: str, specs: str, version: str = "1.0", requires: tuple[str, ...] = (), **files: str
) -> Package:
    """Return a provider package whose `get_provider_spec()` returns the expression `specs`.

    The expression may use `remote(api, name, module, packages)`, `inline(...)` and `Api`.
    """
    top = name.replace("-", "_")
    provider = f"{SPEC_CLASSES}\n\ndef get_provider_spec():\n    return {specs}\n"
    contents = {f"{top}/__init__.py": "", f"{top}/impl.py": IMPLEMENTATION, f"{top}/provider.py": provider}
    contents |= {path.replace("__", "/").replace("_py", ".py"): text for path, text in files.items()}
    return Package(name, version, contents, requires, scripts=(f"{name} = {top}.impl:Config",))


def _spec(name: str, kind: str = "remote", packages: str = "[]", api: str = "tool_runtime") -> str:
    return f'{kind}(Api.{api}, "{name}", "demo_{name}.impl", {packages})'


PLAIN = Package("demo-plain", "2.0", {"demo_plain/__init__.py": "VALUE = 2\n"})
PLAIN_OLD = Package("demo-plain", "1.0", {"demo_plain/__init__.py": "VALUE = 1\n"})
LOOSE = Package("demo-loose", "1.0", {"demo_loose.py": ""}, requires=("demo-that-is-nowhere",))
NAMED = Package("demo-named", "1.0", {"demo_named.py": ""})

SINGLE = module_package("demo-single", _spec("single", packages='["demo-plain<2"]'), requires=("demo-plain",))
LIST = module_package(
    "demo-list",
    f"[{_spec('list')}, {_spec('list', 'inline', packages=repr(['demo-plain', 'demo-loose --no-deps']))}]",
)
WITHOUT_SPEC = Package("demo-without", "1.0", {"demo_without/__init__.py": "", "demo_without/provider.py": "X = 1\n"})
NO_MODULE = Package("demo-nomodule", "1.0", {"demo_nomodule/__init__.py": ""})
BROKEN = Package(
    "demo-broken",
    "1.0",
    {"demo_broken/__init__.py": "", "demo_broken/provider.py": "import a_module_that_is_nowhere\n"},
)
ENDS = Package(
    "demo-ends",
    "1.0",
    {"demo_ends/__init__.py": "", "demo_ends/provider.py": "import os\nprint('progress: forged')\nos._exit(7)\n"},
)
HANGS = Package(
    "demo-hangs", "1.0", {"demo_hangs/__init__.py": "", "demo_hangs/provider.py": "import time\ntime.sleep(1000)\n"}
)
CONTAINER = module_package(
    "demo-container",
    'type("S", (), dict(api="eval", provider_type="remote::c", module="m", config_class="m.C", api_dependencies=[],'
    ' optional_api_dependencies=[], pip_packages=[], container_image="docker.io/x/y"))()',
)
CONFLICT = module_package("demo-conflict", _spec("conflict"), requires=("llama-stack<0.2", "ogx<0.2"))
SHADOW = Package("demo-shadow", "1.0", {"llama_stack/__init__.py": "", "demo_shadow/__init__.py": ""})
STDLIB = Package("demo-stdlib", "1.0", {"typing.py": "", "demo_stdlib/__init__.py": ""})
OTHER_PYTHON = Package("demo-future", "1.0", {"demo_future.py": ""}, python=">=3.99")
OTHER_PLATFORM = Package("demo-platform", "1.0", {"demo_platform.py": ""}, tag="cp39-cp39-win_arm64")
BAD_NEED = Package("demo-bad-need", "1.0", {"demo_bad_need.py": ""}, requires=("demo-plain==7.0",))
SPECIAL_NAMED = module_package("demo-special", _spec("special", packages='["demo-named --index-url ${index.extra}"]'))
OPTIONS = module_package("demo-options", _spec("options", packages='["demo-plain --no-deps --target /opt/x"]'))

WHEELS = (
    *(PLAIN, PLAIN_OLD, LOOSE, NAMED, SINGLE, LIST, WITHOUT_SPEC, NO_MODULE, BROKEN, ENDS, HANGS, CONTAINER, CONFLICT),
    *(SHADOW, STDLIB, OTHER_PYTHON, OTHER_PLATFORM, BAD_NEED, SPECIAL_NAMED, OPTIONS),
)

SOURCE_ONLY = Package("demo-source", "1.0", {"demo_source/__init__.py": "VALUE = 3\n"})
SOURCE_FAILS = Package("demo-source-fails", "1.0", {"demo_source_fails/__init__.py": ""})

_BUILDS = """
import os, zipfile

INFO = "demo_source-1.0.dist-info"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "demo_source-1.0-py3-none-any.whl"
    metadata = open("PKG-INFO").read()
    wheel = "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in (
            ("demo_source/__init__.py", open("demo_source/__init__.py").read()),
            (INFO + "/METADATA", metadata),
            (INFO + "/WHEEL", wheel),
            (INFO + "/RECORD", ""),
        ):
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return name
"""
_FAILS = """
import sys


def build_wheel(folder, config_settings=None, metadata_directory=None):
    print("looking for a compiler")
    print("error: no compiler was found", file=sys.stderr)
    raise SystemExit(1)
"""


def all_packages(folder: Path) -> list[Path]:
    """Make every package of this module in a folder and return the files."""
    files = [make_wheel(package, folder) for package in WHEELS]
    return [*files, make_source(SOURCE_ONLY, folder, _BUILDS), make_source(SOURCE_FAILS, folder, _FAILS)]
