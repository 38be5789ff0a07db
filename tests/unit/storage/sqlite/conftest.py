"""A fresh store in a file, opened without looking at how full the disk is."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.storage.sqlite.store import SqliteStore
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tocsin.db"


@pytest.fixture
def open_store(path, clock):
    """Open the store; options as of `SqliteStore.open`. What is still open at the end is closed."""
    return lambda **options: SqliteStore.open(
        path, clock=clock, **({"free_space_floor": 0, "reserve": 4096} | options)
    )


@pytest.fixture
async def store(open_store):
    opened = await open_store()
    yield opened
    await opened.close()
