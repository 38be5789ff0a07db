"""What policies hold back, on PostgreSQL: looked at, released, folded into another delivery.

Locks are taken in one order: the registry's row where there is something to append, a stream, its deliveries
in the order of their numbers, the counts last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.domain.delivery import FOLDED_INTO, State
from gateway.domain.ids import SubscriptionId
from gateway.ports import Entry, Folding, HeldDelivery, HeldStream, StaleRoutingError
from gateway.storage import rows
from gateway.storage.incoming import Append, Settle
from gateway.storage.postgres.appending import write_appends
from gateway.storage.postgres.connections import Connections
from gateway.storage.postgres.news import News, Topic
from gateway.storage.postgres.node import Node
from gateway.storage.postgres.statements import Connection, columns, fetch, fetch_row, fetch_value
from gateway.storage.postgres.tally import Tally

_HOLD = ("ids", "epochs", "streams", "untils", "ranks")
_ALL = (1 << 63) - 1


class _OvertakenError(Exception):
    """Somebody else was faster; the transaction is undone."""


class PostgresHolds:
    """Implements `gateway.ports.Holds`."""

    def __init__(self, connections: Connections, node: Node, news: News) -> None:
        self._connections, self._node, self._news = connections, node, news

    async def due(self, now: float, limit: int) -> Sequence[HeldStream]:
        """Streams to be looked at."""
        found = await self._connections.run(
            lambda connection: fetch(connection, "streams_due", now=now, limit=limit)
        )
        return [HeldStream(*row) for row in found]

    async def next_due(self) -> float | None:
        """When the next stream is to be looked at."""
        due: float | None = await self._connections.run(
            lambda connection: fetch_value(connection, "next_stream")
        )
        return due

    async def held(
        self, stream: str, *, until: float, after: int = 0, limit: int = 500
    ) -> Sequence[HeldDelivery]:
        """Deliveries of a stream; see `Holds.held`."""
        given: dict[str, Any] = {"stream": stream, "until": until, "after": after, "limit": limit}
        found = await self._connections.run(lambda connection: fetch(connection, "held", **given))
        return [rows.held(tuple(row)) for row in found]

    async def release(self, stream: str, *, until: float, limit: int, wake_at: float) -> int:
        """Make deliveries of a stream pending; see `Holds.release`."""
        released = await self._connections.run(
            lambda connection: self._release(connection, stream, until, max(limit, 0), wake_at)
        )
        if released:
            self._news.soon(Topic.DUE)
        return released

    async def postpone(self, stream: str, wake_at: float) -> None:
        """Look at a stream then."""
        await self._connections.run(
            lambda connection: fetch(connection, "postpone", stream=stream, wake_at=wake_at)
        )

    async def rouse(self, subscription_ids: Sequence[SubscriptionId]) -> None:
        """Look at what is held for these now."""
        ids, now = list(subscription_ids), self._node.clock.now()
        await self._connections.run(lambda connection: fetch(connection, "rouse", ids=ids, now=now))

    async def fold(self, entry: Entry, folding: Folding, *, routed_with: int) -> bool:
        """Append an entry and fold held deliveries into it; see `Holds.fold`."""
        rows.require_foldable(entry)
        try:
            await self._connections.run(
                lambda connection: self._fold(connection, entry, folding, routed_with)
            )
        except _OvertakenError:
            return False
        self._news.soon(Topic.DUE)
        return True

    async def memory(self, subscription_id: SubscriptionId, recipient: str) -> bytes | None:
        """What the last fold of this receiver left."""
        given = {"subscription_id": subscription_id, "recipient": recipient}
        body: bytes | None = await self._connections.run(
            lambda connection: fetch_value(connection, "memory", **given)
        )
        return body

    async def _release(
        self, connection: Connection, stream: str, until: float, limit: int, wake_at: float
    ) -> int:
        async with connection.transaction():
            if await fetch_row(connection, "lock_stream", stream=stream) is None:
                return 0
            given = {"stream": stream, "until": until, "up_to": _ALL}
            released: int = await fetch_value(
                connection, "release", **given, limit=limit, now=self._node.clock.now()
            )
            if released < limit:
                await fetch(connection, "end_stale_holds", **given)
            await _go_on(connection, stream, wake_at)
            tally = Tally()
            tally.move(State.HELD, State.PENDING, released)
            await tally.write(connection, self._node.incarnation)
        return released

    async def _fold(self, connection: Connection, entry: Entry, folding: Folding, routed_with: int) -> None:
        now = self._node.clock.now()
        async with connection.transaction():
            if await fetch_row(connection, "share_registry", routed_with=routed_with) is None:
                raise StaleRoutingError(f"the registry is not at version {routed_with} any more")
            await _fold_held(connection, entry, folding, now)
            tally = Tally()
            append = Append((entry,), routed_with, owner=self._node.incarnation, now=now)
            (outcome,) = await write_appends(
                connection, (append,), incarnation=self._node.incarnation, now=now, tally=tally
            )
            if isinstance(outcome, Exception):
                raise outcome
            if outcome[0].duplicate:
                raise _OvertakenError
            tally.move(State.HELD, State.FOLDED, folding.number)
            await tally.write(connection, self._node.incarnation)


async def _fold_held(connection: Connection, entry: Entry, folding: Folding, now: float) -> None:
    first = entry.planned[0]
    given = {"stream": folding.stream, "until": folding.until, "up_to": folding.up_to}
    await fetch(connection, "lock_stream", stream=folding.stream)
    folded = await fetch_value(connection, "fold", **given, reason=FOLDED_INTO + first.id, now=now)
    if folded != folding.number:
        raise _OvertakenError
    await fetch(connection, "end_stale_holds", **given)
    await _go_on(connection, folding.stream, now)
    if folding.memory is not None:
        await fetch(
            connection,
            "put_memory",
            subscription_id=first.subscription_id,
            recipient=first.recipient,
            body=folding.memory,
        )


async def _go_on(connection: Connection, stream: str, wake_at: float) -> None:
    """Say when to look at what is left of a stream; without holds there is none."""
    then = await fetch_value(connection, "wakes_at", stream=stream, wake_at=wake_at)
    if then is None:
        await fetch(connection, "end_stream", stream=stream)
    else:
        await fetch(connection, "postpone", stream=stream, wake_at=then)


async def hold_settled(connection: Connection, settles: Sequence[Settle]) -> None:
    """Write the holds of deliveries that were settled as held, in the transaction that did."""
    holds = [settle.hold for settle in settles if settle.hold]
    if holds:
        await fetch(connection, "hold_settled", **columns(_HOLD, holds))
