"""Limits on PostgreSQL: a row a stream, locked while somebody takes of it, by the database's own time."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.ports import RateAsk, RateGrant
from gateway.storage import sliding
from gateway.storage.postgres.connections import Connections
from gateway.storage.postgres.database_clock import DatabaseClock
from gateway.storage.postgres.node import Node
from gateway.storage.postgres.statements import Connection, columns, fetch, fetch_value

_RATE = ("streams", "logs", "untils")


class PostgresRates:
    """Implements `gateway.ports.Rates`."""

    def __init__(self, connections: Connections, node: Node) -> None:
        self._connections, self._node = connections, node

    async def take(self, asks: Sequence[RateAsk]) -> Sequence[RateGrant]:
        """Take tokens now; see `Rates.take`."""
        return await self._connections.run(lambda connection: self._take(connection, asks)) if asks else ()

    async def _take(self, connection: Connection, asks: Sequence[RateAsk]) -> Sequence[RateGrant]:
        async with connection.transaction():
            streams = [ask.stream for ask in asks]
            locked = await fetch(connection, "lock_rates", streams=streams)
            logs = {row["stream"]: row["log"] for row in locked}
            now = await self._now(connection)
            taken = [sliding.take(logs[ask.stream], ask, now) for ask in asks]
            rows = [
                (ask.stream, one.log, one.until)
                for ask, one in zip(asks, taken, strict=True)
                if one.grant.tokens
            ]
            if rows:
                await fetch(connection, "put_rates", **columns(_RATE, rows))
        return [one.grant for one in taken]

    async def _now(self, connection: Connection) -> float:
        """Asked once the rows are locked: nobody who takes after this one has an earlier time."""
        if isinstance(self._node.clock, DatabaseClock):
            shown: float = await fetch_value(connection, "database_time")
            return shown
        return self._node.clock.now()
