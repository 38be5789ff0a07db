"""What monitors remember, on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial

from gateway.domain.ids import EventId, InstanceId, MonitorId
from gateway.domain.monitor import Notice, Observation, Seen, Standing
from gateway.domain.schedule import Outage
from gateway.ports import Place
from gateway.storage import standings
from gateway.storage.sqlite.space import Space
from gateway.storage.sqlite.statements import SQL, execute, execute_rows
from gateway.storage.sqlite.workers import Workers
from gateway.storage.sqlite.writer import Writer


class _OvertakenError(Exception):
    """Somebody else was faster; the transaction is undone."""


class SqliteMonitors:
    """Implements `gateway.ports.Monitors`."""

    def __init__(self, writer: Writer, readers: Workers, space: Space) -> None:
        self._writer, self._readers, self._space = writer, readers, space

    async def observations(self, limit: int) -> Sequence[Seen]:
        """Those that nobody took yet."""
        return await self._readers.run(partial(_observations, limit))

    async def standings(self, places: Sequence[Place]) -> Sequence[Standing]:
        """The memories of these."""
        return await self._readers.run(partial(_standings, places))

    async def standings_of(
        self, monitor_id: MonitorId, *, after: str | None = None, limit: int = 500
    ) -> Sequence[Standing]:
        """The memories of a monitor by key."""
        given = {"monitor_id": monitor_id, "after": after, "limit": limit}
        return await self._readers.run(
            lambda connection: standings.read(connection.execute(SQL["standings_of"], given))
        )

    async def tally(self, monitor_ids: Sequence[MonitorId]) -> Mapping[MonitorId, Mapping[str, int]]:
        """How many keys stand how."""
        return await self._readers.run(partial(_tally, monitor_ids))

    async def awake(self, now: float, limit: int) -> Sequence[Standing]:
        """The memories that time changes by now."""
        given = {"now": now, "limit": limit}
        return await self._readers.run(
            lambda connection: standings.read(connection.execute(SQL["standings_awake"], given))
        )

    async def save(
        self,
        standings: Sequence[Standing],
        *,
        taken: Sequence[int] = (),
        notices: Sequence[Notice] = (),
        quiet: bool = False,
    ) -> bool:
        """Write all of it, or nothing; see `Monitors.save`."""
        try:
            await self._writer.run(partial(_save, standings, taken, notices, quiet))
        except _OvertakenError:
            return False
        return True

    async def notices(self, limit: int) -> Sequence[Notice]:
        """What is still to be said."""
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["notices"], {"limit": limit}).fetchall()
        )
        return [Notice(id, InstanceId(instance_id), body) for id, instance_id, body in found]

    async def said(self, notice_ids: Sequence[str]) -> None:
        """Forget notices."""
        rows = [(one,) for one in notice_ids]
        await self._writer.run(lambda connection: execute_rows(connection, "forget_notices", rows))

    async def forget(self, monitor_id: MonitorId) -> None:
        """Delete what is kept of a monitor."""
        await self._writer.run(partial(_forget, monitor_id))

    async def alive(self, now: float, *, gap: float) -> int:
        """Note that events are taken; see `Monitors.alive`."""
        return await self._writer.run(partial(_alive, self._space, now, gap))

    async def outages(self, since: float) -> Sequence[Outage]:
        """The outages that ended after this time."""
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["outages"], (since,)).fetchall()
        )
        return [Outage(*row) for row in found]

    async def forget_outages(self, before: float) -> None:
        """Delete old ones."""
        await self._writer.run(lambda connection: execute(connection, "forget_outages", (before,)))


def _observations(limit: int, connection: sqlite3.Connection) -> Sequence[Seen]:
    return [
        Seen(number, Observation(MonitorId(monitor), key, bool(failed), value), EventId(event_id), at)
        for number, monitor, key, failed, value, event_id, at in connection.execute(
            SQL["observations"], {"limit": limit}
        )
    ]


def _standings(places: Sequence[Place], connection: sqlite3.Connection) -> Sequence[Standing]:
    return [
        found
        for monitor_id, key in places
        for found in standings.read(
            connection.execute(SQL["standing"], {"monitor_id": monitor_id, "key": key})
        )
    ]


def _tally(
    monitor_ids: Sequence[MonitorId], connection: sqlite3.Connection
) -> Mapping[MonitorId, Mapping[str, int]]:
    return {
        one: dict(connection.execute(SQL["standings_tally"], {"monitor_id": one}).fetchall())
        for one in monitor_ids
    }


def _save(
    changed: Sequence[Standing],
    taken: Sequence[int],
    notices: Sequence[Notice],
    quiet: bool,
    connection: sqlite3.Connection,
) -> None:
    if execute_rows(connection, "take_observations", [(one,) for one in taken]) != len(taken):
        raise _OvertakenError
    for one in changed:
        row = standings.row(one)
        if quiet and connection.execute(SQL["observation_of"], row).fetchone():
            raise _OvertakenError
        if connection.execute(SQL["put_standing"], row).rowcount != 1:
            raise _OvertakenError
    said = [(one.id, one.instance_id, bytearray(one.body)) for one in notices]
    execute_rows(connection, "add_notices", said)


def _forget(monitor_id: MonitorId, connection: sqlite3.Connection) -> None:
    connection.execute(SQL["forget_standings"], (monitor_id,))
    connection.execute(SQL["forget_observations"], (monitor_id,))


def _alive(space: Space, now: float, gap: float, connection: sqlite3.Connection) -> int:
    space.demand(connection)
    before = connection.execute(SQL["alive_at"]).fetchone()
    if before is not None and now - before[0] > gap:
        connection.execute(SQL["add_outage"], (before[0], now))
    connection.execute(SQL["note_alive"], (now,))
    newest: int = connection.execute(SQL["newest_outage"]).fetchone()[0]
    return newest
