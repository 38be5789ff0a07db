"""What is remembered of polled sources, on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial

from gateway.domain.ids import SourceId
from gateway.domain.polling import Poll
from gateway.storage import rows
from gateway.storage.sqlite.statements import SQL, execute_rows
from gateway.storage.sqlite.workers import Workers
from gateway.storage.sqlite.writer import Writer


class SqlitePolls:
    """Implements `gateway.ports.Polls`."""

    def __init__(self, writer: Writer, readers: Workers) -> None:
        self._writer, self._readers = writer, readers

    async def keep(self, latest: Mapping[SourceId, float], now: float) -> None:
        """Have a memory of each of these; see `Polls.keep`."""
        given = [
            {"source_id": one, "now": now, "latest": at, "body": rows.to_text(Poll(one))}
            for one, at in latest.items()
        ]
        if given:
            await self._writer.run(partial(_keep, given))

    async def claim(
        self, source_ids: Sequence[SourceId], *, now: float, until: float, limit: int
    ) -> Sequence[Poll]:
        """Those of these that are due. Nothing is written where none is."""
        given = {"source_ids": json.dumps(source_ids), "now": now, "until": until, "limit": limit}
        due = await self._readers.run(lambda one: one.execute(SQL["poll_is_due"], given).fetchone())
        return await self._writer.run(partial(_claim, given)) if due else []

    async def save(self, poll: Poll, due_at: float) -> bool:
        """Write it, unless somebody else did."""
        given = {
            "source_id": poll.source_id,
            "revision": poll.revision,
            "due_at": due_at,
            "body": rows.to_text(poll),
        }
        return await self._writer.run(lambda one: one.execute(SQL["put_poll"], given).rowcount == 1)

    async def of(self, source_id: SourceId) -> Poll | None:
        """The memory of a source."""
        found = await self._readers.run(lambda one: one.execute(SQL["poll"], (source_id,)).fetchone())
        return rows.poll(*found) if found else None

    async def forget(self, source_ids: Sequence[SourceId]) -> None:
        """Delete memories."""
        given = [(one,) for one in source_ids]
        await self._writer.run(lambda one: execute_rows(one, "forget_polls", given))


def _keep(given: Sequence[Mapping[str, object]], connection: sqlite3.Connection) -> None:
    """The cursor stays in this thread: freed in another, it would break what the writer does next."""
    connection.executemany(SQL["keep_poll"], given)


def _claim(given: Mapping[str, object], connection: sqlite3.Connection) -> Sequence[Poll]:
    return [rows.poll(*row) for row in connection.execute(SQL["claim_polls"], given).fetchall()]
