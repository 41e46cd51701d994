"""Provider modules that misbehave, each in one way, and what the start check has to say of each.

`server` is what the server of 0.7.3 itself does, as it was seen when it was started with such modules: it "stops" with
status 1 and a traceback; where it "ends, with status 0" a pod would pass for done; where it "hangs" it never answers.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from llamastack_contract.start_report import StartReport
from tests.conformance.releases import ENVIRONMENT, ROOT, python_of
from tests.conformance.test_start_check import STORAGE

PROVIDER = """
from llama_stack_api import Api, RemoteProviderSpec
{spec_head}
def get_provider_spec():
    {spec}
    return RemoteProviderSpec(api=Api.safety, provider_type="remote::{name}", adapter_type="{name}",
        module="{name}", config_class="{config_class}", pip_packages=[])
"""
IMPL = """
import os, sys, time, asyncio, threading, signal
from pydantic import BaseModel, ConfigDict, field_validator
{head}
class Cfg(BaseModel):
    model_config = ConfigDict(extra="allow")
    {cfg}
class Impl:
    def __init__(self, config): self.config = config
    async def initialize(self): pass
    async def run_shield(self, request): ...
    async def run_moderation(self, request): ...
    async def register_shield(self, shield): ...
    async def unregister_shield(self, identifier): ...
    {cls}
{factory}
    {body}
    return {returns}
