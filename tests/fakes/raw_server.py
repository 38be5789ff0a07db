"""A server that speaks whatever bytes a test wants, right or wrong, and counts what reaches it.

    async with RawServer(script) as server:
        ...                                  # server.url("/x"), server.connections, server.requests

The script is run once per connection with a Peer; when it returns, the connection is closed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Self


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: RawServer) -> None:
        self.reader = reader
        self.writer = writer
        self._server = server

    async def request(self) -> bytes:
        """Read one request, head and body, as bytes; IncompleteReadError when there is none."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        whole = head + await self.reader.readexactly(length)
        self._server.requests.append(whole)
        return whole

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def flood(self, data: bytes) -> None:
        """Send the same bytes until the client has had enough."""
        while True:
            await self.send(data)

    async def drip(self, data: bytes, seconds: float) -> None:
        """The same bytes, now and then, until the client has had enough."""
        while not self.reader.at_eof():
            await self.send(data)
            try:
                async with asyncio.timeout(seconds):
                    await self.reader.read(1)
            except TimeoutError:
                continue

    async def until_closed(self) -> bytes:
        """Wait until the client closes; what it still sent."""
        return await self.reader.read()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class RawServer:
    """`requests` are the whole requests read; `connections` counts those that reached the script, which with
    TLS means after the handshake. `finished` is set when a script has ended."""

    def __init__(self, script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.host = host
        self.port = 0
        self.requests: list[bytes] = []
        self.connections = 0
        self.finished = asyncio.Event()
        self._script = script
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self.host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def url(self, path: str = "/") -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self._tls else ''}://{host}:{self.port}{path}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._serve(Peer(reader, writer, self)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, peer: Peer) -> None:
        try:
            await self._script(peer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            peer.writer.close()
            self.finished.set()


def answering(data: bytes) -> Script:
    """A script that gives every request of a connection the same answer."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(data)

    return script


def answering_once(*pieces: bytes) -> Script:
    """A script that reads a request, sends the pieces, and waits for the client to close."""

    async def script(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.send(piece)
        await peer.until_closed()

    return script
