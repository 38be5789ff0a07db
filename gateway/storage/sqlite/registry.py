"""The registry on SQLite: configuration as JSON rows, current and by revision."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from gateway.domain.clock import Clock
from gateway.ports import (
    Change,
    Configuration,
    Effect,
    NameTakenError,
    Put,
    RegistryConflictError,
    Remove,
)
from gateway.storage import rows
from gateway.storage.effects import CarryingOut
from gateway.storage.sqlite import effects as batches
from gateway.storage.sqlite.statements import SQL
from gateway.storage.sqlite.workers import Workers
from gateway.storage.sqlite.writer import Writer


class SqliteRegistry:
    """Implements `gateway.ports.Registry`."""

    def __init__(
        self, writer: Writer, readers: Workers, clock: Clock, carrying_out: CarryingOut, *, batch: int
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._carrying_out = carrying_out
        self._batch = batch

    async def load(self, version: int | None = None) -> Configuration:
        """Everything as of `version`; raises ValueError for a version that is still to come."""
        return await self._readers.run(partial(_load, version=version))

    async def version(self) -> int:
        """The newest version."""
        return await self._readers.run(_version)

    async def apply(self, changes: Sequence[Change], effects: Sequence[Effect] = (), *, expected: int) -> int:
        """Make changes and begin with effects in one transaction. Effects alone make no new version."""

        def work(connection: sqlite3.Connection) -> tuple[int, bool]:
            version = _apply(connection, changes, expected)
            return version, batches.begin(connection, effects, now=self._clock.now(), batch=self._batch)

        version, more = await self._writer.run(work)
        if more:
            self._carrying_out.wake()
        return version

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
    return Configuration(newest if version is None else version, rows.entities(found))


def _apply(connection: sqlite3.Connection, changes: Sequence[Change], expected: int) -> int:
    version = _version(connection)
    if version != expected:
        raise RegistryConflictError(f"the registry is at version {version}, not {expected}")
    if changes:
        version += 1
        connection.execute(SQL["set_registry_version"], (version,))
        _change(connection, changes, version)
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
    connection.execute(SQL["forget_result"], (rows.instance_of(remove.entity), id))
    connection.execute(SQL["forget_memories"], (id,))
    place = {"instance_id": rows.instance_of(remove.entity), "source_id": id}
    connection.execute(SQL["forget_heard"], place)
    connection.execute(SQL["add_revision"], (kind, id, version, 1, ""))
