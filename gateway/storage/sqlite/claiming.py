"""Which due deliveries are leased next: fair between destinations, oldest first within each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.domain.delivery import State
from gateway.domain.ids import DestinationId
from gateway.storage.sqlite.statements import SQL
from gateway.storage.sqlite.tally import Tally

Row = tuple[Any, ...]


def lease_due(
    connection: sqlite3.Connection,
    room: Mapping[DestinationId, int],
    *,
    default_room: int,
    limit: int,
    now: float,
    owner: int,
) -> list[Row]:
    """Lease what is due, as `Ledger.claim` says."""
    heads = sorted(
        (due_at, destination_id)
        for destination_id, due_at in connection.execute(SQL["due_heads"])
        if due_at <= now and room.get(destination_id, default_room) > 0
    )
    # More destinations than places: those that have waited longest, one each.
    rooms = [(one, min(room.get(one, default_room), limit)) for _, one in heads[:limit]]
    ranked = _ranked(connection, rooms, limit, now)
    return _lease(connection, [number for _, _, number in sorted(ranked)[:limit]], owner)


def lease_suspect(connection: sqlite3.Connection, *, now: float, owner: int) -> list[Row]:
    """Lease the oldest due delivery that lost its lease three times or more, if there is one."""
    found = connection.execute(SQL["oldest_suspect"], (now,)).fetchone()
    return _lease(connection, [found[0]] if found else [], owner)


def _ranked(
    connection: sqlite3.Connection, rooms: Sequence[tuple[DestinationId, int]], limit: int, now: float
) -> list[tuple[int, float, int]]:
    """Candidates as (place within their destination, due time, number), enough to choose `limit` of.

    Each destination's share grows until they fill the limit together or have no more: a long backlog is
    never read further than it may be claimed.
    """
    share = max(1, limit // max(len(rooms), 1))
    while True:
        ranked: list[tuple[int, float, int]] = []
        curbed = False
        for destination_id, room in rooms:
            wanted = min(room, share)
            found = connection.execute(SQL["due_of_destination"], (destination_id, now, wanted)).fetchall()
            ranked += [(place, due_at, number) for place, (due_at, number) in enumerate(found)]
            curbed = curbed or (len(found) == wanted < room)
        if not curbed or len(ranked) >= limit:
            return ranked
        share *= 2


def _lease(connection: sqlite3.Connection, numbers: Sequence[int], owner: int) -> list[Row]:
    if not numbers:
        return []
    listed = json.dumps(numbers)
    connection.execute(SQL["lease"], (owner, listed))
    tally = Tally()
    tally.move(State.PENDING.value, State.LEASED.value, len(numbers))
    tally.write(connection)
    return connection.execute(SQL["claimed"], (listed,)).fetchall()
