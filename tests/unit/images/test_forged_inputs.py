"""Every program that reads `build.json` refuses another one than it was told of, before it does anything with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_contract.build_json import BaseImage, BuildJson, OtherFileError, as_told, text_of
from llamastack_contract.layer import Layer
from llamastack_contract.printed import digest_of
from llamastack_installer import program as installer
from llamastack_installer.inputs import read_build
from llamastack_operator.images.append import prepare, push
from llamastack_operator.images.append.inputs import read_inputs
from llamastack_operator.images.index import fetch, proxy

LAYER = Layer("modules", ("m==1",), (), ("m==1",), (), (), root="/opt/llamastack/modules")
WRITTEN = text_of(BuildJson("a" * 16, BaseImage("registry.example/base:1"), LAYER).to_dict()).encode()
TOLD = digest_of(WRITTEN)
FORGED = WRITTEN.replace(b"registry.example", b"evil.example")

Program = Callable[[Path, list[str]], int]
PROGRAMS: dict[str, Program] = {
    "prepare": lambda file, more: prepare.main(["--inputs", str(file), "--tools", str(file.parent / "tools"), *more]),
    "push": lambda file, more: push.main(["--inputs", str(file), *more]),
    "index": lambda file, more: proxy.main(["--build", str(file), *more]),
    "fetch": lambda file, more: fetch.main(["--build", str(file), *more]),
    "install": lambda file, more: installer.main([str(file), *more]),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_ends_before_it_does_what_forged_inputs_say(program: Program, tmp_path: Path) -> None:
    file, log = tmp_path / "build.json", tmp_path / "log"
    file.write_bytes(FORGED)
    assert program(file, ["--inputs-digest", TOLD, "--termination-log", str(log)]) == 1
    words = json.loads(log.read_text())
    assert words["reason"] == "Tampered"
    assert digest_of(FORGED) in words["message"]
    assert TOLD in words["message"]
    assert words["hint"] == "find out who may write ConfigMaps in this namespace"


@pytest.mark.parametrize("read", [read_build, read_inputs])
@pytest.mark.parametrize("told", [TOLD, None])
def test_what_was_told_of_is_read(read: Callable[..., Any], told: str | None, tmp_path: Path) -> None:
    """Nothing is told by an operator of before, whose builds go on, and where there is no cluster."""
    file = tmp_path / "build.json"
    file.write_bytes(WRITTEN)
    assert read(file, told).key == "a" * 16


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_only_the_very_bytes_will_do(content: bytes, other: bytes) -> None:
    assert as_told(content, digest_of(content)) == content
    if other != content:
        with pytest.raises(OtherFileError):
            as_told(other, digest_of(content))


@pytest.mark.parametrize("told", ["", "sha256:", TOLD.upper(), TOLD.removeprefix("sha256:"), f"{TOLD} "])
def test_what_is_no_digest_fits_nothing(told: str) -> None:
    with pytest.raises(OtherFileError):
        as_told(WRITTEN, told)
