"""The stores that the store contracts run on. A new store is added to STORES and inherits every test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import asyncpg
import pytest

from gateway.ports import Store
from gateway.security.keyprint import Keyprint
from gateway.storage.effects import BATCH
from gateway.storage.postgres.store import PostgresStore
from gateway.storage.sqlite.store import SqliteStore
from tests.fakes.clock import FakeClock
from tests.fakes.postgres import PostgresServer


class House(Protocol):
    """One database, and whatever opens it."""

    async def open(self, batch: int = BATCH) -> Store:
        """Open it, as a starting process does. Effects of changes go by batches of so many rows."""

    async def crash(self, store: Store) -> None:
        """End an opened store as kill -9 would: no leases given back, no goodbye."""

    async def leave(self) -> None:
        """Close what is still open."""


class SqliteHouse:
    """A file in a folder of its own."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self._path = folder / "tocsin.db"
        self._clock = clock
        self._opened: list[SqliteStore] = []

    async def open(self, batch: int = BATCH) -> Store:
        store = await SqliteStore.open(
            self._path, clock=self._clock, reserve=4096, free_space_floor=0, batch=batch
        )
        self._opened.append(store)
        return store

    async def crash(self, store: Store) -> None:
        assert isinstance(store, SqliteStore)
        self._opened.remove(store)
        await store._stop()

    async def leave(self) -> None:
        for store in self._opened:
            await store.close()


KEYPRINT = Keyprint.of("operator", ("master",))


class PostgresHouse:
    """A schema of its own in the server of these tests."""

    def __init__(self, server: PostgresServer, clock: FakeClock) -> None:
        self._schema = f"t_{secrets.token_hex(8)}"
        self._url = server.url(search_path=self._schema)
        self._server = server
        self._clock = clock
        self._opened: list[PostgresStore] = []

    async def open(self, batch: int = BATCH, keyprint: Keyprint = KEYPRINT) -> Store:
        await self._execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
        store = await PostgresStore.open(
            self._url, clock=self._clock, keyprint=keyprint, follow_database=False, batch=batch
        )
        self._opened.append(store)
        # Its heart would beat by the real time, and the tests move another: they have it beat themselves.
        await store._node.stop()
        return store

    async def crash(self, store: Store) -> None:
        """Nobody beats its heart any more; the time of its lease has passed when the next one opens."""
        assert isinstance(store, PostgresStore)
        self._opened.remove(store)
        await store._effects.stop()
        store._connections.cut()
        store._beats.cut()
        await store._news.close()
        await self._execute(f"UPDATE {self._schema}.incarnations SET beat_at = 0 WHERE ended_at IS NULL")

    async def leave(self) -> None:
        for store in self._opened:
            await store.close()
        await self._execute(f"DROP SCHEMA IF EXISTS {self._schema} CASCADE")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.url())
        await connection.execute(statement)
        await connection.close()


STORES = ("sqlite", "postgres")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=STORES)
async def house(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[House]:
    opened: House
    if request.param == "sqlite":
        opened = SqliteHouse(tmp_path, clock)
    else:
        opened = PostgresHouse(request.getfixturevalue("postgres"), clock)
    yield opened
    await opened.leave()


@pytest.fixture
async def store(house: House) -> Store:
    return await house.open()
