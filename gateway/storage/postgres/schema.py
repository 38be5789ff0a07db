"""Bringing the schema of a database up to date, one transaction a migration, one process at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.storage import migrate
from gateway.storage.migrate import Migration
from gateway.storage.postgres.statements import Connection, fetch

MIGRATIONS = migrate.load(Path(__file__).with_name("migrations"))


async def update(
    connection: Connection, where: str, now: float, migrations: Sequence[Migration] = MIGRATIONS
) -> int:
    """Apply what is due; return how many that were. Killed half-way, the next start goes on.

    Raises ConfigurationError when the schema is newer than this program.
    """
    await fetch(connection, "lock_schema")
    try:
        await fetch(connection, "create_migrations")
        applied = {row[0]: row[1] for row in await fetch(connection, "applied_migrations")}
        due = migrate.due(migrations, applied, where)
        for migration in due:
            await _apply(connection, migration, now)
        return len(due)
    finally:
        await fetch(connection, "unlock_schema")


async def _apply(connection: Connection, migration: Migration, now: float) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await fetch(
            connection,
            "record_migration",
            number=migration.number,
            name=migration.name,
            checksum=migration.checksum,
            now=now,
        )
