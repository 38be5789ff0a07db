"""One client connection, and the book of all of them: what bounds slow, silent, greedy and too many clients.

aiohttp limits neither the time of a request head nor the bytes of all its headers together (facts:
reliability-security 0.2 and 3.4). Here each connection has a deadline whenever it waits for its client, the
bytes of a head are counted as they come, and connections are counted in all and by address. Bodies are timed
where they are read (`body.py`).
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import structlog
from aiohttp import StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.api.problem import (
    FULL,
    HEAD_TOO_LARGE,
    MAX_LINE_BYTES,
    on_the_wire,
    respond,
    unreadable,
)
from gateway.pipeline.receive import MAX_HEAD_BYTES, MAX_HEADERS

log = structlog.get_logger()

MAX_FIELD_BYTES = 200 * 1024
"""One header, name and value: 64 KiB of an event in binary mode, percent-encoded, are 192 KiB."""
LINGER_SECONDS = 2.0
"""How long what a refused client still sends is read and thrown away, so that it can read the refusal."""
MIN_ANSWER_RATE = 1024
"""Bytes a second of an answer that a client must take to be let go on taking it after its deadline."""

_BLANK_LINE = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may use. Times in seconds; `idle_seconds` is how long a kept connection may be unused.

    `max_per_address` is how many of `max_connections` one address may have.
    """

    head_seconds: float = 10.0
    idle_seconds: float = 10.0
    max_connections: int = 1024
    max_per_address: int = 512
    max_body_bytes: int = 1_048_576

    @property
    def max_wire_bytes(self) -> int:
        """Bytes of one request after its head, chunk framing and trailers included."""
        return 2 * self.max_body_bytes + MAX_HEAD_BYTES


class Connections:
    """The book of open connections. `refused` is told the code of every request refused down here."""

    def __init__(
        self, limits: Limits, monotonic: Callable[[], float], refused: Callable[[str], None]
    ) -> None:
        self.limits = limits
        self.monotonic = monotonic
        self.refused = refused
        self._open: set[Connection] = set()
        self._unproven: dict[Connection, None] = {}
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Let a new connection in, if there is room or room can be made.

        A connection that has sent no whole request yet gives its place to a newer one, the oldest first:
        so neither silence nor slowness keeps others out.
        """
        limits, address = self.limits, connection.address
        if self._by_address[address] >= limits.max_per_address and not self._make_room(address):
            return False
        if len(self._open) >= limits.max_connections and not self._make_room(None):
            return False
        self._open.add(connection)
        self._unproven[connection] = None
        self._by_address[address] += 1
        return True

    def proven(self, connection: Connection) -> None:
        """It has sent a whole request."""
        self._unproven.pop(connection, None)

    def forget(self, connection: Connection) -> None:
        """It is gone."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        self._unproven.pop(connection, None)
        self._by_address[connection.address] -= 1
        if not self._by_address[connection.address]:
            del self._by_address[connection.address]

    def sweep(self) -> None:
        """Cut off every connection whose client has let its deadline pass."""
        now = self.monotonic()
        for connection in [one for one in self._open if one.deadline < now]:
            connection.overdue(now)

    def close_unused(self) -> None:
        """Close those with no request under way."""
        for connection in [one for one in self._open if one.awaits_request]:
            connection.cut()

    def _make_room(self, address: str | None) -> bool:
        for connection in self._unproven:
            if address is None or connection.address == address:
                connection.cut()
                self.forget(connection)
                return True
        return False


