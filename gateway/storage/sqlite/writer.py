"""The writing thread: the only connection that writes, one transaction a job, and every checkpoint.

One writer, because two make each other wait for seconds, and because two that checkpoint can damage
the file (WAL-reset bug of SQLite 3.7.0 to 3.51.2).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import structlog

from gateway.storage.sqlite.faults import is_full
from gateway.storage.sqlite.space import Space
from gateway.storage.sqlite.workers import Job, Workers

log = structlog.get_logger()

CHECKPOINT_SIZE = 2 << 20
"""Bytes written after which the log is moved into the file as soon as nothing waits."""

PRESSING_SIZE = 4 * CHECKPOINT_SIZE
"""Bytes after which it is moved although something waits."""

PAGE_SIZE = 4096
"""Bytes that a changed row counts for where a job does not say its size: one page, at worst."""


class Writer(Workers):
    """Runs each job in a transaction that is durable when its future is answered."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], space: Space, *, timeout: float) -> None:
        super().__init__("sqlite-writer", 1, connect, self._transact, after=self._tidy, timeout=timeout)
        self._space = space
        self._written = 0
        self._changes = 0

    def _transact(self, connection: sqlite3.Connection, job: Job[Any]) -> Any:
        try:
            return self._once(connection, job)
        except sqlite3.Error as error:
            if is_full(error) and self._space.release():
                return self._once(connection, job)
            raise

    def _once(self, connection: sqlite3.Connection, job: Job[Any]) -> Any:
        if connection.in_transaction:
            # The disk failed while the transaction before was rolled back.
            connection.execute("ROLLBACK")
        try:
            job.require_wanted()
            connection.execute("BEGIN IMMEDIATE")
            result = job.work(connection)
            job.require_wanted()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _tidy(self, connection: sqlite3.Connection, size: int, pressed: bool) -> None:
        changes = connection.total_changes
        self._written += size or (changes - self._changes) * PAGE_SIZE
        self._changes = changes
        if self._space.short:
            self._space.short = False
            self._written = 0
            cut_log(connection)
        elif self._written >= (PRESSING_SIZE if pressed else CHECKPOINT_SIZE):
            self._written = 0
            checkpoint(connection, "PASSIVE")


def cut_log(connection: sqlite3.Connection) -> None:
    """Move the log into the file and give its room back to the disk, unless somebody reads it just now.

    Where events are refused nothing else would move it, and they would be refused for ever.
    """
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    checkpoint(connection, "TRUNCATE")
    connection.execute(f"PRAGMA busy_timeout = {patience}")


def checkpoint(connection: sqlite3.Connection, mode: str) -> None:
    """Move the log into the file; what fails is tried again later, the log keeps everything meanwhile."""
    try:
        connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    except sqlite3.Error as error:
        log.warning("store.checkpoint_failed", error=str(error))
