"""A migration of PostgreSQL is killed in its middle: nothing of it is left, and the next run finishes it.

Somebody else's lock is what holds it up in the middle.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from gateway.domain.clock import SystemClock
from gateway.storage.postgres import schema
from gateway.storage.postgres.statements import SQL
from gateway.storage.postgres.store import PostgresStore
from tests.commands import Running, Shell
from tests.contracts.conftest import KEYPRINT
from tests.fakes.postgres import PostgresServer
from tests.waiting import until_async

pytestmark = pytest.mark.timeout(120)

APPLIED = len(schema.MIGRATIONS)
STUCK = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tocsin migrate' AND wait_event_type = 'Lock'
"""


@pytest.fixture
async def database(postgres: PostgresServer) -> AsyncIterator[str]:
    """The address of a database whose schema is that of the first release."""
    name = f"m_{secrets.token_hex(6)}"
    server = await asyncpg.connect(postgres.url())
    await server.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(postgres.url(name))
    await schema.update(connection, name, 0.0, schema.MIGRATIONS[:1])
    await connection.execute("UPDATE registry SET version = 41")
    await connection.close()
    yield postgres.url(name)
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@pytest.fixture
def shell(database: str, tmp_path: Path) -> Shell:
    return Shell("", folder=tmp_path, TOCSIN_DATABASE=database)


@asynccontextmanager
async def locked(database: str, lock: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who holds a lock; yields the connection of somebody who looks on."""
    holder, onlooker = await asyncpg.connect(database), await asyncpg.connect(database)
    async with holder.transaction():
        await holder.execute(f"LOCK TABLE {lock}")
        yield onlooker
    await holder.close()
    await onlooker.close()


async def stuck(onlooker: asyncpg.Connection, number: int) -> None:
    """Wait until so many migrations wait for a lock."""

    async def waiting() -> bool:
        return bool(await onlooker.fetchval(STUCK) == number)

    await until_async(waiting, 20)


async def killed(running: Running) -> None:
    running.process.kill()
    await asyncio.wait_for(running.process.wait(), 10)


async def require_first(onlooker: asyncpg.Connection) -> None:
    """The schema is that of the first release, whole."""
    assert [row["number"] for row in await onlooker.fetch(SQL["applied_migrations"].text)] == [1]
    assert await onlooker.fetchval("SELECT to_regclass('effects')") is None
    assert await onlooker.fetchval("SELECT to_regclass('deliveries_held')") is not None


async def require_newest(database: str) -> None:
    """A node opens the store, nothing is to be applied, and what was there is there."""
    store = await PostgresStore.open(database, clock=SystemClock(), keyprint=KEYPRINT)
    assert await store.registry.version() == 41
    assert await store._effects.step() is not None
    await store.close()
    connection = await asyncpg.connect(database)
    applied = await connection.fetch(SQL["applied_migrations"].text)
    assert [row["number"] for row in applied] == list(range(1, APPLIED + 1))
    await connection.close()


@pytest.mark.parametrize(
    "lock",
    ["deliveries IN ACCESS SHARE MODE", "migrations IN EXCLUSIVE MODE"],
    ids=["between two statements", "before it is recorded"],
)
async def test_a_migration_that_was_killed_is_done_by_the_next(
    database: str, shell: Shell, tmp_path: Path, lock: str
):
    async with locked(database, lock) as onlooker, shell.running("migrate", out=tmp_path / "out") as running:
        await stuck(onlooker, 1)
        await killed(running)
        await stuck(onlooker, 0)
        await require_first(onlooker)
    assert f"{APPLIED - 1} applied" in (await shell.ok("migrate")).err
    assert "nothing to do" in (await shell.ok("migrate")).err
    await require_newest(database)


async def test_one_that_waits_for_a_migration_takes_over_when_that_is_killed(
    database: str, shell: Shell, tmp_path: Path
):
    second = shell.running("migrate", out=tmp_path / "second")
    async with AsyncExitStack() as waiting:
        async with locked(database, "deliveries IN ACCESS SHARE MODE") as onlooker:
            async with shell.running("migrate", out=tmp_path / "first") as first:
                await stuck(onlooker, 1)
                running = await waiting.enter_async_context(second)
                await stuck(onlooker, 2)
                await killed(first)
            await stuck(onlooker, 1)
        await running.says(f"{APPLIED - 1} applied")
    await require_newest(database)
