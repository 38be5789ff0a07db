"""Events and their deliveries on their way into the file: made ready on the event loop, written in groups.

Rows are made ready where the caller is, so that the writing thread holds the interpreter's lock only
to hand whole lists to SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from gateway.domain.delivery import TERMINAL, Planned, State
from gateway.domain.ids import EventId
from gateway.ports import Appended, Entry, StaleRoutingError
from gateway.storage import rows
from gateway.storage.sqlite.statements import SQL, execute_rows, select_rows
from gateway.storage.sqlite.tally import Tally

PLACES = 20
"""Bits of a delivery's number that say its place within its event."""

ROW_SIZE = 600
"""Bytes that a row takes beside its texts and its data, roughly."""

# Bytes are bound as bytearrays: sqlite3 looks for an adapter of bytes each time, 0.2 us (measured).


class PreparedEntry:
    """One event as rows, lacking only its number."""

    __slots__ = ("deliveries", "event", "event_id", "key", "key_row", "leased", "quarantined", "states")

    def __init__(self, entry: Entry, owner: int, now: float) -> None:
        if len(entry.planned) >> PLACES:
            raise ValueError(f"an event has at most {1 << PLACES} deliveries")
        accepted = entry.accepted
        self.key = entry.dedup_key
        self.event_id = accepted.id
        self.quarantined = bool(entry.problems)
        self.key_row = (bytearray(self.key), accepted.id, now, 1 if self.quarantined else 0)
        self.event = _event_row(entry)
        self.deliveries = [_delivery_row(entry, planned, owner, now) for planned in entry.planned]
        self.states = [planned.state.value for planned in entry.planned]
        self.leased = [planned.id for planned in entry.planned if planned.state is State.LEASED]


class Append:
    """One call of `Ledger.append`: all of its entries are written or none."""

    __slots__ = ("entries", "routed_with", "rows", "size")

    def __init__(self, entries: Sequence[Entry], routed_with: int, *, owner: int, now: float) -> None:
        self.entries = [PreparedEntry(entry, owner, now) for entry in entries]
        self.routed_with = routed_with
        self.rows = sum(1 + len(entry.planned) for entry in entries)
        self.size = self.rows * ROW_SIZE + sum(entry.accepted.event.size for entry in entries)


class _Batch:
    """What a group adds, gathered over its calls and written in as few statements as possible."""

    def __init__(self, known: dict[bytes, tuple[str, bool]], next_number: Callable[[], int]) -> None:
        self._known = known
        self._next_number = next_number
        self._keys: dict[bytes, tuple[Any, ...]] = {}
        self._outdated: list[tuple[Any, ...]] = []
        self._replaced: list[tuple[str, str]] = []
        self._events: list[tuple[Any, ...]] = []
        self._deliveries: list[tuple[Any, ...]] = []
        self._states: list[str] = []

    def take(self, entry: PreparedEntry) -> Appended:
        """Add an entry, unless it repeats one that is stored or was added before it."""
        first = self._known.get(entry.key)
        if first is not None and (entry.quarantined or not first[1]):
            return Appended(EventId(first[0]), duplicate=True)
        self._known[entry.key] = (entry.event_id, entry.quarantined)
        if first is not None:
            self._replaced.append((entry.event_id, first[0]))
            if entry.key not in self._keys:
                self._outdated.append(entry.key_row[:1])
        number = self._next_number()
        self._keys[entry.key] = (number, *entry.key_row)
        self._events.append((number, *entry.event))
        place = number << PLACES
        for row in entry.deliveries:
            self._deliveries.append((place, *row))
            place += 1
        self._states += entry.states
        return Appended(EventId(entry.event_id))

    def write(self, connection: sqlite3.Connection, tally: Tally) -> None:
        execute_rows(connection, "forget_keys", self._outdated)
        execute_rows(connection, "add_keys", list(self._keys.values()))
        execute_rows(connection, "add_events", self._events)
        execute_rows(connection, "add_deliveries", self._deliveries)
        for pair in self._replaced:
            connection.execute(SQL["mark_replaced"], pair)
        for state in self._states:
            tally.add(state)


def write_appends(
    connection: sqlite3.Connection, appends: Sequence[Append], next_number: Callable[[], int], tally: Tally
) -> list[Sequence[Appended] | Exception]:
    """Write a group's appends; one that was routed with another version than the newest gets its error."""
    version: int = connection.execute(SQL["registry_version"]).fetchone()[0]
    current = [append for append in appends if append.routed_with == version]
    keys = [entry.key_row[:1] for append in current for entry in append.entries]
    found = select_rows(connection, "known_keys", keys)
    batch = _Batch({key: (event_id, bool(quarantined)) for key, event_id, quarantined in found}, next_number)
    outcomes: list[Sequence[Appended] | Exception] = []
    for append in appends:
        if append.routed_with == version:
            outcomes.append([batch.take(entry) for entry in append.entries])
        else:
            outcomes.append(
                StaleRoutingError(f"the registry is at version {version}, not {append.routed_with}")
            )
    batch.write(connection, tally)
    return outcomes


def _event_row(entry: Entry) -> tuple[Any, ...]:
    accepted, event = entry.accepted, entry.accepted.event
    return (
        accepted.id,
        accepted.instance_id,
        accepted.source_id,
        accepted.received_at,
        accepted.registry_version,
        event.form.value,
        entry.schema_revision,
        rows.to_text(entry.problems) if entry.problems else None,
        rows.to_text(event.attributes),
        rows.to_text(accepted.vocabulary),
        None if event.data is None else bytearray(event.data),
    )


def _delivery_row(entry: Entry, planned: Planned, owner: int, now: float) -> tuple[Any, ...]:
    accepted, state = entry.accepted, planned.state
    leased = state is State.LEASED
    return (
        planned.id,
        accepted.instance_id,
        accepted.id,
        planned.topic_id,
        planned.subscription_id,
        planned.destination_id,
        planned.recipient,
        state.value,
        planned.reason,
        1 if leased else 0,
        owner if leased else None,
        now,
        now,
        now if state in TERMINAL else None,
    )
