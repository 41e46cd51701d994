"""The command line of the installer."""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from llamastack_contract.build_json import DIGEST_OPTION, BuildJson
from llamastack_contract.paths import (
    AUTHORITIES,
    AUTHORITIES_FILE,
    INDEX_HOST,
    INDEX_PORT,
    INSTALLER_FILE,
    TERMINATION_LOG,
)
from llamastack_installer.failure import FailureError
from llamastack_installer.inputs import read_build
from llamastack_installer.install import Workshop, install_layer
from llamastack_installer.pip import Sources, warming_up
from llamastack_installer.projects import wait_for_index
from llamastack_installer.root import python_of


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; 0 when everything is installed, 1 when not, with the reason in the termination log."""
    options = _parser().parse_args(argv)
    os.umask(0o022)
    scratch = Path(tempfile.mkdtemp(prefix="llamastack-install-"))
    try:
        _install(options, scratch)
    except FailureError as error:
        return _fail(error, options.termination_log)
    except OSError as error:
        return _fail(_of_system(error), options.termination_log)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


def _install(options: argparse.Namespace, scratch: Path) -> None:
    build = read_build(options.build, options.inputs_digest)
    certificate = _bundle(options.certificate, options.tools, scratch)
    python = Path(sys.executable)
    # A copy that can keep its bytecode: pip is started five times or more, and compiling it takes most of a start.
    tools = scratch / "tools"
    shutil.copytree(options.tools / "pip", tools / "pip")
    with warming_up(python, tools):
        _layers(build, options, python, Workshop(tools, scratch, options.timeout, options.spec_timeout), certificate)


def _layers(
    build: BuildJson, options: argparse.Namespace, python: Path, workshop: Workshop, certificate: Path | None
) -> None:
    for layer in (*build.earlier, build.layer):
        sources = Sources(build.only(layer), options.index.rstrip("/"), options.wheels, certificate)
        wait_for_index(sources)
        install_layer(python, sources, workshop)
        python = python_of(Path(layer.root))


def _bundle(certificate: Path, tools: Path, scratch: Path) -> Path | None:
    """Return authorities to trust: pip's own and the given one, which alone would replace them."""
    if not certificate.is_file():
        return None
    bundle = scratch / "authorities.pem"
    own = tools / "pip" / "_vendor" / "certifi" / "cacert.pem"
    texts = [path.read_text("utf-8") for path in (own, certificate) if path.is_file()]
    bundle.write_text("\n".join(texts), "utf-8")
    return bundle


def _fail(error: FailureError, termination_log: Path) -> int:
    sys.stderr.write(f"{error.reason}: {error.message}\n")
    for line in error.tail:
        sys.stderr.write(f"  {line}\n")
    if error.hint:
        sys.stderr.write(f"  {error.hint}\n")
    error.last_words().leave(termination_log)
    return 1


def _of_system(error: OSError) -> FailureError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "raise spec.build.workspace.sizeLimit, or the node's storage"
        return FailureError("DiskFull", f"the disk is full: {error.filename or error}", hint)
    return FailureError("BuildFailed", f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=INSTALLER_FILE, description="Install one layer of a stack's image.")
    parser.add_argument("build", type=Path, metavar="BUILD_JSON", help="the build's inputs")
    parser.add_argument(DIGEST_OPTION, metavar="DIGEST", help="what the inputs must be, as sha256:...")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="take every file from here, and use no index")
    parser.add_argument("--index", default=f"http://{INDEX_HOST}:{INDEX_PORT}", metavar="URL", help="the index proxy")
    parser.add_argument("--tools", type=Path, default=_beside(), metavar="DIR", help="where pip lies unpacked")
    authorities = Path(AUTHORITIES, AUTHORITIES_FILE)
    parser.add_argument("--certificate", type=Path, default=authorities, metavar="F", help="authorities to trust too")
    parser.add_argument("--timeout", type=float, default=3600, metavar="S", help="seconds that a call of pip may take")
    parser.add_argument("--spec-timeout", type=float, default=180, metavar="S", help="seconds for reading all specs")
    parser.add_argument(
        "--termination-log", type=Path, default=Path(TERMINATION_LOG), metavar="F", help="where a failure goes"
    )
    return parser


def _beside() -> Path:
    """Return the folder of the zipapp."""
    return Path(__file__).resolve().parent.parent.parent
