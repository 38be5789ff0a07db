"""Deleting what is old: a reader looks for it, the writer deletes it in small batches.

Idempotency keys go by age alone. Neither a delivery that may still be sent nor its event is touched.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.storage.sqlite.statements import SQL
from gateway.storage.sqlite.tally import Tally

_WITH_DELIVERIES = (
    "delete_attempts", "delete_receipts", "delete_sent", "delete_repeats", "end_holds", "delete_deliveries"
)  # fmt: skip
IDLE_SECONDS = 86_400.0
"""How long a limit is remembered that nothing counts against any more."""


@dataclass(frozen=True, slots=True)
class Ages:
    """What counts as old, in seconds since the epoch; `now` tells rows of the future apart."""

    events_before: float
    deliveries_before: float
    keys_before: float
    now: float


@dataclass(frozen=True, slots=True)
class Old:
    """Rows that were old when they were looked for."""

    keys: Sequence[int]
    deliveries: Sequence[int]
    events: Sequence[int]
    limit: int
    incidents: Sequence[tuple[int, str]] = ()


def find_old(connection: sqlite3.Connection, ages: Ages, limit: int) -> Old:
    """At most `limit` rows to delete; events whose deliveries go with this call are found by the next."""
    parameters = {"before": ages.keys_before, "now": ages.now, "limit": limit}
    keys = [number for (number,) in connection.execute(SQL["old_keys"], parameters)]
    parameters = {"before": ages.deliveries_before, "now": ages.now, "limit": limit - len(keys)}
    deliveries = [number for (number,) in connection.execute(SQL["old_deliveries"], parameters)]
    parameters = {
        "before": ages.events_before,
        "quarantined_before": ages.deliveries_before,
        "now": ages.now,
        "limit": limit - len(keys) - len(deliveries),
    }
    events = [number for (number,) in connection.execute(SQL["old_events"], parameters)]
    limited = {"before": ages.deliveries_before, "limit": limit}
    incidents = connection.execute(SQL["old_incidents"], limited).fetchall()
    return Old(keys, deliveries, events, limit, incidents)


def delete_old(connection: sqlite3.Connection, old: Old, ages: Ages) -> int:
    """Delete what was found, if it is still to go; return how many rows went, not counting their attempts."""
    deleted = _delete_deliveries(connection, old.deliveries, ages.deliveries_before)
    for name, numbers in (("delete_keys", old.keys), ("delete_events", old.events)):
        if numbers:
            deleted += connection.execute(SQL[name], (json.dumps(numbers),)).rowcount
    _delete_stories(connection, old)
    connection.execute(SQL["delete_rates"], (ages.now - IDLE_SECONDS,))
    return deleted + _delete_windows(connection, ages, old.limit - deleted)


def _delete_windows(connection: sqlite3.Connection, ages: Ages, limit: int) -> int:
    deleted = 0
    for name in ("delete_quiet_windows", "delete_busy_windows"):
        given = {"now": ages.now, "before": ages.deliveries_before, "limit": max(limit - deleted, 0)}
        deleted += connection.execute(SQL[name], given).rowcount
    return deleted


def _delete_stories(connection: sqlite3.Connection, old: Old) -> None:
    """Closed incidents that nothing happened to for long; their chapters go with their events."""
    if old.events:
        connection.execute(SQL["delete_chapters"], (json.dumps(old.events),))
    if old.incidents:
        connection.execute(SQL["delete_incidents"], (json.dumps([number for number, _ in old.incidents]),))
        connection.execute(SQL["delete_threads"], (json.dumps([id for _, id in old.incidents]),))


def _delete_deliveries(connection: sqlite3.Connection, numbers: Sequence[int], before: float) -> int:
    if not numbers:
        return 0
    ended = connection.execute(SQL["ended_among"], (json.dumps(numbers), before)).fetchall()
    listed = (json.dumps([number for number, _ in ended]),)
    for name in _WITH_DELIVERIES:
        connection.execute(SQL[name], listed)
    tally = Tally()
    for state, count in Counter(state for _, state in ended).items():
        tally.add(state, -count)
    tally.write(connection)
    return len(ended)
