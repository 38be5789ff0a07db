"""Which due deliveries are leased next: fair between destinations, oldest first within each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asyncpg import Record

from gateway.domain.ids import DeliveryId, DestinationId
from gateway.storage.postgres.faults import AGAIN
from gateway.storage.postgres.statements import Connection, fetch

ORDER = 2
"""Columns of a leased row that say only when it was due and its number, before those of the claim."""


async def lease_due(
    connection: Connection,
    room: Mapping[DestinationId, int],
    *,
    default_room: int,
    limit: int,
    now: float,
    incarnation: int,
) -> Sequence[Record]:
    """Lease what is due, as `Ledger.claim` says.

    Each destination gets an equal share; what some leave of theirs goes to the others in the next round.
    """
    rooms = {
        destination_id: min(room.get(destination_id, default_room), limit)
        for due_at, destination_id in await _heads(connection)
        if due_at <= now and room.get(destination_id, default_room) > 0
    }
    leased: list[Record] = []
    while rooms and len(leased) < limit:
        quotas = _quotas(rooms, limit - len(leased))
        try:
            found = await fetch(
                connection,
                "lease",
                destination_ids=list(quotas),
                quotas=list(quotas.values()),
                now=now,
                incarnation=incarnation,
            )
        except AGAIN:
            if not leased:
                raise
            break  # what the rounds before have leased is not to be forgotten
        leased += found
        rooms = _left(rooms, quotas, found)
    return sorted(leased, key=lambda row: (row["due_at"], row["number"]))


async def lease_suspect(connection: Connection, *, now: float, incarnation: int) -> Sequence[Record]:
    """Lease the oldest due delivery that lost its lease three times or more, if there is one."""
    return await fetch(connection, "lease_suspect", now=now, incarnation=incarnation)


def lease_of(row: Record) -> tuple[DeliveryId, int]:
    """The delivery and the epoch of a leased row."""
    return DeliveryId(row[ORDER]), row[ORDER + 1]


async def _heads(connection: Connection) -> Sequence[tuple[float, DestinationId]]:
    found = await fetch(connection, "due_heads")
    return sorted((row["due_at"], DestinationId(row["destination_id"])) for row in found)


def _quotas(rooms: Mapping[DestinationId, int], limit: int) -> dict[DestinationId, int]:
    """An equal share each; with more destinations than places, one for those that waited longest."""
    share = max(1, limit // len(rooms))
    return {one: min(room, share) for one, room in list(rooms.items())[:limit]}


def _left(
    rooms: Mapping[DestinationId, int], quotas: Mapping[DestinationId, int], found: Sequence[Record]
) -> dict[DestinationId, int]:
    """Those that used up their share and have room for more."""
    taken = dict.fromkeys(rooms, 0)
    for row in found:
        taken[row["destination_id"]] += 1
    return {
        one: room - taken[one]
        for one, room in rooms.items()
        if one not in quotas or (taken[one] == quotas[one] and room > taken[one])
    }
