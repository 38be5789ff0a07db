"""Limits on SQLite: one process has the file, so the writing thread is where they are kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from gateway.domain.clock import Clock
from gateway.ports import RateAsk, RateGrant
from gateway.storage import sliding
from gateway.storage.sqlite.statements import SQL
from gateway.storage.sqlite.writer import Writer


class SqliteRates:
    """Implements `gateway.ports.Rates`."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer, self._clock = writer, clock

    async def take(self, asks: Sequence[RateAsk]) -> Sequence[RateGrant]:
        """Take tokens now; see `Rates.take`."""
        return await self._writer.run(partial(_take, self._clock, asks)) if asks else ()


def _take(clock: Clock, asks: Sequence[RateAsk], connection: sqlite3.Connection) -> Sequence[RateGrant]:
    now = clock.now()
    grants = []
    for ask in asks:
        found = connection.execute(SQL["rate"], (ask.stream,)).fetchone()
        taken = sliding.take(found[0] if found else "", ask, now)
        if taken.grant.tokens:
            connection.execute(SQL["put_rate"], (ask.stream, taken.log, taken.until))
        grants.append(taken.grant)
    return grants
