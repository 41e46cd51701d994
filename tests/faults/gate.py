"""A way to an API server that can be cut: open connections end, and new ones are refused, as when a network fails."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster.processes import free_port

_CHUNK = 1 << 16


class Gate:
    """A TCP relay on loopback.

    Args:
        server: the URL of the API server behind it.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._target = int(server.rpartition(":")[2])
        self.port = free_port()
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cut()

    def kubeconfig(self, direct: Path) -> Path:
        """Write a kubeconfig that goes through the gate."""
        path = direct.with_name(f"gate.{direct.name}")
        path.write_text(direct.read_text().replace(self._server, f"https://127.0.0.1:{self.port}"))
        return path

    def open(self) -> None:
        """Let connections through."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """End all connections and refuse new ones."""
        listener, self._listener = self._listener, None
        for one in filter(None, (listener, *self._connections)):
            # A thread may be reading: closing alone would not wake it.
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._connections.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                self._connections |= {client, server}
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
