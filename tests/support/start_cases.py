"""What can be wrong with a provider of one's own when it is started, and what is told of each: one table.

The same packages and the same expectations are for the check in a real environment with the planner behind it
(`tests/conformance/test_start_cases.py`), and for real pods (`tests/e2e/test_start_table_on_node.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import yaml

from llamastack_resolver.releases import Release
from tests.packages.build import Package
from tests.packages.tools import PROTOCOL, tools_package
from tests.packages.weather import weather_package

By = Literal["directory", "module", "api"]
Conditions = Mapping[str, tuple[str, str]]
ID, TYPE = "mine", "remote::mine"
RELEASES = ("0.2.23", "0.7.3", "ogx-1.5.0")


@dataclass(frozen=True)
class Told:
    """What is told of a case.

    Attributes:
        reason: of its finding, and of the Event; empty where nothing is found.
        words: in the message.
        row: state of the provider.
        conditions: status and reason of conditions, beside Ready, Stalled and Available.
        stops: whether the server is kept from starting.
        lasts: whether only an edit can mend it.
    """

    reason: str = ""
    words: str = ""
    row: str = "Failed"
    conditions: Conditions = field(default_factory=dict)
    stops: bool = True
    lasts: bool = True


@dataclass(frozen=True)
class StartCase:
    """A provider, and what is told of it.

    Attributes:
        told: what.
        package: what differs in its package.
        by: how the stack gets to it: by a file of `external_providers_dir`, by such a file for an API of its own, or by
            `module:`.
        module: its module, where that is not the package's.
        unlike: what is told by a release, where that is something else.
        hangs: whether it takes the whole deadline.
    """

    told: Told
    package: Mapping[str, str] = field(default_factory=dict)
    by: By = "directory"
    module: str = ""
    unlike: Mapping[str, Told] = field(default_factory=dict)
    hangs: bool = False

    def told_by(self, release: str) -> Told:
        """Return what is told where a release runs."""
        return self.unlike.get(release, self.told)

    @property
    def api(self) -> str:
        """The API of the provider."""
        return "weather" if self.by == "api" else "tool_runtime"


COMPLIANT = {"ProtocolCompliant": ("True", "Compliant"), "ProvidersResolved": ("True", "Resolved")}
_RIGHT = Told("", "", "Ready", COMPLIANT, stops=False)
_NOT_KNOWN = {"ProtocolCompliant": ("Unknown", "NotChecked")}
_NOT_STARTED = Told("InstantiationFailed", "", conditions=_NOT_KNOWN, lasts=False)


def _failing(reason: str, words: str, condition: str = "ProvidersResolved", **more: Any) -> Told:
    return Told(reason, words, conditions={**_NOT_KNOWN, condition: ("False", reason)}, **more)


def _against_protocol(reason: str, words: str, stops: bool = True) -> Told:
    conditions = {"ProtocolCompliant": ("False", reason)}
    if not stops:
        conditions["ProvidersResolved"] = ("True", "Resolved")
    return Told(reason, words, "NonCompliant" if stops else "Ready", conditions, stops)


def _starting(words: str, body: str, **more: Any) -> StartCase:
    return StartCase(replace(_NOT_STARTED, words=words), {"body": body}, **more)


_OTHER_ARGUMENTS = _against_protocol("SignatureMismatch", "kwargs", stops=False)
CASES = {
    "it is right": StartCase(_RIGHT),
    "its author warns": StartCase(
        Told(
            "ProviderDeprecated",
            "use another one",
            "Deprecated",
            {**COMPLIANT, "Deprecated": ("True", "ProviderDeprecated")},
            stops=False,
        ),
        {"spec": "spec.deprecation_warning = 'use another one'"},
        "module",
    ),
    "its author refuses": StartCase(
        Told(
            "ProviderDeprecationError",
            "it is gone",
            conditions={
                "Deprecated": ("True", "ProviderDeprecationError"),
                "ProvidersResolved": ("False", "ProviderDeprecationError"),
            },
        ),
        {"spec": "spec.deprecation_error = 'it is gone'"},
        "module",
    ),
    "its module is of another type": StartCase(
        Told("SpecMismatch", "remote::yours", conditions={"ProvidersResolved": ("False", "SpecMismatch")}),
        {"adapter": "yours"},
        "module",
    ),
    "it lacks a method": StartCase(
        _against_protocol("MissingMethod", "Tools.invoke_tool is missing"), {"invoke": "pass"}
    ),
    "a method is a value": StartCase(
        _against_protocol("MissingMethod", "Tools.invoke_tool is not callable"), {"invoke": "invoke_tool = 'a value'"}
    ),
    "a method is only declared": StartCase(
        _against_protocol("NotImplemented", "Tools.invoke_tool is only declared by the protocol"),
        {"head": PROTOCOL, "bases": "(protocol())", "invoke": "pass"},
    ),
    "a method takes other arguments": StartCase(
        _OTHER_ARGUMENTS,
        {"invoke": "async def invoke_tool(self, tool_name): return {}"},
        # Its server refuses by itself what later ones start with.
        unlike={"0.2.23": _against_protocol("SignatureMismatch", "kwargs")},
    ),
    "a method is not async": StartCase(
        _against_protocol("SignatureMismatch", "Tools.invoke_tool is not async", stops=False),
        {"invoke": "def invoke_tool(self, tool_name, kwargs, authorization=None): return {}"},
    ),
    "its factory raises": _starting("RuntimeError: no backend", "raise RuntimeError('no backend')"),
    "its factory is not async": StartCase(replace(_NOT_STARTED, words="has to be async"), {"factory": "def"}),
    "its factory ends the process": _starting("ended the process, with status 0", "os._exit(0)"),
    "its factory waits for ever": _starting("not started after", "await asyncio.sleep(10**9)", hangs=True),
    "its factory blocks": _starting("not started after", "time.sleep(10**9)", hangs=True),
    "its factory leaves a thread": StartCase(
        _RIGHT, {"body": "threading.Thread(target=time.sleep, args=(10**9,)).start()"}
    ),
    "a package that it needs is not there": StartCase(
        _failing("ModuleImportFailed", "No module named 'not_installed'"), {"head": "import not_installed"}
    ),
    "its config class refuses": StartCase(
        _failing("InvalidProviderConfig", "`token` is required", "ConfigValid"), {"config": "token: str"}
    ),
    "its file names a module that is not there": StartCase(
        _failing("ModuleImportFailed", "No module named 'not_here'"), module="not_here"
    ),
    "it is right, for an API of its own": StartCase(
        _RIGHT, {"invoke": "async def locations(self): return {'locations': ['Paris']}"}, "api"
    ),
    "it lacks a method of an API of its own": StartCase(
        _against_protocol("MissingMethod", "Tools.locations is missing"), by="api"
    ),
}


def packages(release: str, modules: bool = True) -> list[Package]:
    """Return the package of each case, and that of the API.

    Args:
        release: what they are for.
        modules: with those that a stack names by `module:`, which the operator installs.
    """
    cases = {name: case for name, case in CASES.items() if modules or case.by != "module"}
    made = [tools_package(_package_of(name), **case.package) for name, case in cases.items()]
    return [*made, weather_package(Release.parse(release))]


def run_config(name: str, release: str, home: str) -> dict[str, Any]:
    """Return the run config of a case: of the one provider, and with what the release needs beside it.

    Args:
        name: the case.
        release: the release that reads it.
        home: the folder of the server's state.
    """
    case, number = CASES[name], Release.parse(release)
    entry = {"provider_id": ID, "provider_type": TYPE, "config": {}}
    module = {"module": f"{_import_name(name)}==1.0"} if case.by == "module" else {}
    return {
        "version": 2,
        "distro_name" if number.since("0.5.0") else "image_name": "start",
        "apis": [case.api],
        "providers": {case.api: [{**entry, **module}]},
        **({"storage": storage(home)} if number.since("0.3.0") else {}),
    }


def files(name: str) -> dict[str, str]:
    """Return the files of a case by their path, as they lie below `external_providers_dir` and `external_apis_dir`."""
    case = CASES[name]
    if case.by == "module":
        return {}
    module = case.module or _import_name(name)
    spec = {"adapter_type": ID, "module": module, "config_class": f"{module}.Config", "pip_packages": []}
    found = {f"providers.d/remote/{case.api}/{ID}.yaml": yaml.safe_dump(spec)}
    if case.by == "api":
        weather = {"name": "weather", "module": "weather_api", "protocol": "Weather", "pip_packages": []}
        found["apis.d/weather.yaml"] = yaml.safe_dump(weather)
    return found


def _package_of(name: str) -> str:
    words = ("".join(letter for letter in word if letter.isalpha()) for word in name.lower().split())
    return f"start-case-{'-'.join(words)}"


def _import_name(name: str) -> str:
    return _package_of(name).replace("-", "_")


def storage(home: str) -> dict[str, Any]:
    kinds = {"kv_default": "kv", "sql_default": "sql"}
    stores = {
        "metadata": {"namespace": "registry", "backend": "kv_default"},
        "inference": {"table_name": "inference_store", "backend": "sql_default"},
        "conversations": {"table_name": "conversations", "backend": "sql_default"},
        "prompts": {"namespace": "prompts", "backend": "kv_default"},
    }
    backends = {name: {"type": f"{kind}_sqlite", "db_path": f"{home}/{kind}.db"} for name, kind in kinds.items()}
    return {"backends": backends, "stores": stores}
