"""Connections kept alive, by origin: how many there may be, who waits, which one is taken next.

The one used last is taken first, so that the others grow old and go. A connection belongs either to
one exchange or to its lane; its place in the lane is freed exactly once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.url import Url
from gateway.transport.connection import Connection
from gateway.transport.limits import Limits

_SWEEP_SECONDS = 5.0
_CLOSE_SECONDS = 1.0

Origin = tuple[str, str, int]
Connect = Callable[[Url, float], Awaitable[Connection]]


@dataclass(slots=True, eq=False)
class Lane:
    """What there is for one origin. `places` counts connections that are open or being opened."""

    origin: Origin
    places: int = 0
    idle: list[Connection] = field(default_factory=list)
    waiting: deque[asyncio.Future[Connection | None]] = field(default_factory=deque)


class Pool:
    """Hands out connections; `connect` makes new ones."""

    def __init__(self, limits: Limits, connect: Connect) -> None:
        self._limits = limits
        self._connect = connect
        self._lanes: dict[Origin, Lane] = {}
        self._idle: dict[Connection, Lane] = {}
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self, origin: Origin, now: float) -> Connection | None:
        """A connection that waits for work, if there is one."""
        lane = self._lanes.get(origin)
        while lane is not None and lane.idle:
            connection = lane.idle.pop()
            del self._idle[connection]
            if connection.usable(now):
                return connection
            self._discard(lane, connection)
        return None

    async def open(self, url: Url, deadline: float) -> Connection:
        """A new connection, or one that became free while waiting for a place. `deadline` is loop time.

        Raises DeliveryFailed: unavailable, timeout, tls, blocked_address.
        """
        self._refuse_when_closed()
        lane = self._lanes.setdefault(url.origin, Lane(url.origin))
        if lane.places < self._limits.connections_per_origin:
            lane.places += 1
        else:
            free = await self._wait(lane, url, deadline)
            if free is not None:
                return free
        try:
            connection = await self._connect(url, deadline)
        except BaseException:
            self._free_place(lane)
            raise
        self._open.add(connection)
        connection.closed.add_done_callback(lambda _: self._lost(connection))
        try:
            self._refuse_when_closed()
        except DeliveryFailed:
            self._discard(lane, connection)
            raise
        return connection

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise DeliveryFailed(Reason.UNAVAILABLE, "the HTTP client is closed")

    def release(self, origin: Origin, connection: Connection, now: float) -> None:
        """Give a connection back after its exchange; it is kept, passed on, or closed."""
        lane = self._lanes[origin]
        if self._closed or not connection.rest(now):
            self._discard(lane, connection)
            return
        while lane.waiting:
            waiter = lane.waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        lane.idle.append(connection)
        self._idle[connection] = lane
        if len(self._idle) > self._limits.idle_connections:
            self._evict(next(iter(self._idle)))
        self._sweep_later()

    async def close(self) -> None:
        """Close every connection, busy ones too; whoever uses one gets DeliveryFailed."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in list(self._idle):
            self._evict(connection)
        for connection in self._open:
            connection.abort()
        if self._open:
            await asyncio.wait([connection.closed for connection in self._open], timeout=_CLOSE_SECONDS)

    async def _wait(self, lane: Lane, url: Url, deadline: float) -> Connection | None:
        """A connection that became free, or None for the place of one that closed."""
        if len(lane.waiting) >= self._limits.waiting_per_origin:
            raise DeliveryFailed(Reason.UNAVAILABLE, f"too many requests wait for {url.authority}")
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        lane.waiting.append(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                return await waiter
        except BaseException as error:
            self._stop_waiting(lane, waiter)
            if isinstance(error, TimeoutError):
                raise DeliveryFailed(
                    Reason.TIMEOUT, f"no connection to {url.authority} became free in time"
                ) from None
            raise

    def _stop_waiting(self, lane: Lane, waiter: asyncio.Future[Connection | None]) -> None:
        if waiter in lane.waiting:
            lane.waiting.remove(waiter)
        elif waiter.done() and not waiter.cancelled():
            # What was handed over at this very moment goes to the next one.
            granted = waiter.result()
            if granted is None:
                self._free_place(lane)
            else:
                self.release(lane.origin, granted, asyncio.get_running_loop().time())

    def _discard(self, lane: Lane, connection: Connection) -> None:
        connection.abort()
        self._free_place(lane)

    def _evict(self, connection: Connection) -> None:
        lane = self._idle.pop(connection)
        lane.idle.remove(connection)
        self._discard(lane, connection)

    def _free_place(self, lane: Lane) -> None:
        while lane.waiting:
            waiter = lane.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        lane.places -= 1
        if lane.places == 0:
            self._lanes.pop(lane.origin, None)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._evict(connection)

    def _sweep_later(self) -> None:
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = asyncio.get_running_loop().time()
        for connection in [each for each in self._idle if each.expired(now)]:
            self._evict(connection)
        if self._idle:
            self._sweep_later()
