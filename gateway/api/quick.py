"""The short way for the hottest route: no router, and an answer that is written in one piece.

aiohttp's router and its header machinery cost as much as decoding an event does. An endpoint may have a
quick handler beside its usual one; whatever is out of the ordinary (another version of HTTP, an
expectation, an escape in the path) still goes the usual way.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import TypeAlias

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from gateway.api.problem import SERVER_NAME, TRACE_HEADERS

QuickHandler: TypeAlias = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]
"""Takes the request and the instance that its path names."""

_VARIABLE = r"\{\w+\}"


class QuickRoutes:
    """Finds quick handlers by method and raw path. Each path has one variable, the instance."""

    def __init__(self, routes: Sequence[tuple[str, str, QuickHandler]]) -> None:
        self._routes = [(method, *_around(path), handler) for method, path, handler in routes]

    def find(self, request: web.BaseRequest) -> Callable[[], Awaitable[web.StreamResponse]] | None:
        """The handler to call, or None for the usual way."""
        path = request.rel_url.raw_path
        for method, before, after, handler in self._routes:
            if request.method != method or not (path.startswith(before) and path.endswith(after)):
                continue
            instance = path[len(before) : len(path) - len(after)]
            if instance and "/" not in instance and "%" not in path and _ordinary(request):
                return lambda: handler(request, instance)
        return None


class QuickAnswer(web.StreamResponse):
    """A small JSON answer. `trace` is the id of its request."""

    def __init__(self, status: HTTPStatus, body: bytes) -> None:
        super().__init__(status=status)
        self.trace = ""
        self._line = f"HTTP/1.1 {status.value} {status.phrase}"
        self._bytes = body
        self._to: web.BaseRequest | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Nothing is sent yet; the head goes out with the body."""
        self._to = request
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive and request.version == HttpVersion11
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it all. A client that is gone is no error, as everywhere in aiohttp."""
        transport = self._to.transport if self._to is not None else None
        if transport is not None and not transport.is_closing():
            transport.write(self._head() + self._bytes + data)

    def _head(self) -> bytes:
        lines = [
            self._line,
            "Content-Type: application/json",
            f"Content-Length: {len(self._bytes)}",
            f"Date: {_date()}",
            f"Server: {SERVER_NAME}",
            *(f"{name}: {self.trace}" for name in TRACE_HEADERS),
        ]
        if not self._keep_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _around(path: str) -> tuple[str, str]:
    before, after = re.split(_VARIABLE, path)
    return before, after


def _ordinary(request: web.BaseRequest) -> bool:
    return request.version == HttpVersion11 and hdrs.EXPECT not in request.headers


_dated: tuple[int, str] = (0, "")


def _date() -> str:
    """The time of day for the Date header (RFC 9110 section 6.6.1), made once a second."""
    global _dated  # noqa: PLW0603  a cache of one line
    second = int(time.time())
    if _dated[0] != second:
        _dated = (second, formatdate(second, usegmt=True))
    return _dated[1]
