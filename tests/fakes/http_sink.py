"""A real aiohttp server that records what it gets and answers as it is told.

async with HttpSink() as sink:
    sink.answer(Reply(429, {"Retry-After": "7"}))
    ...                                  # sink.url("/hook"), sink.requests
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from tests.waiting import until


@dataclass(frozen=True)
class Reply:
    """`delay` is in seconds, None for never; `drop` closes the connection in place of an answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    delay: float | None = 0.0
    drop: bool = False


NEVER = Reply(delay=None)
DROP = Reply(drop=True)


@dataclass(frozen=True)
class Received:
    """One request as it arrived, `at` a monotonic time. `raw_headers` keeps order, spelling, repetition."""

    method: str
    target: str
    headers: Mapping[str, str]
    raw_headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    at: float = field(default_factory=time.monotonic, compare=False)


class HttpSink:
    """Answers `usual` unless `answer` has queued other replies. `arrived` is set with every request.

    `answered` counts the requests that got their answer, or are about to.
    """

    def __init__(self, usual: Reply | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.usual = usual or Reply()
        self.requests: list[Received] = []
        self.arrived = asyncio.Event()
        self.answered = 0
        self.port = 0
        self._tls = tls
        self._replies: deque[Reply] = deque()
        self._stopping = asyncio.Event()

    def answer(self, *replies: Reply) -> None:
        """Queue replies for the next requests, one each."""
        self._replies.extend(replies)

    def url(self, path: str = "/") -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}{path}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        server = self._runner.server
        return len(server.connections) if server is not None else 0

    async def deserted(self) -> None:
        """Wait until nobody is connected any more and everything that came is recorded.

        A request may be read in the very moment in which its connection ends; its handler comes after that.
        """
        await until(lambda: not self.connections)
        for _ in range(10):
            await asyncio.sleep(0)

    def record(self, request: Received) -> None:
        """Called with each request once it is here as a whole."""
        self.requests.append(request)

    def reply(self, request: Received) -> Reply:
        """What a request is answered with; it has been recorded."""
        return self._replies.popleft() if self._replies else self.usual

    async def stop_listening(self) -> None:
        """Refuse new connections and close the idle ones."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._stopping.set()
        await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        received = Received(request.method, request.path_qs, request.headers, request.raw_headers, body)
        self.record(received)
        reply = self.reply(received)
        self.arrived.set()
        if reply.delay != 0.0:
            await self._wait(reply.delay)
        if reply.drop and request.transport is not None:
            request.transport.abort()
        self.answered += 1
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
