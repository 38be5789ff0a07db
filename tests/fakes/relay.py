"""A TCP relay in front of a server: it counts and drops connections, or answers in the server's place."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Self

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Relay:
    """Relays to a port on loopback. `script` answers new connections while it is set.

    Unless `heard` is set, the client hears nothing of the server beyond the first it says.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self.script: Script | None = None
        self.heard = asyncio.Event()
        self.heard.set()
        self.connections = 0
        self.port = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()
        await asyncio.gather(*self._serving)

    async def stop_listening(self) -> None:
        """Refuse new connections."""
        self._server.close()
        await asyncio.sleep(0)

    def drop(self) -> None:
        """End every connection, without a word."""
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                if self.script is not None:
                    await self.script(reader, writer)
                else:
                    await self._relay(reader, writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._open.add(there_writer)
        ways = [
            asyncio.ensure_future(_pump(reader, there_writer)),
            asyncio.ensure_future(self._tell(there_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open.discard(there_writer)
            there_writer.transport.abort()

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(65536))
        await self.heard.wait()
        while chunk := await reader.read(65536):
            await self.heard.wait()
            writer.write(chunk)
            await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
