"""Which files an index passes on to pip: all that could be installed, whatever is in doubt included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from llamastack_operator.images.index.fit import fitting


@pytest.mark.parametrize(
    "filename",
    [
        "x-1-py3-none-any.whl",
        "x-1-py2.py3-none-any.whl",
        "x-1-1build-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "x-1-cp313-cp313t-musllinux_1_2_x86_64.whl",
        "x-1-cp39-abi3-manylinux2014_x86_64.whl",
        "x-1-cp313-none-linux_x86_64.whl",
        "x-1-cp312.cp313-cp312.cp313-linux_x86_64.whl",
        "x-1-py3-none-manylinux2014_i686.whl",
        "x-1-py3-none-a_platform_of_tomorrow.whl",
        "x-1.tar.gz",
        "x.whl",
    ],
)
def test_what_may_fit_is_passed_on(filename: str) -> None:
    assert fitting("313", "x86_64")(filename)


@pytest.mark.parametrize(
    "filename",
    [
        "x-1-cp313-cp313-win_amd64.whl",
        "x-1-py3-none-win32.whl",
        "x-1-cp313-cp313-macosx_11_0_arm64.macosx_10_9_universal2.whl",
        "x-1-cp313-cp313-manylinux2014_aarch64.whl",
        "x-1-cp312-cp312-manylinux2014_x86_64.whl",
        "x-1-cp31-cp31-manylinux2014_x86_64.whl",
        "x-1-pp311-pypy311_pp73-manylinux2014_x86_64.whl",
    ],
)
def test_what_is_for_another_python_system_or_machine_is_not(filename: str) -> None:
    assert not fitting("313", "x86_64")(filename)


def test_nothing_is_left_out_for_a_machine_that_nobody_here_knows() -> None:
    assert fitting("313", "mips64")("x-1-cp313-cp313-linux_mips64.whl")


PYTHONS = st.sampled_from(["py3", "py2.py3", "py313", "cp39", "cp312", "cp313", "cp314", "pp310", "cp312.cp313"])
ABIS = st.sampled_from(["none", "abi3", "cp312", "cp313", "cp313t", "cp314", "pypy310_pp73"])
SYSTEMS = st.sampled_from(
    ["any", "win_amd64", "macosx_11_0_arm64", "linux_aarch64", "linux_x86_64", "manylinux_2_17_x86_64", "linux_i686"]
)


@given(PYTHONS, ABIS, SYSTEMS)
def test_nothing_is_left_out_that_packaging_would_install(python: str, abi: str, system: str) -> None:
    filename = f"x-1-{python}-{abi}-{system}.whl"
    platforms = ["manylinux_2_17_x86_64", "linux_x86_64"]
    supported = {*cpython_tags((3, 13), platforms=platforms), *compatible_tags((3, 13), "cp313", platforms)}
    supported |= set(cpython_tags((3, 13), ["cp313t"], platforms))
    if parse_wheel_filename(filename)[3] & supported:
        assert fitting("313", "x86_64")(filename)
