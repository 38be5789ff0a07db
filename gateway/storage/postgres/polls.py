"""What is remembered of polled sources, on PostgreSQL; every node asks by the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.ids import SourceId
from gateway.domain.polling import Poll
from gateway.storage import rows
from gateway.storage.postgres.connections import Connections
from gateway.storage.postgres.statements import Connection, fetch, fetch_row, fetch_value


class PostgresPolls:
    """Implements `gateway.ports.Polls`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def keep(self, latest: Mapping[SourceId, float], now: float) -> None:
        """Have a memory of each of these; see `Polls.keep`."""
        ids = sorted(latest)
        bodies, latests = [rows.to_text(Poll(one)) for one in ids], [latest[one] for one in ids]

        async def write(connection: Connection) -> None:
            await fetch(connection, "keep_polls", source_ids=ids, bodies=bodies, now=now)
            await fetch(connection, "hasten_polls", source_ids=ids, latests=latests)

        if ids:
            await self._connections.run(write)

    async def claim(
        self, source_ids: Sequence[SourceId], *, now: float, until: float, limit: int
    ) -> Sequence[Poll]:
        """Those of these that are due and no other node is claiming."""
        ids = list(source_ids)
        found = await self._connections.run(
            lambda one: fetch(one, "claim_polls", source_ids=ids, now=now, until=until, limit=limit)
        )
        return [rows.poll(*row) for row in found]

    async def save(self, poll: Poll, due_at: float) -> bool:
        """Write it, unless somebody else did."""
        body = rows.to_text(poll)
        written = await self._connections.run(
            lambda one: fetch_value(
                one,
                "put_poll",
                source_id=poll.source_id,
                revision=poll.revision,
                due_at=due_at,
                body=body,
            )
        )
        return written is not None

    async def of(self, source_id: SourceId) -> Poll | None:
        """The memory of a source."""
        found = await self._connections.run(lambda one: fetch_row(one, "poll", source_id=source_id))
        return rows.poll(*found) if found else None

    async def forget(self, source_ids: Sequence[SourceId]) -> None:
        """Delete memories."""
        ids = list(source_ids)
        await self._connections.run(lambda one: fetch(one, "forget_polls", source_ids=ids))
