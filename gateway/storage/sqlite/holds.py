"""What policies hold back, on SQLite: looked at, released, folded into another delivery."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gateway.domain.clock import Clock
from gateway.domain.delivery import FOLDED_INTO, State
from gateway.domain.ids import SubscriptionId
from gateway.ports import Entry, Folding, HeldDelivery, HeldStream
from gateway.storage import rows
from gateway.storage.incoming import Append
from gateway.storage.sqlite.appending import write_appends
from gateway.storage.sqlite.space import Space
from gateway.storage.sqlite.statements import SQL, execute, execute_rows
from gateway.storage.sqlite.tally import Tally
from gateway.storage.sqlite.workers import Workers
from gateway.storage.sqlite.writer import Writer


class _OvertakenError(Exception):
    """Somebody else was faster; the transaction is undone."""


class SqliteHolds:
    """Implements `gateway.ports.Holds`. `freed` is told when deliveries have become due."""

    def __init__(
        self,
        writer: Writer,
        readers: Workers,
        space: Space,
        clock: Clock,
        *,
        incarnation: int,
        next_number: Callable[[], int],
        freed: Callable[[], None],
    ) -> None:
        self._writer, self._readers, self._space, self._clock = writer, readers, space, clock
        self._incarnation, self._next_number, self._freed = incarnation, next_number, freed

    async def due(self, now: float, limit: int) -> Sequence[HeldStream]:
        """Streams to be looked at. Asked of the writer: readers may be deep in searches."""
        found = await self._writer.run(
            lambda connection: connection.execute(SQL["streams_due"], (now, limit)).fetchall()
        )
        return [HeldStream(*row) for row in found]

    async def next_due(self) -> float | None:
        """When the next stream is to be looked at."""
        due: float | None = await self._writer.run(
            lambda connection: connection.execute(SQL["next_stream"]).fetchone()[0]
        )
        return due

    async def held(
        self, stream: str, *, until: float, after: int = 0, limit: int = 500
    ) -> Sequence[HeldDelivery]:
        """Deliveries of a stream; see `Holds.held`."""
        given = {"stream": stream, "until": until, "after": after, "limit": limit}
        return await self._readers.run(
            lambda connection: [rows.held(row) for row in connection.execute(SQL["held"], given)]
        )

    async def release(self, stream: str, *, until: float, limit: int, wake_at: float) -> int:
        """Make deliveries of a stream pending; see `Holds.release`."""
        work = partial(_release, stream, until, limit, wake_at, self._clock.now())
        released = await self._writer.run(work)
        if released:
            self._freed()
        return released

    async def postpone(self, stream: str, wake_at: float) -> None:
        """Look at a stream then."""
        await self._writer.run(lambda connection: execute(connection, "postpone", (wake_at, stream)))

    async def rouse(self, subscription_ids: Sequence[SubscriptionId]) -> None:
        """Look at what is held for these now."""
        given = (self._clock.now(), json.dumps(list(subscription_ids)))
        await self._writer.run(lambda connection: execute(connection, "rouse", given))

    async def fold(self, entry: Entry, folding: Folding, *, routed_with: int) -> bool:
        """Append an entry and fold held deliveries into it; see `Holds.fold`."""
        now = self._clock.now()
        append = Append((entry,), routed_with, owner=self._incarnation, now=now)
        rows.require_foldable(entry)
        try:
            await self._writer.run(partial(self._fold, append, entry, folding, now))
        except _OvertakenError:
            return False
        self._freed()
        return True

    async def memory(self, subscription_id: SubscriptionId, recipient: str) -> bytes | None:
        """What the last fold of this receiver left."""
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["memory"], (subscription_id, recipient)).fetchone()
        )
        return found[0] if found else None

    def _fold(
        self, append: Append, entry: Entry, folding: Folding, now: float, connection: sqlite3.Connection
    ) -> None:
        self._space.demand(connection)
        tally = Tally()
        _append(connection, append, self._next_number, now, tally)
        _fold_held(connection, folding, entry, now, tally)
        tally.write(connection)


def _append(
    connection: sqlite3.Connection,
    append: Append,
    next_number: Callable[[], int],
    now: float,
    tally: Tally,
) -> None:
    (outcome,) = write_appends(connection, (append,), next_number, tally, now)
    if isinstance(outcome, Exception):
        raise outcome
    if outcome[0].duplicate:
        raise _OvertakenError


def _fold_held(
    connection: sqlite3.Connection, folding: Folding, entry: Entry, now: float, tally: Tally
) -> None:
    first = entry.planned[0]
    given = {"stream": folding.stream, "until": folding.until, "up_to": folding.up_to}
    numbers = json.dumps([number for (number,) in connection.execute(SQL["foldable"], given)])
    reason = FOLDED_INTO + first.id
    folded = connection.execute(SQL["fold"], {"numbers": numbers, "reason": reason, "now": now}).rowcount
    if folded != folding.number:
        raise _OvertakenError
    tally.move(State.HELD.value, State.FOLDED.value, folded)
    connection.execute(SQL["end_holds_up_to"], given)
    _go_on(connection, folding.stream, now)
    if folding.memory is not None:
        memory = (first.subscription_id, first.recipient, bytearray(folding.memory))
        connection.execute(SQL["put_memory"], memory)


def _release(
    stream: str, until: float, limit: int, wake_at: float, now: float, connection: sqlite3.Connection
) -> int:
    given = {"stream": stream, "until": until, "limit": max(limit, 0), "up_to": (1 << 63) - 1}
    numbers = [number for (number,) in connection.execute(SQL["releasable"], given)]
    listed = json.dumps(numbers)
    connection.execute(SQL["unhold"], {"numbers": listed, "reason": "", "now": now})
    connection.execute(SQL["end_holds"], (listed,))
    if len(numbers) < limit:
        # What is left of them is not held any more.
        connection.execute(SQL["end_holds_up_to"], given)
    _go_on(connection, stream, wake_at)
    tally = Tally()
    tally.move(State.HELD.value, State.PENDING.value, len(numbers))
    tally.write(connection)
    return len(numbers)


def _go_on(connection: sqlite3.Connection, stream: str, wake_at: float) -> None:
    """Say when to look at what is left of a stream; without holds there is none."""
    given: dict[str, Any] = {"stream": stream, "wake_at": wake_at}
    (then,) = connection.execute(SQL["wakes_at"], given).fetchone()
    if then is None:
        connection.execute(SQL["end_stream"], given)
    else:
        connection.execute(SQL["postpone"], (then, stream))


def hold_settled(connection: sqlite3.Connection, holds: Sequence[tuple[Any, ...]]) -> None:
    """Write the holds of deliveries that were settled as held."""
    execute_rows(connection, "add_streams_of", holds)
    execute_rows(connection, "add_holds_of", holds)
