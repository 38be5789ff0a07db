"""What drives a benchmark: a load generator and a receiver, as lean as asyncio allows, in one process.

Both sides note times on one clock, so that the latency of an event is known without asking the gateway.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar

CONNECTIONS = 64
BODY_BYTES = 1024
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
_ID = re.compile(rb'"id": ?"([^"]+)"')


def event_body(prefix: str, number: int) -> bytes:
    """A structured CloudEvent of 1 KiB, as a backup product would send it."""
    head = (
        f'{{"specversion":"1.0","id":"{prefix}-{number:08d}","source":"/backup/db1","type":"backup.failed",'
        '"subject":"vm/12345","time":"2026-05-21T02:14:35Z","severity":"error",'
        '"datacontenttype":"application/json",'
        '"data":{"summary":"Task failed at chunk upload step: connection refused","job":"nightly",'
        '"bytes":123456789,'
        '"actor":"alice@example!backup-job","resource":"primary:production/vm/12345","log":"'
    )
    return (head + "x" * (BODY_BYTES - len(head) - 3) + '"}}').encode()


class Sink(asyncio.Protocol):
    """A receiver that answers 204 to everything and notes when an event's id arrived."""

    arrivals: ClassVar[dict[bytes, float]] = {}
    count = 0

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(buffer, 0, end)
            total = end + 4 + (int(found[1]) if found else 0)
            if len(buffer) < total:
                break
            self._note(buffer[end + 4 : total])
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            buffer = buffer[total:]
        self._buffer = buffer

    @classmethod
    def _note(cls, body: bytes) -> None:
        cls.count += 1
        found = _ID.search(body)
        if found:
            cls.arrivals[found[1]] = time.monotonic()

    @classmethod
    def reset(cls) -> None:
        """Forget what arrived."""
        cls.arrivals, cls.count = {}, 0


async def open_sink() -> tuple[asyncio.Server, int]:
    """Start the receiver on a free port."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


class _Poster(asyncio.Protocol):
    """One keep-alive connection that posts one request after the other."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._current = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._load.idle.append(self)

    def post(self, number: int) -> None:
        """Send event `number`."""
        self._current = number
        body = self._load.body(self._load.prefix, number)
        self._transport.write(self._load.head % len(body) + body)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = buffer
            return
        found = _LENGTH.search(buffer, 0, end)
        if len(buffer) < end + 4 + (int(found[1]) if found else 0):
            self._buffer = buffer
            return
        self._buffer = b""
        self._load.answered(self, self._current, int(buffer[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost()


class Load:
    """Posts `count` events to a path; as fast as answers come, or at a rate (events per second).

    `body` makes the body of each out of the prefix and a number.
    """

    def __init__(
        self,
        port: int,
        path: str,
        key: str,
        prefix: str,
        count: int,
        rate: float = 0.0,
        *,
        connections: int = CONNECTIONS,
        body: Callable[[str, int], bytes] = event_body,
    ) -> None:
        self.prefix = prefix
        self.head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/cloudevents+json\r\nContent-Length: %d\r\n\r\n"
        ).encode()
        self.idle: deque[_Poster] = deque()
        self.accepted: dict[bytes, float] = {}
        self.refused: dict[int, int] = {}
        self._port, self._count, self._rate = port, count, rate
        self._connections = connections
        self.body = body
        self._next = 0
        self._done = asyncio.get_running_loop().create_future()

    async def run(self) -> float:
        """Post everything; return the seconds it took."""
        loop = asyncio.get_running_loop()
        connections = [
            await loop.create_connection(lambda: _Poster(self), "127.0.0.1", self._port)
            for _ in range(self._connections)
        ]
        began = time.monotonic()
        if self._rate:
            await self._paced(began)
        else:
            while self.idle and self._next < self._count:
                self._post(self.idle.popleft())
        await asyncio.wait_for(self._done, 120)
        took = time.monotonic() - began
        for transport, _ in connections:
            transport.close()
        return took

    def answered(self, poster: _Poster, number: int, status: int) -> None:
        """An answer came in."""
        if status in (200, 202):
            self.accepted[b"%s-%08d" % (self.prefix.encode(), number)] = time.monotonic()
        else:
            self.refused[status] = self.refused.get(status, 0) + 1
        if len(self.accepted) + sum(self.refused.values()) >= self._count:
            if not self._done.done():
                self._done.set_result(None)
        elif self._rate or self._next >= self._count:
            self.idle.append(poster)
        else:
            self._post(poster)

    def lost(self) -> None:
        """A connection ended; fatal while answers are due."""
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server closed a connection during the benchmark"))

    def _post(self, poster: _Poster) -> None:
        number, self._next = self._next, self._next + 1
        poster.post(number)

    async def _paced(self, began: float) -> None:
        while self._next < self._count:
            due = int((time.monotonic() - began) * self._rate) - self._next
            while due > 0 and self.idle and self._next < self._count:
                self._post(self.idle.popleft())
                due -= 1
            await asyncio.sleep(0.0005)
