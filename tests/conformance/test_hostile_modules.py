"""Whatever a provider's module does, the start check ends in time, with a report that names it.

Real modules, each written here, with a real release. What can be caught is checked in one run as well: then each of
them is told, and the others are checked all the same.
"""

from pathlib import Path

import pytest

from tests.conformance.hostile_modules import CASES, Case, check, write_config
from tests.matrix import EVERYTHING, full_matrix

TOGETHER = {name: case for name, case in CASES.items() if not case.alone and not case.hangs}
REPRESENTATIVE = ("os_exit", "os_exit_import", "oom", "prints100", "hang_sync")
ALONE = CASES.keys() if EVERYTHING else REPRESENTATIVE
DEADLINE = "20"
"""Seconds in which a release is imported, on a machine that does other things too."""


def told(name: str, case: Case, errors: list[tuple[str, str]], state: str | None) -> None:
    assert state == case.state
    if case.words is None:
        assert errors == []
        return
    assert errors
    assert {reason for reason, _ in errors} == {case.reason}
    assert case.words in errors[0][1]


def test_each_of_many_that_fail_is_told_with_its_cause_and_the_others_are_started(tmp_path: Path):
    write_config(tmp_path, TOGETHER)

    seen = check(tmp_path, "--deadline", "120")

    assert (seen.status, seen.message.verdict, seen.message.release) == (1, "Failed", "0.7.3")
    for name, case in TOGETHER.items():
        told(name, case, seen.errors(name), seen.states.get(name))
    assert seen.states["vllm"] == "Ready"
    assert seen.message.total == len(TOGETHER) + 1
    assert seen.message.findings
    assert {finding.severity for finding in seen.message.findings} == {"error"}
    everything = (tmp_path / "log").read_text() + (tmp_path / "report.json").read_text() + seen.log
    assert "canary" not in everything
    assert "\x1b" not in everything
    assert "in f\n" in seen.log, "the tracebacks are in the log"


@pytest.mark.parametrize("name", ALONE)
def test_a_report_names_what_ended_or_held_up_the_check(name: str, tmp_path: Path):
    case = CASES[name]
    write_config(tmp_path, {name: case})

    seen = check(tmp_path, "--deadline", DEADLINE if case.hangs else "120")

    failed = case.words is not None
    assert (seen.status, seen.message.verdict) == ((1, "Failed") if failed else (0, "Passed"))
    told(name, case, seen.errors(name), seen.states.get(name))
    assert [case.warns in message for message in seen.warnings] == ([True] if case.warns else [])
    assert len((tmp_path / "log").read_bytes()) <= 2048
    assert len(seen.log) < 1024 * 1024 + 100_000


BREAK = """
import importlib.abc, importlib.machinery, os, sys
home, _, name = os.environ["BREAK"].partition(":")
class Loader(importlib.abc.Loader):
    def __init__(self, real): self.real = real
    def create_module(self, spec): return self.real.create_module(spec)
    def exec_module(self, module):
        self.real.exec_module(module)
        # As if it stood there: what is raised comes from that module.
        exec("def broken(*args, **kwargs): raise RuntimeError('a fault of our own')", module.__dict__)
        owner = module
        for part in name.split(".")[:-1]: owner = getattr(owner, part)
        setattr(owner, name.split(".")[-1], module.broken)
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, wanted, path, target=None):
        if wanted != home: return None
        spec = importlib.machinery.PathFinder.find_spec(wanted, path, target)
        spec.loader = Loader(spec.loader)
        return spec
sys.meta_path.insert(0, Finder())
"""
POINTS = (
    "llamastack_resolver.start.instantiate:report_compliance",
    "llamastack_resolver.start.check:resolve",
    "llamastack_resolver.start.child:encode",
    "llamastack_resolver.start.options:parse",
    "llamastack_resolver.start.check:start_check",
    "llamastack_resolver.start.check:secret_values",
    "llamastack_resolver.start.check:find_layout",
    "llamastack_resolver.start.check:installed_knowledge",
    "llamastack_resolver.start.check:files_of_server",
    "llamastack_resolver.start.check:make_runtime",
    "llamastack_resolver.start.check:internal_impls",
    "llamastack_resolver.start.check:instantiate_providers",
    "llamastack_resolver.start.check:server_config",
    "llamastack_resolver.start.check:StartReport.to_dict",
    "llamastack_resolver.start.instantiate:step_of",
    "llamastack_resolver.start.instantiate:make_config",
    "llamastack_resolver.start.instantiate:_mark",
    "llamastack_resolver.start.compliance:check_protocol_compliance",
    "llamastack_resolver.installed.release:import_names",
    "llamastack_resolver.installed.release:describe_spec",
    "llamastack_resolver.introspection.release:describe_protocol",
    "llamastack_resolver.providers.config:missing_stores",
    "llamastack_resolver.redact:Redactor.clean",
    "llamastack_resolver.watching:watched_by",
    "llamastack_resolver.start.parent:report_of",
    "llamastack_resolver.start.process:command",
)


@pytest.mark.parametrize("point", POINTS if EVERYTHING else POINTS[:3])
def test_a_fault_of_the_check_itself_keeps_no_server_from_starting(point: str, tmp_path: Path):
    """The faults are made: it has none that are known."""
    (tmp_path / "break").mkdir()
    (tmp_path / "break/sitecustomize.py").write_text(BREAK)
    write_config(tmp_path, {"good": CASES["good"]})

    seen = check(tmp_path, folders=(tmp_path / "break",), variables={"BREAK": point})

    assert (seen.status, seen.message.verdict) == (0, "CheckFailed")
    assert seen.message.message


@full_matrix
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("yaml.py", "raise ImportError('no yaml here')"),
        ("yaml.py", "__version__ = '3.0'"),
        ("pydantic.py", "VERSION = '1.10'"),
    ],
)
def test_packages_that_are_too_old_for_the_check_keep_no_server_from_starting(name: str, text: str, tmp_path: Path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / name).write_text(text)
    write_config(tmp_path, {"good": CASES["good"]})

    seen = check(tmp_path, folders=(tmp_path / "old",))

    assert (seen.status, seen.message.verdict) == (0, "CheckFailed")
    assert Path(name).stem in seen.message.message


def test_secrets_are_in_no_report_and_no_traceback_in_whatever_form(tmp_path: Path):
    """Each from another source: a Secret's variable, one whose name says so, the config, and an address."""
    body = "raise RuntimeError(f'{dict(os.environ)} {config!r} ' + ' '.join(os.environ.values()))"
    config = {"api_key": "canary-1'x", "url": "http://u:canary-2@db", "pin": "${env.PIN}", "auth": "${env.AUTH}"}
    variables = {"AUTH": 'canary-3"\\x', "DB_PASSWORD": "canary  4", "PIN": "0012345678", "PEM": "x\ncanary-5\ny"}
    variables |= {"SOMETHING": "canary-6x", "TOKENIZERS_PARALLELISM": "true", "MODEL": "a-model"}
    write_config(tmp_path, {"leaks": Case("", body=body, config=config)})
    options = ["--secret", "AUTH", "--secret", "PIN", "--secret=PEM", "--others-secret"]

    seen = check(tmp_path, *options, "--public", "MODEL", "--public", "TOKENIZERS_PARALLELISM", variables=variables)

    everything = (tmp_path / "log").read_text() + (tmp_path / "report.json").read_text() + seen.log
    assert (seen.status, seen.message.verdict) == (1, "Failed")
    assert "canary" not in everything
    assert "12345678" not in everything
    assert "'TOKENIZERS_PARALLELISM': 'true'" in everything
    assert "'MODEL': 'a-model'" in everything
