"""Writing the events and deliveries of a group: as few statements as possible, keys looked up first."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from gateway.domain.ids import DeliveryId, EventId
from gateway.domain.incident import Chapter
from gateway.ports import Appended, StaleRoutingError
from gateway.storage import rows, stories
from gateway.storage.incoming import PLACES, Append, PreparedEntry
from gateway.storage.sqlite import windows
from gateway.storage.sqlite.statements import SQL, execute_rows, select_rows
from gateway.storage.sqlite.tally import Tally
from gateway.storage.sqlite.windows import Noisy

STATE = 8
"""The place of its state among the columns of a delivery."""


class _Batch:
    """What a group adds, gathered over its calls and written in as few statements as possible."""

    def __init__(
        self,
        known: dict[bytes, tuple[str, bool]],
        told: stories.Stories,
        next_number: Callable[[], int],
        now: float,
    ) -> None:
        self._known = known
        self._stories = told
        self._now = now
        self._next_number = next_number
        self._keys: dict[bytes, tuple[Any, ...]] = {}
        self._outdated: list[tuple[Any, ...]] = []
        self._replaced: list[tuple[str, str]] = []
        self._events: list[tuple[Any, ...]] = []
        self._deliveries: list[tuple[Any, ...]] = []
        self._states: list[str] = []
        self._observations: list[tuple[Any, ...]] = []
        self._noisy: list[Noisy] = []
        self._chapters: list[tuple[Any, ...]] = []

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
        self._observations += entry.observations
        chapter = self._told(entry, number)
        if entry.noisy:
            return self._take_noisy(entry, number << PLACES, chapter)
        place = number << PLACES
        for row in entry.deliveries:
            self._deliveries.append((place, *row))
            place += 1
        self._states += entry.states
        return Appended(EventId(entry.event_id), chapter=chapter)

    def _told(self, entry: PreparedEntry, number: int) -> Chapter | None:
        """What it is in an incident; deliveries of what is not told are suppressed."""
        chapter = self._stories.take(entry) if entry.told else None
        if chapter is not None:
            _, incident_id, body = self._stories.events[-1]
            self._chapters.append((number, incident_id, body))
            if not chapter.told:
                entry.suppress(incident_id, self._now)
        return chapter

    def _take_noisy(self, entry: PreparedEntry, place: int, chapter: Chapter | None) -> Appended:
        """What becomes of its deliveries is known when all of the group are there."""
        suppressed: dict[DeliveryId, DeliveryId] = {}
        repeats: dict[DeliveryId, int] = {}
        for row, noise in zip(entry.deliveries, entry.noise, strict=True):
            if noise is None:
                self._deliveries.append((place, *row))
            else:
                self._noisy.append(Noisy(place, row, noise, suppressed, repeats))
            place += 1
        return Appended(EventId(entry.event_id), suppressed=suppressed, repeats=repeats, chapter=chapter)

    def write(self, connection: sqlite3.Connection, tally: Tally) -> None:
        execute_rows(connection, "forget_keys", self._outdated)
        execute_rows(connection, "add_keys", list(self._keys.values()))
        execute_rows(connection, "add_events", self._events)
        if self._noisy:
            self._deliveries += windows.written(connection, self._noisy)
            self._deliveries.sort(key=itemgetter(0))
            self._states = [row[STATE] for row in self._deliveries]
        execute_rows(connection, "add_deliveries", self._deliveries)
        execute_rows(connection, "add_observations", self._observations)
        execute_rows(connection, "put_incidents", self._stories.incidents)
        execute_rows(connection, "add_chapters", self._chapters)
        for pair in self._replaced:
            connection.execute(SQL["mark_replaced"], pair)
        for state in self._states:
            tally.add(state)


def write_appends(
    connection: sqlite3.Connection,
    appends: Sequence[Append],
    next_number: Callable[[], int],
    tally: Tally,
    now: float,
) -> list[Sequence[Appended] | Exception]:
    """Write a group's appends; one that was routed with another version than the newest gets its error."""
    version: int = connection.execute(SQL["registry_version"]).fetchone()[0]
    current = [append for append in appends if append.routed_with == version]
    keys = [entry.key_row[:1] for append in current for entry in append.entries]
    found = select_rows(connection, "known_keys", keys)
    known = {key: (event_id, bool(quarantined)) for key, event_id, quarantined in found}
    batch = _Batch(known, _stories(connection, current), next_number, now)
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


def _stories(connection: sqlite3.Connection, appends: Sequence[Append]) -> stories.Stories:
    """The newest incidents of the keys that a group may change something of."""
    places = stories.places(entry for append in appends for entry in append.entries)
    found = (connection.execute(SQL["newest_incident"], place).fetchone() for place in places)
    return stories.Stories(rows.incident(one[0]) for one in found if one)
