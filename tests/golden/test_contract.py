"""What the parties of a build say to each other: the bytes that writers write, and what readers make of them.

`contract/before/` has the same documents as commit 925b719 wrote them, with its own code; a cluster that is upgraded
has them, so they are read for good.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import llamastack_installer
from llamastack_contract.build_json import BaseImage, BuildJson, PipSettings, Registries
from llamastack_contract.layer import Layer
from llamastack_contract.limits import MESSAGE_BYTES
from llamastack_contract.lock import Locked, stored_lock
from llamastack_contract.message import FailureMessage, PushedLayer, PushMessage
from llamastack_contract.printed import lines_of
from llamastack_contract.progress import newest_progress, progress_line
from llamastack_contract.record import Distribution, Module, Provider, Record
from llamastack_contract.start_report import ReportedFinding, ReportedProvider, StartReport
from llamastack_installer.facts import Facts
from llamastack_installer.failure import FailureError
from llamastack_installer.inputs import read_build
from llamastack_installer.record import write_record
from llamastack_installer.specs import Modules
from llamastack_operator.images.append.inputs import read_inputs
from llamastack_operator.images.append.record import read_record
from llamastack_operator.images.append.run_locally import Workbench, write_build
from llamastack_operator.images.failure import BuildError
from llamastack_operator.objects.builds import BuildRecord, build_from
from llamastack_operator.planning.build.result import parse_message, parse_record
from llamastack_operator.planning.image.inputs import inputs_of
from llamastack_operator.planning.install.key import BuildInputs, build_key
from llamastack_operator.workloads.build_inputs import inputs_text
from llamastack_operator.workloads.settings import ImageSettings
from tests.golden.files import check

FOLDER = Path(__file__).parent / "contract"
BEFORE = FOLDER / "before"
REPOSITORY = "registry.example/team/bot"
BASE, IMAGE, LOWER, UPPER, EARLIER = (f"sha256:{digit * 64}" for digit in "12345")

DIRECT = Locked(
    "direct", "2.0", "direct-2.0-py3-none-any.whl", "b" * 64, None, "https://files.example/direct-2.0-py3-none-any.whl"
)
GREETER = Locked("greeter", "1.0+local", "greeter-1.0+local-py3-none-any.whl", "a" * 64)
TORCH = Locked("torch", "2.5", "torch-2.5-cp312-cp312-linux_x86_64.whl", "c" * 64, "pytorch-cpu")
LOCK = (DIRECT, GREETER, TORCH)
MODULE = Module("greeter==1.0", "greeter", "1.0+local", "greeter_provider", (Provider("safety", "remote::greeter"),))
RECORD = Record(
    "modules",
    "3.12",
    LOCK,
    (Distribution("greeter", "1.0+local", "MIT"), Distribution("torch", "2.5")),
    (Distribution("llama_stack", "0.7.3"), Distribution("pydantic", "2.11.1")),
    (MODULE,),
)
STACK_LAYER = Layer(
    "stack",
    ("llama-stack==0.7.3", "fastapi"),
    (("torch", "--index-url", "${index.pytorch-cpu}"),),
    constraints=("numpy==2.1",),
)
MODULES_LAYER = Layer("modules", ("greeter==1.0",), modules=("greeter==1.0",), constraints=("numpy<3",))
PIP = PipSettings(("https://index.example/simple",), True, {"pytorch-cpu": "https://index.example/cpu"})
SETTINGS = ImageSettings(
    operator="registry.example/operator:1",
    mirrors=(("docker.io", "mirror.example"),),
    addresses=(("localhost:5001", "registry:5000"),),
    insecure=("registry:5000",),
    named_indexes=tuple(PIP.named.items()),
)
INPUTS = BuildInputs(
    "docker.io/library/python:3.12", MODULES_LAYER, (STACK_LAYER,), PIP, platform="linux/amd64", refresh="2026"
)


def text(path: Path) -> str:
    return path.read_text("utf-8")


def stored_build() -> BuildRecord:
    """Return the LlamaStackBuild whose spec commit 925b719 wrote."""
    metadata = {"namespace": "t", "name": "modules-a", "uid": "u", "resourceVersion": "1"}
    spec = json.loads(text(BEFORE / "build-spec.json"))
    return build_from({"metadata": metadata, "spec": spec, "status": {"baseDigest": BASE}})


def expected_build(spec: dict[str, Any]) -> BuildJson:
    return BuildJson(
        key=spec["key"],
        image_key=spec["inputs"]["imageKey"],
        strategy="Start",
        base=BaseImage("docker.io/library/python:3.12", BASE),
        layer=Layer("modules", ("greeter==1.0",), modules=("greeter==1.0",), constraints=("numpy<3",), lock=LOCK),
        earlier=(Layer("stack", STACK_LAYER.requirements, STACK_LAYER.special, (), ("numpy==2.1",), (TORCH,)),),
        pip=PIP,
        repository=REPOSITORY,
        before=EARLIER,
        platform="linux/amd64",
        labels={},
        registries=Registries({"docker.io": "mirror.example"}, {"localhost:5001": "registry:5000"}, ("registry:5000",)),
    )


class TestBuildJson:
    def test_is_what_the_operator_writes(self) -> None:
        owner = stored_build()
        below = Layer("stack", STACK_LAYER.requirements, STACK_LAYER.special, (), ("numpy==2.1",), (TORCH,))
        written = inputs_text(owner, SETTINGS, [below], LOCK, EARLIER)
        check(FOLDER / "build.json", written)
        assert written == text(BEFORE / "build.json"), "other bytes than those of 925b719"

    def test_is_what_the_command_line_writes(self, tmp_path: Path) -> None:
        place = Workbench(tmp_path, REPOSITORY, {"llamastack.dev/release": "llama-stack-0.7.3"}, ["registry:5000"])
        write_build(place, BuildInputs("base:1", MODULES_LAYER, pip=PipSettings(("https://index.example/simple",))))
        written = text(tmp_path / "build.json")
        check(FOLDER / "local-build.json", written)
        assert json.loads(written).keys() == json.loads(text(FOLDER / "build.json")).keys()

    @pytest.mark.parametrize("folder", [FOLDER, BEFORE])
    def test_is_what_its_readers_read(self, folder: Path) -> None:
        expected = expected_build(json.loads(text(BEFORE / "build-spec.json")))
        assert read_build(folder / "build.json") == expected
        inputs = read_inputs(folder / "build.json")
        assert inputs.to_dict() == expected.to_dict()
        assert inputs.written_key == expected.image_key
        assert inputs.endpoints.addresses == {"localhost:5001": "registry:5000"}

    @pytest.mark.parametrize("folder", [FOLDER, BEFORE])
    def test_of_the_command_line_is_read_with_and_without_what_is_new(self, folder: Path) -> None:
        inputs = read_inputs(folder / "local-build.json")
        assert read_build(folder / "local-build.json").layer == MODULES_LAYER
        assert (inputs.written_key, inputs.before, inputs.registries.insecure) == (inputs.key, None, ("registry:5000",))

    def test_of_a_stored_build_has_the_key_that_it_had(self) -> None:
        owner = stored_build()
        assert inputs_of(owner) == INPUTS
        assert build_key(inputs_of(owner)) == owner.inputs_key


class TestRecord:
    def test_is_what_the_installer_writes(self, tmp_path: Path) -> None:
        packages = tmp_path / "packages"
        for one in RECORD.installed:
            folder = packages / f"{one.name}-{one.version}.dist-info"
            folder.mkdir(parents=True)
            lines = [f"Name: {one.name}", f"Version: {one.version}"]
            lines += [f"License-Expression: {one.license}"] if one.license else []
            (folder / "METADATA").write_text("".join(f"{line}\n" for line in lines))
        base = Facts(Path("p"), Path("p"), "3.12", (), RECORD.base)
        layer = Layer("modules", root=str(tmp_path))
        write_record(layer, packages, base, reversed(LOCK), Modules((MODULE,)))
        written = text(tmp_path / "llamastack.json")
        check(FOLDER / "llamastack.json", written)
        assert written == text(BEFORE / "llamastack.json"), "other bytes than those of 925b719"

    @pytest.mark.parametrize("folder", [FOLDER, BEFORE])
    def test_is_what_push_reads(self, folder: Path) -> None:
        assert read_record(folder) == RECORD

    def test_is_printed_by_push(self) -> None:
        """What lies between the marks depends on the zlib that compresses, what stands on them does not."""
        begin, *packed, end = lines_of(RECORD.content())
        golden = text(FOLDER / "push.log").splitlines()
        assert (begin, end) == (golden[0], golden[-1])
        assert parse_record("\n".join([begin, *packed, end, ""]), begin.split()[1]) == RECORD

    @pytest.mark.parametrize("folder", [FOLDER, BEFORE])
    def test_is_found_in_the_log_by_the_operator(self, folder: Path) -> None:
        message = parse_message(text(folder / "push-message.json"), REPOSITORY)
        assert parse_record(text(folder / "push.log"), message.record) == RECORD

    def test_leaves_the_lock_in_the_status_as_it_was(self) -> None:
        before = json.loads(text(BEFORE / "status-lock.json"))
        assert stored_lock(before) == LOCK
        assert [entry.to_text() for entry in LOCK] == before


class TestMessages:
    def test_of_push_are_what_it_writes(self) -> None:
        record = json.loads(text(BEFORE / "push-message.json"))["record"]
        layers = (PushedLayer(LOWER, 30), PushedLayer(UPPER, 40))
        image = f"{REPOSITORY}@{IMAGE}"
        message = PushMessage(BASE, "linux/amd64", record, IMAGE, image, layers, 70, 1000)
        assert message.to_text() == text(BEFORE / "push-message.json"), "other bytes than those of 925b719"
        digest = lines_of(RECORD.content())[0].split()[1]
        check(FOLDER / "push-message.json", replace(message, record=digest).to_text())
        assert PushMessage(BASE, "linux/amd64", record).to_text() == text(BEFORE / "start-message.json")

    def test_of_push_are_what_the_operator_reads(self) -> None:
        for folder in (FOLDER, BEFORE):
            message = parse_message(text(folder / "push-message.json"), REPOSITORY)
            assert (message.base, message.digest, message.pushed, message.total) == (BASE, IMAGE, 70, 1000)
        assert parse_message(text(BEFORE / "start-message.json"), None).base == BASE

    def test_of_failures_are_what_programs_write(self) -> None:
        denied = BuildError("PushDenied", f"{REPOSITORY}: 403 DENIED", "look at the rights of the account")
        check(FOLDER / "push-failure.json", denied.last_words("push").to_text())
        conflict = FailureError(
            "RequirementConflict",
            "a requires b<1; the base image has b 2",
            "use versions that go together",
            tail=["a 1 depends on b<1"],
        )
        check(FOLDER / "install-failure.json", conflict.last_words().to_text())
        for name in ("push-failure.json", "install-failure.json"):
            assert text(FOLDER / name) == text(BEFORE / name), "other bytes than those of 925b719"

    def test_of_failures_name_the_module_where_one_is_concerned(self) -> None:
        """The one optional member: the programs of an older operator do not say it, and it is read without."""
        failure = FailureError("SpecMissing", "greeter.provider has no get_provider_spec()", concerns=["greeter"])
        check(FOLDER / "install-failure-of-a-module.json", failure.last_words().to_text())
        read = FailureMessage.parse(text(FOLDER / "install-failure-of-a-module.json"))
        before = FailureMessage.parse(text(BEFORE / "install-failure.json"))
        assert read is not None
        assert before is not None
        assert (read.concerns, before.concerns) == (("greeter",), ())

    @pytest.mark.parametrize("folder", [FOLDER, BEFORE])
    def test_of_failures_are_what_the_operator_reads(self, folder: Path) -> None:
        denied = FailureMessage.parse(text(folder / "push-failure.json"))
        assert denied is not None
        assert (denied.reason, denied.step, denied.hint) == ("PushDenied", "push", "look at the rights of the account")
        conflict = FailureMessage.parse(text(folder / "install-failure.json"))
        assert conflict is not None
        assert (conflict.reason, conflict.step, conflict.tail) == (
            "RequirementConflict",
            "install",
            ("a 1 depends on b<1",),
        )

    @pytest.mark.parametrize("name", ["push-failure-cut.json", "install-failure-cut.json"])
    def test_of_failures_that_were_cut_are_read(self, name: str) -> None:
        content = (BEFORE / name).read_bytes()
        failure = FailureMessage.parse(content)
        assert len(content) <= MESSAGE_BYTES
        assert failure is not None
        assert failure.message.endswith(("…", "..."))

    def test_of_an_interpreter_that_is_too_old_have_the_same_shape(self, tmp_path: Path) -> None:
        """An old Python cannot import the shape, so that message is written by hand."""
        log = tmp_path / "log"
        program = "import sys; sys.version_info = (3, 9, 0); from llamastack_installer.__main__ import run; run()"
        command = [sys.executable, "-c", program, "build.json", "--termination-log", str(log)]
        home = str(Path(llamastack_installer.__file__ or "").parents[1])
        assert subprocess.run(command, check=False, env={"PYTHONPATH": home}, capture_output=True).returncode == 1
        failure = FailureMessage.parse(text(log))
        assert failure is not None
        assert json.loads(failure.to_text()) == json.loads(text(log))


def test_progress_is_read_as_it_is_printed() -> None:
    lines = [progress_line(words) for words in ("packing", "pushing 1 of 4")]
    check(FOLDER / "progress.txt", "".join(f"{line}\n" for line in lines))
    assert newest_progress(text(FOLDER / "progress.txt")) == "pushing 1 of 4"
    assert newest_progress(text(BEFORE / "push.log")) == "pushing 1 of 4"


def test_a_report_of_a_start_is_read_as_it_is_written() -> None:
    hint = "use a version of the package that is made for this release"
    report = StartReport.of(
        "Failed",
        "0.7.3",
        (
            ReportedFinding("error", "MissingMethod", "providers.safety[0]", "no run_shield()", hint, "safety", "fms"),
            ReportedFinding("warning", "ProviderDeprecated", "providers.inference[0]", "remote::old goes"),
        ),
        (
            ReportedProvider("safety", "fms", "remote::fms", "NonCompliant", "0.4.0"),
            ReportedProvider("inference", "old", "remote::old", "Ready"),
        ),
    )
    report = replace(report, specs="0123456789abcdef")
    check(FOLDER / "start-report.txt", report.to_text() + "\n")
    assert StartReport.parse(text(FOLDER / "start-report.txt")) == report


def test_a_report_of_a_pod_that_was_made_before_specs_were_told_is_read() -> None:
    read = StartReport.parse(text(FOLDER / "start-report-without-specs.txt"))
    newer = StartReport.parse(text(FOLDER / "start-report.txt"))
    assert newer is not None
    assert read == replace(newer, specs="")
