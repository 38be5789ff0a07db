"""Counts by day on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from gateway.domain.counting import Count, Counted
from gateway.storage.sqlite.statements import SQL, execute, execute_rows
from gateway.storage.sqlite.workers import Workers
from gateway.storage.sqlite.writer import Writer


class SqliteCounters:
    """Implements `gateway.ports.Counters`."""

    def __init__(self, writer: Writer, readers: Workers) -> None:
        self._writer, self._readers = writer, readers

    async def add(self, counts: Sequence[Count]) -> None:
        """Add to what is there."""
        if counts:
            await self._writer.run(partial(_add, [tuple(count) for count in counts]))

    async def read(self, subjects: Sequence[str], since: int) -> Sequence[Count]:
        """The counts of these subjects."""
        return await self._readers.run(partial(_read, subjects, since))

    async def forget(self, before: int) -> None:
        """Delete what is older."""
        await self._writer.run(lambda connection: execute(connection, "forget_counts", {"before": before}))


def _add(rows: Sequence[tuple[object, ...]], connection: sqlite3.Connection) -> None:
    execute_rows(connection, "add_counts", rows)


def _read(subjects: Sequence[str], since: int, connection: sqlite3.Connection) -> Sequence[Count]:
    return [
        Count(subject, day, Counted(what), number)
        for one in subjects
        for subject, day, what, number in connection.execute(
            SQL["counts_of"], {"subject": one, "since": since}
        )
    ]
