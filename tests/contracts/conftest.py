"""The stores that the store contracts run on. A new store is added to HOUSES and inherits every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from gateway.ports import Store
from gateway.storage.sqlite.store import SqliteStore
from tests.fakes.clock import FakeClock


class House(Protocol):
    """One database, and whatever opens it."""

    async def open(self) -> Store:
        """Open it, as a starting process does."""

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

    async def open(self) -> Store:
        store = await SqliteStore.open(self._path, clock=self._clock, reserve=4096, free_space_floor=0)
        self._opened.append(store)
        return store

    async def crash(self, store: Store) -> None:
        assert isinstance(store, SqliteStore)
        self._opened.remove(store)
        await store._stop()

    async def leave(self) -> None:
        for store in self._opened:
            await store.close()


HOUSES = {"sqlite": SqliteHouse}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=HOUSES)
async def house(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[House]:
    opened = HOUSES[request.param](tmp_path, clock)
    yield opened
    await opened.leave()


@pytest.fixture
async def store(house: House) -> Store:
    return await house.open()
