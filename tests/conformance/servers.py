"""Servers of real releases on loopback.

Only the model behind them is a fake: it answers as an OpenAI-compatible server does.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from llamastack_contract.layer import Layer
from llamastack_operator import catalog
from llamastack_operator.planning.install.install_plan import install_plan
from llamastack_resolver.documents.complete import default_storage
from llamastack_resolver.releases import start_command
from llamastack_resolver.server.event_stream import RemoteError
from llamastack_resolver.server.remote import Connection
from tests.cluster.processes import free_port
from tests.conformance.releases import ENVIRONMENT, python_of, release

WORDS = ["Rain", " and", " sun"]
PATIENCE = 120.0
"""Seconds that a server has to start, on a busy machine."""


class Model(BaseHTTPRequestHandler):
    """A model server: it streams the first word, and the others once a client has had the first."""

    protocol_version = "HTTP/1.1"
    first_arrived: threading.Event

    def do_GET(self) -> None:
        self.answer({"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "x"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not asked.get("stream"):
            message = {"role": "assistant", "content": "".join(WORDS)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.answer({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
            return
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number, word in enumerate(WORDS):
            if number == 1:
                assert self.first_arrived.wait(PATIENCE)
            choice = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}
            self.event({"choices": [choice]})
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def event(self, part: dict[str, Any]) -> None:
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **part}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def answer(self, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def model_server() -> Iterator[str]:
    """Run the model server and yield the address of its API."""
    Model.first_arrived = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def run_config(name: str, model: str) -> dict[str, Any]:
    """Return a run config of a release with the model server as its only provider."""
    knowledge = catalog.load_release(release(name))
    schema = knowledge.schemas[knowledge.providers["inference"]["remote::vllm"].config_class]
    key = "base_url" if "base_url" in schema["properties"] else "url"
    vllm = {"provider_id": "v", "provider_type": "remote::vllm", "config": {key: model, "api_token": "x"}}
    config: dict[str, Any] = {
        "version": 2,
        "image_name": "x",
        "apis": ["inference"],
        "providers": {"inference": [vllm]},
    }
    registered = {"models": [{"model_id": "m", "provider_id": "v", "provider_model_id": "m", "model_type": "llm"}]}
    return config | (
        {"storage": default_storage(), "registered_resources": registered} if name >= "0.3" else registered
    )


def planned(name: str, model: str) -> Layer:
    """Return the layer that a release with the model server as its only provider needs."""
    wanted = release(name)
    plan = install_plan(run_config(name, model), catalog.load_release(wanted), image=None, release=wanted)
    (layer,) = plan.layers
    assert layer.special == ()
    return layer


@contextmanager
def served(
    name: str,
    model: str,
    home: Path,
    python: Path | None = None,
    config: dict[str, Any] | None = None,
    packages: Path | None = None,
) -> Iterator[Connection]:
    """Run a release's server in front of the model.

    Args:
        name: the release.
        model: address of the model server.
        home: an empty folder.
        python: of the environment with the release; default: the cached one with all that its constraints name.
        config: another run config than that with the model.
        packages: a folder with further packages.
    """
    text = json.dumps(config or run_config(name, model))
    variables = None if packages is None else {"PYTHONPATH": str(packages)}
    with started(name, text, home, variables, python) as connection:
        yield connection


@contextmanager
def started(
    name: str, config: str, home: Path, variables: Mapping[str, str] | None = None, python: Path | None = None
) -> Iterator[Connection]:
    """Run a release's server with a run config.

    Args:
        name: the release.
        config: the run config as text.
        home: its home, where the config, its log and its state go.
        variables: further variables of its environment.
        python: of the environment with the release; default: the cached one with all that its constraints name.
    """
    (home / "run.yaml").write_text(config)
    port = free_port()
    argv = start_command(release(name), str(home / "run.yaml"), port)
    binaries = (python or python_of(name)).parent
    known = {**ENVIRONMENT, "HOME": str(home), "SQLITE_STORE_DIR": str(home), **(variables or {})}
    known["PATH"] = f"{binaries}{os.pathsep}{ENVIRONMENT['PATH']}"
    with (home / "log").open("wb") as log:
        command = [str(binaries / argv[0]), *argv[1:]]
        process = subprocess.Popen(command, env=known, cwd=home, stdout=log, stderr=log, start_new_session=True)
    try:
        connection = Connection(f"http://127.0.0.1:{port}", timeout=PATIENCE)
        _await(connection, process, home / "log")
        yield connection
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await(connection: Connection, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.request("GET", "/v1/health")
        except RemoteError:
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
            time.sleep(0.1)
        else:
            return
