"""Bringing the schema of a file up to date, one transaction a migration."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.storage import migrate
from gateway.storage.migrate import Migration
from gateway.storage.sqlite.statements import SQL

MIGRATIONS = migrate.load(Path(__file__).with_name("migrations"))


def update(
    connection: sqlite3.Connection, database: Path, now: float, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Apply what is due. Killed half-way, the file is at the migration before, and the next start goes on.

    Raises ConfigurationError when the schema is newer than this program.
    """
    connection.execute(SQL["create_migrations"])
    applied = dict(connection.execute(SQL["applied_migrations"]))
    for migration in migrate.due(migrations, applied, str(database)):
        _apply(connection, migration, now)


def _apply(connection: sqlite3.Connection, migration: Migration, now: float) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(migration.sql):
            connection.execute(statement)
        connection.execute(
            SQL["record_migration"], (migration.number, migration.name, migration.checksum, now)
        )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(sql: str) -> Iterator[str]:
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
