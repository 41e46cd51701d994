"""A TCP relay that goes away once clients have sent so many bytes: a server that fails in the middle of a request.

Stopping a registry "while something is pushed" would hit another moment each time, mostly before or after the push.
"""

import asyncio
import sys
from contextlib import suppress

_CHUNK = 16384


class Relay:
    """Counts what clients send.

    Args:
        target: ``host:port`` of the server behind it.
        limit: bytes after which it ends, with every connection.
    """

    def __init__(self, target: str, limit: int) -> None:
        self._host, _, self._port = target.rpartition(":")
        self._left = limit
        self.exhausted = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection."""
        with suppress(OSError):
            upstream, downstream = await asyncio.open_connection(self._host, int(self._port))
            await asyncio.gather(self._pump(reader, downstream, True), self._pump(upstream, writer, False))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if counted:
                    self._left -= len(data)
                if self._left < 0:
                    self.exhausted.set()
                    return
                writer.write(data)
                await writer.drain()
        writer.close()


async def run(listen: str, target: str, limit: int) -> None:
    """Relay until the limit is reached."""
    relay = Relay(target, limit)
    host, _, port = listen.rpartition(":")
    server = await asyncio.start_server(relay.serve, host, int(port))
    await server.start_serving()
    await relay.exhausted.wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