"""
FACTORY = "async def get_adapter_impl(config, deps):"
VLLM = {"provider_id": "vllm", "provider_type": "remote::vllm", "config": {"base_url": "http://127.0.0.1:9/v1"}}


@dataclass(frozen=True)
class Case:
    """A module, and what the check says.

    Attributes:
        words: in the message of its error; None where there is none.
        server: what the server does.
        reason: of its error.
        state: of the provider.
        head, cfg, cls, body, factory, returns: parts of its implementation.
        spec_head, spec: parts of its module `provider`.
        config_module: the module of its config class, where that is another one.
        files: further files.
        config: of its entry.
        warns: in the message of its warning; None where there is none.
        alone: whether it ends or holds up the process, so that no other can be checked with it.
        hangs: whether it takes the whole deadline.
    """

    words: str | None = None
    server: str = ""
    reason: str = "InstantiationFailed"
    state: str = "Failed"
    head: str = ""
    cfg: str = "pass"
    cls: str = "pass"
    body: str = "pass"
    factory: str = FACTORY
    returns: str = "Impl(config)"
    spec_head: str = ""
    spec: str = "pass"
    config_module: str = ""
    files: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    warns: str | None = None
    alone: bool = False
    hangs: bool = False


IMPORTING = "ModuleImportFailed"
FOREVER = "while True:\n        try: await asyncio.sleep(10**9)\n        except asyncio.CancelledError: pass"
BACKGROUND = f"async def forever():\n    {FOREVER}"
GROUP = "async with asyncio.TaskGroup() as g: g.create_task(f())"
VALIDATOR = '@field_validator("api_key")\n    @classmethod\n    def v(cls, x): raise {}(f"bad key {{x}}")'
LOOK = "class P:\n    def __getattr__(self, name):\n        if name[0] == '_': raise AttributeError\n        {}"
KEYED = "api_key: str = ''\n    " + VALIDATOR

# fmt: off
CASES: dict[str, Case] = {
    # What an exception tells.
    "raises": Case("RuntimeError: no backend (raises/__init__.py:", "stops", body="raise RuntimeError('no backend')"),
    "deep": Case("KeyError: 'settings' (deep/__init__.py:", "stops", body="{}['settings']"),
    "exgroup": Case("ValueError: the real cause (exgroup/__init__.py:", "stops",
                    head="async def f(): raise ValueError('the real cause')", body=GROUP),
    "badstr": Case("E, whose text cannot be had: ValueError", "stops", body="raise E",
                   head="class E(Exception):\n    def __str__(self): raise ValueError"),
    "surrogate": Case("RuntimeError: bad", "stops", body=r"raise RuntimeError('bad \udcff\x00\x1b[2J text')"),
    "longmsg": Case("RuntimeError: AAAA", "stops", body="raise RuntimeError('A' * 10**7)"),
    "recursion": Case("RecursionError", "stops", head="def f(): return f()", body="f()"),
    "alloc_huge": Case("MemoryError", "stops", body="bytearray(10**15)"),
    "nested_import": Case("No module named 'not_installed_lib'", "stops", body="import not_installed_lib"),
    "leaks": Case("cannot log in with", "stops", body="raise RuntimeError(f'cannot log in with {config.model_dump()}')",
                  config={"api_key": "sk-canary'\"1"}),
    # What ends the server, and is no `Exception`.
    "exit_factory": Case("SystemExit: 0", "ends, with status 0", body="sys.exit(0)"),
    "kbd": Case("KeyboardInterrupt", "ends, with status 0", body="raise KeyboardInterrupt"),
    "cancelled": Case("CancelledError", "stops", body="raise asyncio.CancelledError"),
    "base_exc": Case("Boom: base", "stops", head="class Boom(BaseException): pass", body="raise Boom('base')"),
    "exit_import": Case("SystemExit: 0", "ends, with status 0", IMPORTING, head="sys.exit(0)"),
    "exit_spec": Case("get_provider_spec() failed: SystemExit: 0 (exit_spec/provider.py:", "ends, with status 0",
                      IMPORTING, spec="raise SystemExit(0)"),
    "exit_spec_import": Case("SystemExit: 0 (exit_spec_import/provider.py:", "ends, with status 0", IMPORTING,
                             spec_head="import sys; sys.exit(0)"),
    "exit_config": Case("config class", "ends, with status 0", IMPORTING, config_module="conf",
                        files={"conf.py": "raise SystemExit(0)"}),
    # What is no provider.
    "nospec": Case("has no get_provider_spec()", "stops", "SpecMissing", files={"provider.py": "x = 1\n"}),
    "syntax": Case("SyntaxError", "stops", IMPORTING, files={"__init__.py": "def (:\n"}),
    "returns_none": Case("cannot carry __provider_id__", "stops", returns="None"),
    "slots": Case("cannot carry __provider_id__", "stops", returns="S()", head="class S: __slots__ = ()"),
    "syncfac": Case("has to be async", "ends, with status 0, after a TypeError",
                    factory=FACTORY.removeprefix("async ")),
    "lacks": Case("is missing", "serves", "MissingMethod", "NonCompliant",
                  returns="Little()", head="class Little: pass"),
    "exit_look": Case("cannot be looked at", "serves", returns="P()",
                      head=LOOK.format("raise SystemExit(0)")),
    # What a config class refuses: without the value.
    "pyderr": Case("api_key: Value error, bad key", "stops", "InvalidProviderConfig", cfg=KEYED.format("ValueError"),
                   config={"api_key": "sk-canary-2"}),
    "pydexc": Case("OSError: bad key", "stops", "InvalidProviderConfig", cfg=KEYED.format("OSError"),
                   config={"api_key": "sk-canary-3"}),
    # What serves, and leaves something behind.
    "good": Case(None, "serves", state="Ready"),
    "thread": Case(None, "serves", state="Ready", body="threading.Thread(target=time.sleep, args=(10**9,)).start()"),
    "exits_atexit": Case(None, "serves", state="Ready", head="import atexit; atexit.register(lambda: os._exit(0))"),
    "hangs_atexit": Case(None, "serves", state="Ready", head="import atexit; atexit.register(time.sleep, 10**9)"),
    "chdir": Case(None, "serves", state="Ready", body="os.chdir('/'); os.environ.clear()"),
    "prints_fd": Case(None, "serves", state="Ready", body="os.write(1, b'garbage'); os.system('echo of a child')"),
    "fork": Case(None, "serves", state="Ready", body="os.fork() or time.sleep(3600)", alone=True),
    "fork_goes_on": Case(None, "hangs: both copies go on", state="Ready", body="os.fork()", alone=True),
    "prints100": Case(None, "serves", state="Ready", body="[print('x' * 999) for _ in range(100_000)]", alone=True),
    "stderr100": Case(None, "serves", state="Ready", alone=True,
                      body="[print('x' * 999, file=sys.stderr) for _ in range(100_000)]"),
    "no_stdout": Case(None, "serves", state="Ready", body="sys.stdout = sys.stderr = None", alone=True),
    "bg_task": Case(None, "hangs: it waits for the task", state="Ready", alone=True, head=BACKGROUND,
                    body="asyncio.create_task(forever())", warns="left a task running"),
    "to_thread": Case(None, "hangs: it waits for the thread, for 300 s", state="Ready", alone=True,
                      body="asyncio.get_running_loop().run_in_executor(None, time.sleep, 10**9)",
                      warns="left a thread"),
    # The loop.
    "loop_close": Case("Cannot close a running event loop", "stops", body="asyncio.get_running_loop().close()"),
    "loop_set": Case("cannot be called from a running", "stops",
                     body="asyncio.set_event_loop(None); asyncio.run(asyncio.sleep(0))"),
    "loop_stop": Case("it stopped the event loop", "stops", alone=True,
                      body="asyncio.get_running_loop().stop(); await asyncio.sleep(9)"),
    "exit_task": Case("SystemExit", "ends, with status 0", alone=True, head="async def f(): sys.exit(0)",
                      body="asyncio.create_task(f()); await asyncio.sleep(9)"),
    # What ends the process.
    "os_exit": Case("ended the process, with status 0", "ends, with status 0", body="os._exit(0)", alone=True),
    "os_exit_thread": Case("ended the process, with status 0", "ends, with status 0", alone=True,
                           body="threading.Thread(target=os._exit, args=(0,)).start(); time.sleep(9)"),
    "os_exit_import": Case("ended the process, with status 0", "ends, with status 0", IMPORTING, head="os._exit(0)",
                           alone=True),
    "os_exit_spec": Case("ended the process, with status 0", "ends, with status 0", IMPORTING, alone=True,
                         spec="import os; os._exit(0)"),
    "os_exit_config": Case("ended the process, with status 0", "ends, with status 0", IMPORTING, config_module="conf",
                           files={"conf.py": "import os; os._exit(0)"}, alone=True),
    "os_exit_look": Case("ended the process, with status 0", "serves", alone=True, returns="P()",
                         head=LOOK.format("os._exit(0)")),
    "kill_self": Case("ended by SIGTERM", "is ended", body="os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)",
                      alone=True),
    "oom": Case("ended by SIGKILL, as at a limit of memory", "is killed", alone=True,
                body="os.kill(os.getpid(), signal.SIGKILL)"),
    "segfault": Case("ended by SIGSEGV", "is killed", body="import ctypes; ctypes.string_at(0)", alone=True),
    "closes_all": Case("ended the process", "hangs", body="os.closerange(3, 999)", alone=True),
    # What does not come back.
    "hang_sync": Case("not started after", "hangs", body="time.sleep(10**9)", hangs=True),
    "hang_async": Case("not started after", "hangs", body="await asyncio.sleep(10**9)", hangs=True),
    "hang_import": Case("not started after", "hangs", IMPORTING, head="time.sleep(10**9)", hangs=True),
    "hang_spec": Case("not started after", "hangs", IMPORTING, spec="import time; time.sleep(10**9)", hangs=True),
    "hang_config": Case("not started after", "hangs", IMPORTING, config_module="conf",
                        files={"conf.py": "import time; time.sleep(10**9)"}, hangs=True),
    "stubborn": Case("not started after", "hangs", body=FOREVER, hangs=True),
    "no_signals": Case("not started after", "hangs", hangs=True,
                       body="[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(10**9)"),
    "daemon": Case("not started after", "hangs", hangs=True,
                   body="os.fork() or (os.setsid(), [os.write(1, b'x' * 4096) or time.sleep(0.001) for _ in "
                        "range(20_000)]); time.sleep(10**9)"),
}
# fmt: on


@dataclass(frozen=True)
class Seen:
    """What is seen of a check.

    Attributes:
        status: its exit status.
        message: what the pod's status gets.
        report: the whole report.
        log: its standard error.
    """

    status: int
    message: StartReport
    report: dict[str, Any]
    log: str

    @property
    def warnings(self) -> list[str]:
        """Return the messages of warnings."""
        return [one["message"] for one in self.report["findings"] if one["severity"] == "warning"]

    def errors(self, provider: str) -> list[tuple[str, str]]:
        """Return reason and message of each error of a provider."""
        found = [one for one in self.report["findings"] if one.get("provider") == provider]
        return [(one["reason"], one["message"]) for one in found if one["severity"] == "error"]

    @property
    def states(self) -> dict[str, str]:
        """State by provider."""
        return {one["id"]: one["state"] for one in self.report["providers"]}


def write_module(folder: Path, name: str, case: Case) -> None:
    """Write the package of a case."""
    package = folder / name
    package.mkdir(parents=True)
    config_class = f"{name}.{case.config_module}.Cfg" if case.config_module else f"{name}.Cfg"
    values = {key: value for key, value in vars(case).items() if isinstance(value, str)}
    (package / "__init__.py").write_text(IMPL.format(**values))
    (package / "provider.py").write_text(PROVIDER.format(name=name, config_class=config_class, **values))
    for file, text in case.files.items():
        (package / file).write_text(text)


def write_config(home: Path, cases: dict[str, Case]) -> None:
    """Write modules and the config that names them, behind a provider that is in order."""
    for name, case in cases.items():
        write_module(home / "modules", name, case)
    entries = [
        {"provider_id": name, "provider_type": f"remote::{name}", "module": name, "config": case.config}
        for name, case in cases.items()
    ]
    raw = {"version": 2, "image_name": "x", "providers": {"inference": [VLLM], "safety": entries}}
    raw |= yaml.safe_load(STORAGE.replace("HOME", str(home)))
    (home / "run.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))


def check(home: Path, *options: str, folders: tuple[Path, ...] = (), variables: dict[str, str] | None = None) -> Seen:
    """Check `run.yaml` of a home beside its modules, with 0.7.3.

    Args:
        home: where everything is.
        options: further options of the check.
        folders: that come before all others on the path.
        variables: further variables.
    """
    command = [str(python_of("0.7.3")), "-W", "ignore", "-m", "llamastack_resolver", "start-check"]
    files = ["--config", "run.yaml", "--termination-log", "log", "--report", "report.json"]
    path = os.pathsep.join(map(str, [*folders, ROOT / "operator", home / "modules"]))
    done = subprocess.run(
        [*command, *files, *options],
        env={**ENVIRONMENT, "HOME": str(home), "PYTHONPATH": path, **(variables or {})},
        cwd=home,
        capture_output=True,
        check=False,
    )
    log = done.stderr.decode("utf-8", "replace")
    assert (home / "log").exists(), log[-2000:]
    message = StartReport.parse((home / "log").read_text("utf-8"))
    assert message is not None
    return Seen(done.returncode, message, json.loads((home / "report.json").read_text()), log)
