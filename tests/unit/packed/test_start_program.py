"""The start program: small, and the same bytes for the same sources."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import llamastack_operator
from llamastack_operator.packed.start_program import MOST_BYTES, PACKAGES, start_program, start_program_digest

SOURCES = Path(llamastack_operator.__file__).parents[1]
FILES = sorted(path for package in PACKAGES for path in (SOURCES / package).rglob("*.py"))


def test_it_is_small_enough_for_every_namespace():
    assert len(start_program()) < MOST_BYTES


def test_its_digest_is_that_of_its_bytes():
    assert start_program_digest() == hashlib.sha256(start_program()).hexdigest()


def test_the_same_sources_elsewhere_make_the_same_bytes(tmp_path: Path):
    """As a wheel installs them: another place, other times and modes, bytecode beside them, in any order."""
    for package in sorted((*PACKAGES, "llamastack_operator"), reverse=True):
        shutil.copytree(SOURCES / package, tmp_path / package, copy_function=shutil.copyfile)
    for path in tmp_path.rglob("*"):
        path.chmod(0o755)
        os.utime(path, (1, 1))
    code = "from llamastack_operator.packed import start_program as s; print(s.__file__, s.start_program_digest())"
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "TZ": "Asia/Tokyo", "LANG": "C"}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    place, digest = done.stdout.split()
    assert place.startswith(str(tmp_path))
    assert digest == start_program_digest()


def test_it_has_all_that_its_packages_have():
    with zipfile.ZipFile(io.BytesIO(start_program())) as archive:
        names = archive.namelist()
        assert {(info.date_time, info.external_attr, info.create_system) for info in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o644 << 16, 3)
        }
    data = [path for package in PACKAGES for path in (SOURCES / package).rglob("*.json")]
    wanted = [str(path.relative_to(SOURCES)) for path in (*FILES, *data)]
    assert names == sorted([*wanted, "__main__.py", "llamastack_launcher/rules.py"])
