"""What starting providers twice costs: `python -m benchmarks.inline_providers [--chunks 20000]`. It needs no cluster.

The start check of 0.7.3, with `startup.check: Import` and `Instantiate`, over configs with one inline provider each
beside one that is remote: seconds from start to end, those of the CPU, and the most memory of all its processes (PSS).
What providers have stored is made before, as a server leaves it on its volume.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import memory_mb
from tests.conformance.releases import ENVIRONMENT, ROOT, python_of
from tests.support.environments import overlay
from tests.support.start_cases import storage

RELEASE = "0.7.3"
PACKAGES = ("faiss-cpu==1.15.1", "sqlite-vec==0.1.9", "chardet==7.7.0", "pypdf==7.1.1")
"""What the providers of vectors ask for and the release does not bring."""
ENCODINGS = "litellm==1.83.0"
"""It has the encoding of tokens that providers of vectors read at their start, and fetch where it is not there."""
MODES = ("import", "instantiate")
DIMENSION = 768
VLLM = {"provider_id": "vllm", "provider_type": "remote::vllm", "config": {"base_url": "http://127.0.0.1:9/v1"}}
_LOOK = 0.02
"""Seconds between two looks at memory, and at whether it has ended."""
_FAISS = """
import asyncio, random, sys
from llama_stack.core.storage.datatypes import KVStoreReference, SqliteKVStoreConfig
from llama_stack.core.storage.kvstore.kvstore import kvstore_impl, register_kvstore_backends
from llama_stack.providers.inline.vector_io.faiss import faiss
from llama_stack_api import ChunkMetadata, EmbeddedChunk, VectorStore

async def main(path, count, dimension):
    register_kvstore_backends({"kv_default": SqliteKVStoreConfig(db_path=path)})
    store = await kvstore_impl(KVStoreReference(backend="kv_default", namespace="vectors"))
    named = dict(identifier="vs", provider_id="inline", provider_resource_id="vs")
    made = VectorStore(**named, embedding_model="m", embedding_dimension=dimension)
    await store.set(faiss.VECTOR_DBS_PREFIX + "vs", made.model_dump_json())
    model = dict(embedding_model="m", embedding_dimension=dimension, chunk_metadata=ChunkMetadata())
    index = await faiss.FaissIndex.create(dimension, store, "vs")
    await index.add_chunks([
        EmbeddedChunk(content="words of a document " * 40, chunk_id=str(one), **model,
                      embedding=[random.random() for _ in range(dimension)])
        for one in range(count)
    ])

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


@dataclass(frozen=True)
class Case:
    """An inline provider.

    Attributes:
        providers: of the run config, beside the remote one.
        stored: the program that makes what it has stored; empty for nothing.
    """

    providers: Mapping[str, list[dict[str, Any]]]
    stored: str = ""


def _vectors(kind: str, **config: Any) -> dict[str, list[dict[str, Any]]]:
    persistence = {"backend": "kv_default", "namespace": "vectors"}
    entry = {"provider_id": "inline", "provider_type": f"inline::{kind}"}
    return {"vector_io": [{**entry, "config": {"persistence": persistence, **config}}]}


_TABLE = {"backend": "sql_default", "table_name": "files"}
_FILES = {"storage_dir": "HOME/files", "metadata_store": _TABLE}
CASES = {
    "none": Case({}),
    "inline::localfs": Case(
        {"files": [{"provider_id": "inline", "provider_type": "inline::localfs", "config": _FILES}]}
    ),
    "inline::sqlite-vec": Case(_vectors("sqlite-vec", db_path="HOME/vectors.db")),
    "inline::faiss": Case(_vectors("faiss")),
    "inline::faiss, with chunks": Case(_vectors("faiss"), _FAISS),
}


def write(case: Case, home: Path, chunks: int, packages: Path) -> None:
    """Write the run config of a case, and what its provider has stored."""
    providers = {"inference": [VLLM], **case.providers}
    config = {"version": 2, "distro_name": "inline", "providers": providers, "storage": storage(str(home))}
    (home / "run.yaml").write_text(yaml.safe_dump(config).replace("HOME", str(home)))
    if case.stored:
        command = [str(python_of(RELEASE)), "-c", case.stored, str(home / "kv.db"), str(chunks), str(DIMENSION)]
        subprocess.run(command, env=environment(home, packages), check=True, capture_output=True)


def environment(home: Path, packages: Path) -> dict[str, str]:
    """Return the variables of a process with the release, the resolver and the providers' packages."""
    path = os.pathsep.join((str(ROOT / "operator"), str(packages)))
    encodings = overlay("inline-encodings", ENCODINGS) / "litellm" / "litellm_core_utils" / "tokenizers"
    return {**ENVIRONMENT, "HOME": str(home), "PYTHONPATH": path, "TIKTOKEN_CACHE_DIR": str(encodings)}


def check(home: Path, packages: Path, mode: str) -> tuple[float, float, float]:
    """Run a check to its end; return its seconds, those of the CPU, and the most MB of memory.

    Raises:
        RuntimeError: it found an error.
    """
    command = [str(python_of(RELEASE)), "-W", "ignore", "-m", "llamastack_resolver", "start-check", "--mode", mode]
    command += ["--config", str(home / "run.yaml"), "--report", str(home / "report.json"), "--deadline", "600"]
    begun, before, peak = time.monotonic(), _cpu_seconds(), 0.0
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment(home, packages), cwd=home, stdout=log, stderr=log)
        while process.poll() is None:
            peak = max(peak, memory_mb(process.pid))
            time.sleep(_LOOK)
    elapsed = time.monotonic() - begun
    if process.returncode:
        raise RuntimeError((home / "report.json").read_text())
    return elapsed, _cpu_seconds() - before, peak


def _cpu_seconds() -> float:
    """Return the CPU time of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure each case in each mode, in turns, and print medians."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--runs", type=int, default=3, help="checks of each kind (%(default)s)")
    made.add_argument("--chunks", type=int, default=20_000, help="chunks that are stored (%(default)s)")
    options = made.parse_args()
    packages = overlay("inline-providers", *PACKAGES)
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            write(case, home, options.chunks, packages)
            check(home, packages, "instantiate")
            found: dict[str, list[tuple[float, float, float]]] = {mode: [] for mode in MODES}
            for _ in range(options.runs):
                for mode in MODES:
                    found[mode].append(check(home, packages, mode))
        for mode, seen in found.items():
            seconds, cpu, memory = (statistics.median(one) for one in zip(*seen, strict=True))
            print(f"{name:28} {mode:12} {seconds:6.1f} s {cpu:6.1f} s of CPU {memory:6.0f} MB", flush=True)


if __name__ == "__main__":
    main()
