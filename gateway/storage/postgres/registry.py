"""The registry on PostgreSQL: configuration as JSON rows, and which version every node has in force."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

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
from gateway.storage.postgres import effects as batches
from gateway.storage.postgres.connections import Connections
from gateway.storage.postgres.news import News, Topic
from gateway.storage.postgres.node import LEASE_SECONDS, Node
from gateway.storage.postgres.statements import Connection, fetch, fetch_value

log = structlog.get_logger()

LOOK_SECONDS = 0.25


class PostgresRegistry:
    """Implements `gateway.ports.Registry`."""

    def __init__(
        self, connections: Connections, node: Node, news: News, carrying_out: CarryingOut, *, batch: int
    ) -> None:
        self._connections = connections
        self._node = node
        self._news = news
        self._carrying_out = carrying_out
        self._batch = batch
        self._loaded = asyncio.Event()
        news.on(Topic.LOADED, self._loaded.set)

    async def load(self, version: int | None = None) -> Configuration:
        """Everything as of `version`; raises ValueError for a version that is still to come."""
        return await self._connections.run(lambda connection: _load(connection, version))

    async def version(self) -> int:
        """The newest version."""
        version: int = await self._connections.run(
            lambda connection: fetch_value(connection, "registry_version")
        )
        return version

    async def apply(self, changes: Sequence[Change], effects: Sequence[Effect] = (), *, expected: int) -> int:
        """Make changes and begin with effects in one transaction. Effects alone make no new version."""
        version, more = await self._connections.run(
            lambda connection: self._apply(connection, changes, effects, expected)
        )
        if more:
            self._carrying_out.wake()
        return version

    async def in_force(self, version: int) -> None:
        """Tell the others that this node routes with `version`."""
        self._node.version = version

        async def tell(connection: Connection) -> None:
            await fetch(connection, "in_force", version=version, incarnation=self._node.incarnation)
            await self._news.tell(connection, Topic.LOADED)

        await self._connections.run(tell)

    async def everywhere(self, version: int) -> None:
        """Wait for the others; one that does not load it is ended within the time of a lease."""
        waited = 0.0
        while waited < LEASE_SECONDS + LOOK_SECONDS:
            self._loaded.clear()
            if not await self._connections.run(lambda connection: self._behind(connection, version)):
                return
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._loaded.wait()
            except TimeoutError:
                waited += LOOK_SECONDS
        log.warning("registry.not_loaded_everywhere", version=version)

    async def _behind(self, connection: Connection, version: int) -> int:
        behind: int = await fetch_value(
            connection,
            "behind",
            version=version,
            incarnation=self._node.incarnation,
            silent_since=self._node.clock.now() - LEASE_SECONDS,
        )
        return behind

    async def _apply(
        self, connection: Connection, changes: Sequence[Change], effects: Sequence[Effect], expected: int
    ) -> tuple[int, bool]:
        async with connection.transaction():
            await fetch(connection, "queue_for_registry")
            version: int = await fetch_value(connection, "lock_registry")
            if version != expected:
                raise RegistryConflictError(f"the registry is at version {version}, not {expected}")
            if changes:
                version += 1
                await fetch(connection, "set_registry_version", version=version)
                await _change(connection, changes, version)
                await self._news.tell(connection, Topic.CONFIGURED)
            more = await batches.begin(
                connection,
                effects,
                incarnation=self._node.incarnation,
                now=self._node.clock.now(),
                batch=self._batch,
            )
        return version, more


async def _load(connection: Connection, version: int | None) -> Configuration:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        newest: int = await fetch_value(connection, "registry_version")
        if version is None or version == newest:
            found = await fetch(connection, "current_entities")
        elif 0 <= version < newest:
            found = await fetch(connection, "entities_at", version=version)
        else:
            raise ValueError(f"there is no registry version {version}, the newest is {newest}")
    return Configuration(newest if version is None else version, rows.entities(found))


async def _change(connection: Connection, changes: Sequence[Change], version: int) -> None:
    # All texts are freed before any is taken, so that two entities may exchange theirs.
    for change in changes:
        await fetch(connection, "free_texts", kind=rows.kind_of(change.entity), id=change.entity.id)
    for change in changes:
        if isinstance(change, Put):
            await _put(connection, change, version)
        else:
            await _remove(connection, change, version)


async def _put(connection: Connection, put: Put, version: int) -> None:
    row = {
        "kind": rows.kind_of(put.entity),
        "id": put.entity.id,
        "version": version,
        "body": rows.to_text(put.entity),
    }
    await fetch(connection, "put_entity", **row)
    await fetch(connection, "add_revision", deleted=False, **row)
    for text in put.unique:
        place = {"instance_id": rows.instance_of(put.entity), "text": text}
        if await fetch_value(connection, "take_text", **row, **place) is None:
            raise NameTakenError(text)


async def _remove(connection: Connection, remove: Remove, version: int) -> None:
    row = {"kind": rows.kind_of(remove.entity), "id": remove.entity.id, "version": version}
    if await fetch_value(connection, "remove_entity", **row) is None:
        raise RegistryConflictError(f"there is no {row['kind']} {row['id']} to remove")
    await fetch(connection, "free_texts", **row)
    instance_id = rows.instance_of(remove.entity)
    await fetch(connection, "forget_result", instance_id=instance_id, destination_id=remove.entity.id)
    await fetch(connection, "forget_memories", subscription_id=remove.entity.id)
    await fetch(connection, "forget_heard", instance_id=instance_id, source_id=remove.entity.id)
    await fetch(connection, "add_revision", deleted=True, body="", **row)
