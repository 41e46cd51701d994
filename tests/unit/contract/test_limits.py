"""What is at a limit is handed on from end to end, and what exceeds it is told by whoever notices first."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llamastack_contract.build_json import BaseImage, BuildJson, text_of
from llamastack_contract.layer import Layer
from llamastack_contract.limits import (
    HINT_CHARACTERS,
    LOCK_BYTES,
    LOCK_FILES,
    LOG_BYTES,
    MESSAGE_BYTES,
    MESSAGE_CHARACTERS,
    MODULES,
    MODULES_BYTES,
    PACKAGES,
    PROVIDERS,
    RECORD_BYTES,
    TAIL_CHARACTERS,
    TAIL_LINES,
)
from llamastack_contract.lock import URL_LIMIT, Locked, read_lock
from llamastack_contract.message import FailureMessage, PushMessage
from llamastack_contract.printed import digest_of, lines_of
from llamastack_contract.record import Distribution, Module, Provider, Record
from llamastack_contract.shape import LINE_LIMIT, LimitError
from llamastack_installer.facts import Facts
from llamastack_installer.failure import FailureError
from llamastack_installer.record import write_record
from llamastack_installer.specs import Modules
from llamastack_operator.api.conditions import MESSAGE_LIMIT
from llamastack_operator.api.llamastackbuild import TAIL_LIMIT, LlamaStackBuildStatus
from llamastack_operator.images.append.record import read_record
from llamastack_operator.images.failure import BuildError
from llamastack_operator.objects.build_status import BuildStatus
from llamastack_operator.planning.build.result import parse_record
from llamastack_operator.planning.build.status import collected
from llamastack_operator.planning.install.install_plan import install_plan
from llamastack_resolver.releases import Release
from tests.support.build_attempts import build, last_words
from tests.support.records import RECORD

CONFIG_MAP = 1 << 20
ETCD = 3 << 19
SMALL = Record.from_dict(RECORD)
MODULE = SMALL.modules[0]


def lock(count: int) -> tuple[Locked, ...]:
    return tuple(Locked(f"p{n}", "1", f"p{n}-1-py3-none-any.whl", "0" * 64) for n in range(count))


def distributions(count: int) -> tuple[Distribution, ...]:
    return tuple(Distribution(f"p{n}", "1") for n in range(count))


def lock_of_bytes(size: int) -> tuple[Locked, ...]:
    """Return a lock whose entries take so many bytes as a LlamaStackBuild holds them."""
    entries = list(lock(LOCK_FILES))
    left = size - sum(len(entry.to_text()) for entry in entries)
    for number, entry in enumerate(entries):
        # An address takes the place of `null`, and its own quotes.
        longer = min(max(left, 0), URL_LIMIT - 20)
        if longer > 20:
            entries[number] = replace(entry, url="https://files.example/".ljust(longer + 2, "x"))
            left -= len(entries[number].to_text()) - len(entry.to_text())
    assert sum(len(entry.to_text()) for entry in entries) == size
    return tuple(entries)


def modules_of_bytes(size: int) -> tuple[Module, ...]:
    """Return modules whose JSON takes so many bytes together."""
    modules = [replace(MODULE, requirement=f"m{n}") for n in range(MODULES)]
    left = size - sum(len(json.dumps(module.to_dict())) for module in modules)
    for number, module in enumerate(modules):
        here = min(left, 900)
        name, import_name = min(here, 450), here - min(here, 450)
        requirement = module.requirement + "r" * name
        modules[number] = replace(module, requirement=requirement, import_name="m" + "i" * import_name)
        left -= here
    assert sum(len(json.dumps(module.to_dict())) for module in modules) == size
    return tuple(modules)


def record_of_bytes(size: int) -> Record:
    """Return a record whose file takes so many bytes, of letters that do not compress."""
    letters = random.Random(0)  # noqa: S311
    packages = [Distribution(f"p{n}", "1", "x" * 399) for n in range(PACKAGES)]
    record = replace(SMALL, installed=tuple(packages))
    while (over := len(record.to_text()) - size) > 0:
        packages = packages[: -max(1, over // 600)]
        record = replace(record, installed=tuple(packages))
    fill = [replace(one, license="".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=399))) for one in packages]
    missing = size - len(replace(record, installed=tuple(fill)).to_text())
    for number in range(len(fill)):
        more = min(missing, 100)
        fill[number] = replace(fill[number], license=(fill[number].license or "") + "y" * more)
        missing -= more
    record = replace(record, installed=tuple(fill))
    assert len(record.to_text()) == size
    return record


LIMITS: dict[str, tuple[Callable[[int], Record], int]] = {
    "files of a lock": (lambda n: replace(SMALL, lock=lock(n)), LOCK_FILES),
    "bytes of a lock": (lambda n: replace(SMALL, lock=lock_of_bytes(n)), LOCK_BYTES),
    "installed packages": (lambda n: replace(SMALL, installed=distributions(n)), PACKAGES),
    "packages of the base": (lambda n: replace(SMALL, base=distributions(n)), PACKAGES),
    "modules": (
        lambda n: replace(SMALL, modules=tuple(replace(MODULE, requirement=f"m{i}") for i in range(n))),
        MODULES,
    ),
    "bytes of modules": (lambda n: replace(SMALL, modules=modules_of_bytes(n)), MODULES_BYTES),
    "providers of a module": (
        lambda n: replace(SMALL, modules=(replace(MODULE, providers=(Provider("a", "b"),) * n),)),
        PROVIDERS,
    ),
    "characters of a text": (
        lambda n: replace(SMALL, modules=(replace(MODULE, requirement="m" * n),)),
        LINE_LIMIT,
    ),
    "characters of an address": (
        lambda n: replace(SMALL, lock=(replace(lock(1)[0], url="https://x.example/".ljust(n, "x")),)),
        URL_LIMIT,
    ),
    "bytes of a record": (record_of_bytes, RECORD_BYTES),
}


def install(record: Record, root: Path) -> None:
    """Let the installer write a record; its distributions are found in the layer, so they are laid out there."""
    packages = root / "packages"
    for one in record.installed:
        folder = packages / f"{one.name}-{one.version}.dist-info"
        folder.mkdir(parents=True, exist_ok=True)
        text = f"License-Expression: {one.license}\n" if one.license else ""
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {one.name}\nVersion: {one.version}\n{text}\n")
    base = Facts(Path("p"), Path("p"), record.python, (), record.base)
    layer = Layer(record.kind, root=str(root))
    write_record(layer, packages, base, record.lock, Modules(record.modules))


def pushed(record: Record) -> tuple[str, str]:
    """Return the log of a `push` that met a record, and the digest that it tells."""
    content = record.content()
    other = [f"progress: pushing {number} of 127" for number in range(127)]
    return "".join(f"{line}\n" for line in [*other, *lines_of(content)]), digest_of(content)


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_at_a_limit_goes_from_the_installer_to_the_status(name: str, tmp_path: Path) -> None:
    make, limit = LIMITS[name]
    record = make(limit)
    assert record.checked() == record
    (tmp_path / "llamastack.json").write_text(record.to_text())
    assert read_record(tmp_path) == record
    log, digest = pushed(record)
    assert len(log) <= LOG_BYTES
    assert parse_record(log, digest) == record
    message = PushMessage.parse(last_words())
    status = collected(build(), BuildStatus(attempts=1), message, record, "2026-01-01T00:00:00Z")
    assert len(status.modules) == len(record.modules)
    whole = {**status.to_wire(), "lock": [entry.to_text() for entry in record.lock]}
    LlamaStackBuildStatus.model_validate(whole)
    assert len(json.dumps(whole)) < ETCD - CONFIG_MAP // 2


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_one_above_is_told_by_each_of_them(name: str, tmp_path: Path) -> None:
    make, limit = LIMITS[name]
    record = make(limit + 1)
    with pytest.raises(LimitError) as refused:
        record.checked()
    assert refused.value.hint
    (tmp_path / "llamastack.json").write_text(record.to_text())
    with pytest.raises(BuildError) as caught:
        read_record(tmp_path)
    assert (caught.value.reason, bool(caught.value.hint), caught.value.retry) == ("LimitExceeded", True, False)
    if name != "bytes of a record":  # what is printed has no spaces, so the file alone is too large
        with pytest.raises(LimitError):
            parse_record(*pushed(record))


@pytest.mark.parametrize("name", ["files of a lock", "modules", "providers of a module", "packages of the base"])
def test_the_installer_tells_what_is_too_much_and_leaves_no_record(name: str, tmp_path: Path) -> None:
    make, limit = LIMITS[name]
    install(make(limit), tmp_path)
    (tmp_path / "llamastack.json").unlink()
    with pytest.raises(FailureError) as caught:
        install(make(limit + 1), tmp_path)
    assert caught.value.reason == "LimitExceeded"
    assert f"{limit + 1} entries, and {limit} are possible" in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "llamastack.json").exists()


def test_a_value_that_no_record_can_hold_is_told_by_the_installer(tmp_path: Path) -> None:
    with pytest.raises(FailureError, match=r"modules\.0\.distribution") as caught:
        install(replace(SMALL, modules=(replace(MODULE, distribution="a b"),)), tmp_path)
    assert caught.value.reason == "BuildFailed"


def test_two_of_the_largest_locks_fit_into_the_config_map_of_pods_that_install_at_start() -> None:
    largest = read_lock([entry.to_dict() for entry in lock_of_bytes(LOCK_BYTES)])
    stack, modules = Layer("stack", lock=largest), Layer("modules", lock=largest)
    text = text_of(BuildJson("0" * 64, BaseImage("base"), modules, (stack,)).to_dict())
    # What is left is for requirements and constraints.
    assert len(text) < CONFIG_MAP - 100_000


@pytest.mark.parametrize(("count", "found"), [(MODULES, []), (MODULES + 1, ["LimitExceeded"])])
def test_more_modules_than_can_be_recorded_are_found_before_anything_is_built(count: int, found: list[str]) -> None:
    entries = [{"provider_id": f"m{n}", "provider_type": "remote::m", "module": f"m{n}==1"} for n in range(count)]
    config = {"providers": {"safety": entries}}
    plan = install_plan(config, None, image="base:1", release=Release("llama-stack", "0.7.3"), prefix="spec.runConfig")
    assert [finding.reason.value for finding in plan.findings if finding.severity == "error"] == found
    assert all(finding.path == "spec.runConfig.providers" and finding.hint for finding in plan.findings)


def message_of(size: int) -> FailureMessage:
    """Return a failure whose message takes so many bytes."""
    tail = tuple("t" * TAIL_CHARACTERS for _ in range(6))
    short = FailureMessage("BuildFailed", "", "h" * 100, "install", tail=tail)
    return replace(short, message="m" * (size - len(short.to_text())))


def test_a_failure_at_its_limit_is_left_whole() -> None:
    failure = message_of(MESSAGE_BYTES)
    assert len(failure.to_text()) == MESSAGE_BYTES
    assert FailureMessage.parse(failure.to_text()) == failure


def test_a_failure_one_above_gives_up_the_first_line_of_its_tail() -> None:
    failure = message_of(MESSAGE_BYTES + 1)
    assert FailureMessage.parse(failure.to_text()) == replace(failure, tail=failure.tail[1:])


@pytest.mark.parametrize(
    ("name", "limit"), [("message", MESSAGE_CHARACTERS), ("hint", HINT_CHARACTERS), ("tail", TAIL_CHARACTERS)]
)
def test_a_text_that_was_cut_shows_it(name: str, limit: int) -> None:
    def back(length: int) -> str:
        text = "x" * length
        failure = replace(FailureMessage("BuildFailed", ""), **{name: (text,) if name == "tail" else text})
        read = getattr(FailureMessage.parse(failure.to_text()), name)
        return str(read[0] if name == "tail" else read)

    assert back(limit) == "x" * limit
    assert back(limit + 1) == "x" * (limit - 1) + "…"


def test_the_operator_cuts_nothing_of_what_its_programs_say() -> None:
    assert MESSAGE_CHARACTERS <= MESSAGE_LIMIT
    assert HINT_CHARACTERS <= MESSAGE_LIMIT
    assert TAIL_LINES <= TAIL_LIMIT
