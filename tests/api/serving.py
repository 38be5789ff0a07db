"""A server of the framework on a free port, and a raw client that sends whatever bytes it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gateway.api.connection import Limits
from gateway.api.server import Server

PATIENCE = 5.0
"""Seconds after which a test gives up waiting for the server."""


@contextlib.asynccontextmanager
async def serving(application: web.Application, **limits: Any) -> AsyncIterator[tuple[Server, int]]:
    """The running server and its port."""
    server = Server(application, "127.0.0.1", 0, limits=Limits(**limits))
    _, port = await server.start()
    try:
        yield server, port
    finally:
        await server.stop(1.0)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes = b""
    names: list[str] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self, *, head_only: bool = False) -> Answer:
        """Read one answer."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            pairs = [line.split(": ", 1) for line in lines]
            headers = {name.lower(): value for name, value in pairs}
            length = 0 if head_only else int(headers.get("content-length", 0))
            body = await self.reader.readexactly(length)
            return Answer(int(first.split()[1]), headers, body, [name for name, _ in pairs])

    async def closed(self) -> bytes:
        """Wait until the server closes; return what came before."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
        return b""

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        await self.send(request(method, path, body, **headers))
        return await self.answer(head_only=method == "HEAD")

    def close(self) -> None:
        self.writer.close()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """A raw connection."""
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield client
    finally:
        client.close()


async def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """One request on a connection of its own."""
    async with connected(port) as client:
        return await client.request(method, path, body, **headers)


async def raw(port: int, *pieces: bytes) -> Answer:
    """The answer to these very bytes."""
    async with connected(port) as client:
        await client.send(*pieces)
        return await client.answer()


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of a well-formed request; `_` in header names stands for `-`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: gateway"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
