"""One connection to a receiver, one exchange at a time.

What a failure means depends on one moment: before the request was written nothing has happened; from
then on, whatever goes wrong without a whole answer is ambiguous, because the receiver may have acted.
An answer that says no is believed even when its body is cut short; a yes has to be whole.
"""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import HttpAnswer
from gateway.transport.answer import AnswerParser, MalformedAnswer
from gateway.transport.limits import Limits

_buffer = memoryview(bytearray(16_384))
"""One for all connections: the loop reads one at a time, and what it read is parsed before the next."""

_TRUST_SECONDS = 0.01
"""After a longer rest than this the socket is looked at before it is written to."""


class Connection(asyncio.BufferedProtocol):
    """A connection, filled in by `loop.create_connection`.

    `fresh` is True until a request was written; `closed` is done once the connection is.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, peer: str, limits: Limits
    ) -> None:
        self.fresh = True
        self.closed: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._sock = sock
        self._peer = peer
        self._limits = limits
        self._parser = AnswerParser(limits)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[HttpAnswer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._replace_at = loop.time() + limits.connection_seconds
        self._rests_since = self._rests_until = 0.0

    def exchange(self, message: bytes, method: str, deadline: float) -> asyncio.Future[HttpAnswer] | None:
        """Write a request; the future brings the answer or DeliveryFailed(ambiguous).

        It does so by `deadline` (loop time). None if the connection turned out to be closed and nothing
        was written.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            return None
        self._parser.expect(method)
        waiter: asyncio.Future[HttpAnswer] = self._loop.create_future()
        self._waiter = waiter
        self._expire_at(deadline)
        transport.write(message)
        # A write into a connection that the kernel knows to be closed fails as a whole, at once.
        if transport.is_closing():
            self._waiter = None
            return None
        self.fresh = False
        return waiter

    def rest(self, now: float) -> bool:
        """After an exchange: True if another may follow, for which it then waits a bounded time."""
        transport = self._transport
        if (
            transport is None
            or transport.is_closing()
            or self._waiter is not None
            or not self._parser.reusable
            or transport.get_write_buffer_size()
        ):
            return False
        promised = self._parser.idle_seconds
        # A second less than the peer promised, so that its closing does not cross our next request.
        seconds = (
            self._limits.idle_seconds if promised is None else min(self._limits.idle_seconds, promised - 1)
        )
        self._rests_since = now
        self._rests_until = min(now + seconds, self._replace_at)
        return now < self._rests_until

    def expired(self, now: float) -> bool:
        """True when it has rested too long, or is too old."""
        return now >= self._rests_until

    def usable(self, now: float) -> bool:
        """True when a resting connection may be written to: open, young, and nothing came meanwhile."""
        transport = self._transport
        if transport is None or transport.is_closing() or now >= self._rests_until:
            return False
        return now - self._rests_since < _TRUST_SECONDS or not self._stirred()

    def abort(self) -> None:
        """Close at once, without the courtesies of TLS."""
        if self._transport is not None:
            self._transport.abort()

    def _stirred(self) -> bool:
        """True if the kernel already holds an end, an error or stray bytes that the loop has not seen yet."""
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            pass
        return True

    def _expire_at(self, deadline: float) -> None:
        """One timer serves many exchanges: it is moved only when it would fire too late."""
        self._deadline = deadline
        timer = self._timer
        if timer is None or timer.when() > deadline:
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._expire_at(self._deadline)
        else:
            self._cut_short("no whole answer in time")

    def _succeed(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(self._parser.answer())

    def _cut_short(self, detail: str) -> None:
        waiter, self._waiter = self._waiter, None
        self.abort()
        if waiter is None or waiter.done():
            return
        status = self._parser.status
        if status is None:
            waiter.set_exception(DeliveryFailed(Reason.AMBIGUOUS, f"{self._peer}: {detail}"))
        elif 200 <= status < 300:
            text = self._parser.answer().text
            failure = DeliveryFailed(
                Reason.AMBIGUOUS,
                f"{self._peer}: answered {status}, but {detail}",
                status=status,
                excerpt=text,
            )
            waiter.set_exception(failure)
        else:
            waiter.set_result(self._parser.answer(truncated=True))

    # What follows is called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            self.abort()
            return
        try:
            if self._parser.feed(_buffer[:nbytes]):
                self._succeed()
        except MalformedAnswer as malformed:
            self._cut_short(f"no readable answer ({malformed})")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if self._waiter is not None:
            if exc is None and self._parser.end_of_stream():
                self._succeed()
            else:
                self._cut_short("the connection was lost" if exc else "the connection was closed")
        self._parser.forget()
        if not self.closed.done():
            self.closed.set_result(None)
