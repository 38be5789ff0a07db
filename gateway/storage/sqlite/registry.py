"""The registry on SQLite: configuration as JSON rows, current and by revision."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial

from gateway.domain.clock import Clock
from gateway.domain.delivery import State
from gateway.ports import (
    Cancel,
    Change,
    Configuration,
    Effect,
    Hold,
    NameTakenError,
    Put,
    RegistryConflictError,
    Remove,
)
from gateway.storage import rows
from gateway.storage.sqlite.statements import SQL
from gateway.storage.sqlite.tally import Tally
from gateway.storage.sqlite.workers import Workers
from gateway.storage.sqlite.writer import Writer


class SqliteRegistry:
    """Implements `gateway.ports.Registry`."""

    def __init__(self, writer: Writer, readers: Workers, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock

    async def load(self, version: int | None = None) -> Configuration:
        """Everything as of `version`; raises ValueError for a version that is still to come."""
        return await self._readers.run(partial(_load, version=version))

    async def version(self) -> int:
        """The newest version."""
        return await self._readers.run(_version)

    async def apply(self, changes: Sequence[Change], effects: Sequence[Effect] = (), *, expected: int) -> int:
        """Make changes and effects in one transaction. Effects alone make no new version."""
        work = partial(_apply, changes=changes, effects=effects, expected=expected, now=self._clock.now())
        return await self._writer.run(work)

    async def in_force(self, version: int) -> None:
        """There is nobody to tell: a file has one process."""

    async def everywhere(self, version: int) -> None:
        """There is nobody to wait for."""


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute(SQL["registry_version"]).fetchone()[0]
    return version


def _load(connection: sqlite3.Connection, *, version: int | None) -> Configuration:
    newest = _version(connection)
    if version is None or version == newest:
        found = connection.execute(SQL["current_entities"])
    elif 0 <= version < newest:
        found = connection.execute(SQL["entities_at"], (version,))
    else:
        raise ValueError(f"there is no registry version {version}, the newest is {newest}")
    entities = tuple(rows.entity(kind, body) for kind, body in found)
    return Configuration(newest if version is None else version, entities)


def _apply(
    connection: sqlite3.Connection,
    *,
    changes: Sequence[Change],
    effects: Sequence[Effect],
    expected: int,
    now: float,
) -> int:
    version = _version(connection)
    if version != expected:
        raise RegistryConflictError(f"the registry is at version {version}, not {expected}")
    if changes:
        version += 1
        connection.execute(SQL["set_registry_version"], (version,))
        _change(connection, changes, version)
    tally = Tally()
    for effect in effects:
        _affect(connection, effect, tally, now)
    tally.write(connection)
    return version


def _change(connection: sqlite3.Connection, changes: Sequence[Change], version: int) -> None:
    # All texts are freed before any is taken, so that two entities may exchange theirs.
    for change in changes:
        connection.execute(SQL["free_texts"], (rows.kind_of(change.entity), change.entity.id))
    for change in changes:
        if isinstance(change, Put):
            _put(connection, change, version)
        else:
            _remove(connection, change, version)


def _put(connection: sqlite3.Connection, put: Put, version: int) -> None:
    kind, id, body = rows.kind_of(put.entity), put.entity.id, rows.to_text(put.entity)
    connection.execute(SQL["put_entity"], (kind, id, version, body))
    connection.execute(SQL["add_revision"], (kind, id, version, 0, body))
    for text in put.unique:
        taken = connection.execute(SQL["take_text"], (kind, rows.instance_of(put.entity), text, id))
        if not taken.rowcount:
            raise NameTakenError(text)


def _remove(connection: sqlite3.Connection, remove: Remove, version: int) -> None:
    kind, id = rows.kind_of(remove.entity), remove.entity.id
    if not connection.execute(SQL["remove_entity"], (kind, id)).rowcount:
        raise RegistryConflictError(f"there is no {kind} {id} to remove")
    connection.execute(SQL["free_texts"], (kind, id))
    connection.execute(SQL["add_revision"], (kind, id, version, 1, ""))


def _affect(connection: sqlite3.Connection, effect: Effect, tally: Tally, now: float) -> None:
    if isinstance(effect, Cancel):
        _cancel(connection, effect, tally, now)
        return
    parameters = {"destination_id": effect.destination_id, "reason": effect.reason, "now": now}
    if isinstance(effect, Hold):
        held = connection.execute(SQL["hold"], parameters).rowcount
        tally.move(State.PENDING.value, State.HELD.value, held)
    else:
        freed = connection.execute(SQL["unhold"], parameters).rowcount
        tally.move(State.HELD.value, State.PENDING.value, freed)


def _cancel(connection: sqlite3.Connection, cancel: Cancel, tally: Tally, now: float) -> None:
    parameters: Mapping[str, object] = {
        "destination_id": cancel.destination_id,
        "subscription_id": cancel.subscription_id,
        "recipient": cancel.recipient,
        "reason": cancel.reason,
        "now": now,
    }
    if cancel.destination_id is not None:
        count, update = "count_open_of_destination", "cancel_of_destination"
    elif cancel.subscription_id is not None:
        count, update = "count_open_of_subscription", "cancel_of_subscription"
    else:
        raise ValueError("a cancellation names a destination or a subscription")
    for state, deliveries in connection.execute(SQL[count], parameters).fetchall():
        tally.move(state, State.CANCELLED.value, deliveries)
    connection.execute(SQL[update], parameters)
