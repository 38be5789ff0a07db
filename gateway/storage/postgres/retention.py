"""Deleting what is old, in small transactions that pass over what anybody else is just using."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.storage.postgres.statements import Connection, fetch

IDLE_SECONDS = 86_400.0
"""How long a limit is remembered that nothing counts against any more."""


@dataclass(frozen=True, slots=True)
class Ages:
    """What counts as old, in seconds since the epoch; `now` tells rows of the future apart."""

    events_before: float
    deliveries_before: float
    keys_before: float
    now: float


async def delete_old(connection: Connection, ages: Ages, limit: int, incarnation: int) -> int:
    """Delete at most `limit` rows; return how many, not counting their attempts."""
    keys = await fetch(connection, "delete_keys", before=ages.keys_before, now=ages.now, limit=limit)
    deliveries = await fetch(
        connection,
        "delete_deliveries",
        before=ages.deliveries_before,
        now=ages.now,
        limit=limit - len(keys),
        incarnation=incarnation,
    )
    await fetch(connection, "delete_incidents", before=ages.deliveries_before, limit=limit)
    left = limit - len(keys) - len(deliveries)
    events = await _delete_events(connection, ages, left)
    await fetch(connection, "delete_rates", idle_since=ages.now - IDLE_SECONDS)
    return len(keys) + len(deliveries) + events + await _delete_windows(connection, ages, left - events)


async def _delete_windows(connection: Connection, ages: Ages, limit: int) -> int:
    deleted = 0
    for name in ("delete_quiet_windows", "delete_busy_windows"):
        given = {"now": ages.now, "before": ages.deliveries_before, "limit": max(limit - deleted, 0)}
        deleted += len(await fetch(connection, name, **given))
    return deleted


async def _delete_events(connection: Connection, ages: Ages, limit: int) -> int:
    async with connection.transaction():
        locked = await fetch(
            connection,
            "lock_old_events",
            before=ages.events_before,
            quarantined_before=ages.deliveries_before,
            now=ages.now,
            limit=limit,
        )
        numbers = [row[0] for row in locked]
        gone = await fetch(connection, "delete_events", numbers=numbers)
        if gone:
            await fetch(connection, "delete_chapters", numbers=numbers)
        return len(gone)