class Connection(web.RequestHandler):
    """aiohttp's connection, with deadlines and bounds.

    `deadline` is a time of the monotonic clock, infinite while a handler runs; `trace` is the id of the
    request in hand.
    """

    __slots__ = (
        "_book",
        "_head_bytes",
        "_head_refused",
        "_head_tail",
        "_proven",
        "_unsent",
        "_wire_bytes",
        "_wire_limit",
        "address",
        "awaits_request",
        "deadline",
        "trace",
    )

    def __init__(self, book: Connections, server: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]
            auto_decompress=False,
            lingering_time=LINGER_SECONDS,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            max_headers=MAX_HEADERS,
        )
        self._book = book
        self.address = ""
        self.trace = ""
        self.deadline = math.inf
        self.awaits_request = True
        self._proven = False
        self._head_bytes = 0
        self._head_tail = b""
        self._head_refused = False
        self._wire_bytes = 0
        self._wire_limit = book.limits.max_wire_bytes
        self._unsent = 0

    def begin(self, trace: str) -> None:
        """A handler starts on a request of this connection."""
        self.trace = trace
        self.deadline = math.inf
        self.awaits_request = False
        self._wire_bytes = self._unsent = 0
        if not self._proven:
            self._proven = True
            self._book.proven(self)

    def finish(self, content: StreamReader) -> None:
        """The handler is done; `content` is the body of its request."""
        self.deadline = self._book.monotonic() + self._book.limits.idle_seconds
        self.awaits_request = content.is_eof()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if isinstance(peer, tuple) else ""
        if self._book.admit(self):
            self.deadline = self._book.monotonic() + self._book.limits.head_seconds
            super().connection_made(transport)
            return
        self._book.refused(FULL.code)
        self.force_close()
        cast(asyncio.Transport, transport).write(on_the_wire(FULL, new_trace()))
        transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._book.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.awaits_request:
            self._wire_bytes += len(data)
            if self._wire_bytes > self._wire_limit:
                self.cut()
                return
        elif self._head_bytes or _BLANK_LINE not in data:
            if not self._gather_head(data):
                return
        else:
            self.awaits_request = False
            self._wire_bytes = len(data)
        super().data_received(data)

    def _gather_head(self, data: bytes) -> bool:
        """Count a head that comes in pieces; False when it is too large."""
        if not data:
            return True
        if not self._head_bytes:
            self.deadline = self._book.monotonic() + self._book.limits.head_seconds
        seen = self._head_tail + data
        end = seen.find(_BLANK_LINE)
        self._head_bytes += len(data) if end < 0 else end - len(self._head_tail)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head()
            return False
        if end < 0:
            self._head_tail = seen[-3:]
        else:
            self.awaits_request, self._wire_bytes = False, len(data)
            self._head_bytes, self._head_tail = 0, b""
        return True

    def _refuse_head(self) -> None:
        """Answer in place of a handler, and read on for a moment so that the answer can be read.

        The parser may have refused what it has of this head as well: whoever comes first answers.
        """
        if self.transport is not None and not self._head_refused:
            self._head_refused = True
            self._book.refused(HEAD_TOO_LARGE.code)
            self.transport.write(on_the_wire(HEAD_TOO_LARGE, new_trace()))
        self.close()
        self.awaits_request, self._wire_limit = False, sys.maxsize
        self.deadline = self._book.monotonic() + LINGER_SECONDS

    def overdue(self, now: float) -> None:
        """The deadline has passed: the end, unless the client is steadily taking a long answer."""
        limits, unsent = self._book.limits, self.transport.get_write_buffer_size() if self.transport else 0
        taken = self._unsent - unsent if self._unsent else unsent
        self._unsent = unsent
        if unsent and taken >= MIN_ANSWER_RATE * limits.idle_seconds:
            self.deadline = now + limits.idle_seconds
        else:
            self.cut()

    def cut(self) -> None:
        """End the connection now, whatever is still unsent."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what the HTTP parser refused: in our form, and without a stack trace in the log.

        Other errors get here only when no answer is possible any more (`Server._explain`).
        """
        if not isinstance(exc, HttpProcessingError):
            raise ConnectionAbortedError("the connection ends without a whole answer") from exc
        if self._head_refused:
            raise ConnectionAbortedError("this head was refused already") from exc
        self._head_refused = True
        told = unreadable(exc)
        self._book.refused(told.code)
        response = respond(told, new_trace())
        response.force_close()
        return response

    def log_exception(self, *args: Any, **named: Any) -> None:
        """What aiohttp itself could not handle; one line, with its cause."""
        log.error("connection.failed", reason=args[0] if args else "", exc_info=named.get("exc_info"))


def new_trace() -> str:
    """The id of a request: 16 hexadecimal digits, which tell nothing and need not be secret."""
    return random.getrandbits(64).to_bytes(8).hex()
