"""Counts by day on PostgreSQL; every node adds to the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.counting import Count, Counted
from gateway.storage.postgres.connections import Connections
from gateway.storage.postgres.statements import columns, fetch


class PostgresCounters:
    """Implements `gateway.ports.Counters`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def add(self, counts: Sequence[Count]) -> None:
        """Add to what is there."""
        if counts:
            given = columns(("subjects", "days", "whats", "numbers"), [tuple(count) for count in counts])
            await self._connections.run(lambda connection: fetch(connection, "add_counts", **given))

    async def read(self, subjects: Sequence[str], since: int) -> Sequence[Count]:
        """The counts of these subjects."""
        wanted = list(subjects)
        found = await self._connections.run(
            lambda connection: fetch(connection, "counts_of", subjects=wanted, since=since)
        )
        return [Count(subject, day, Counted(what), number) for subject, day, what, number in found]

    async def forget(self, before: int) -> None:
        """Delete what is older."""
        await self._connections.run(lambda connection: fetch(connection, "forget_counts", before=before))
