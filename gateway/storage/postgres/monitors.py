"""What monitors remember, on PostgreSQL; every node works on the same rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from gateway.domain.ids import EventId, InstanceId, MonitorId
from gateway.domain.monitor import Notice, Observation, Seen, Standing
from gateway.domain.schedule import Outage
from gateway.ports import Place
from gateway.storage import standings
from gateway.storage.postgres.connections import Connections
from gateway.storage.postgres.statements import Connection, columns, fetch, fetch_row, fetch_value

PLACE = ("monitor_ids", "places")
STANDING = (*PLACE, "revisions", "states", "wake_ats", "bodies")
NOTICE = ("ids", "instance_ids", "bodies")


class _OvertakenError(Exception):
    """Another node was faster; the transaction is undone."""


class PostgresMonitors:
    """Implements `gateway.ports.Monitors`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def observations(self, limit: int) -> Sequence[Seen]:
        """Those that nobody took yet."""
        found = await self._connections.run(lambda connection: fetch(connection, "observations", limit=limit))
        return [
            Seen(number, Observation(MonitorId(monitor), key, failed, value), EventId(event_id), at)
            for number, monitor, key, failed, value, event_id, at in found
        ]

    async def standings(self, places: Sequence[Place]) -> Sequence[Standing]:
        """The memories of these."""
        wanted = columns(PLACE, places)
        found = await self._connections.run(lambda connection: fetch(connection, "standings", **wanted))
        return standings.read(found)

    async def standings_of(
        self, monitor_id: MonitorId, *, after: str | None = None, limit: int = 500
    ) -> Sequence[Standing]:
        """The memories of a monitor by key."""
        found = await self._connections.run(
            lambda connection: fetch(
                connection, "standings_of", monitor_id=monitor_id, after=after, limit=limit
            )
        )
        return standings.read(found)

    async def tally(self, monitor_ids: Sequence[MonitorId]) -> Mapping[MonitorId, Mapping[str, int]]:
        """How many keys stand how."""
        wanted = list(monitor_ids)
        found = await self._connections.run(
            lambda connection: fetch(connection, "standings_tally", monitor_ids=wanted)
        )
        tallies: dict[MonitorId, dict[str, int]] = defaultdict(dict)
        for monitor_id, state, number in found:
            tallies[monitor_id][state] = number
        return tallies

    async def awake(self, now: float, limit: int) -> Sequence[Standing]:
        """The memories that time changes by now."""
        found = await self._connections.run(
            lambda connection: fetch(connection, "standings_awake", now=now, limit=limit)
        )
        return standings.read(found)

    async def save(
        self,
        standings: Sequence[Standing],
        *,
        taken: Sequence[int] = (),
        notices: Sequence[Notice] = (),
        quiet: bool = False,
    ) -> bool:
        """Write all of it, or nothing; see `Monitors.save`."""

        async def write(connection: Connection) -> bool:
            try:
                async with connection.transaction():
                    await _save(connection, standings, taken, notices, quiet)
            except _OvertakenError:
                return False
            return True

        return await self._connections.run(write)

    async def notices(self, limit: int) -> Sequence[Notice]:
        """What is still to be said."""
        found = await self._connections.run(lambda connection: fetch(connection, "notices", limit=limit))
        return [Notice(id, InstanceId(instance_id), body) for id, instance_id, body in found]

    async def said(self, notice_ids: Sequence[str]) -> None:
        """Forget notices."""
        ids = list(notice_ids)
        await self._connections.run(lambda connection: fetch(connection, "forget_notices", ids=ids))

    async def forget(self, monitor_id: MonitorId) -> None:
        """Delete what is kept of a monitor."""

        async def delete(connection: Connection) -> None:
            async with connection.transaction():
                await fetch(connection, "forget_observations", monitor_id=monitor_id)
                await fetch(connection, "forget_standings", monitor_id=monitor_id)

        await self._connections.run(delete)

    async def alive(self, now: float, *, gap: float) -> int:
        """Note that this node takes events; see `Monitors.alive`."""

        async def note(connection: Connection) -> int:
            async with connection.transaction():
                before = await fetch_row(connection, "alive_at")
                if before is not None and now - before[0] > gap:
                    await fetch(connection, "add_outage", started_at=before[0], ended_at=now)
                await fetch(connection, "note_alive", now=now)
                newest: int = await fetch_value(connection, "newest_outage")
                return newest

        return await self._connections.run(note)

    async def outages(self, since: float) -> Sequence[Outage]:
        """The outages that ended after this time."""
        found = await self._connections.run(lambda connection: fetch(connection, "outages", since=since))
        return [Outage(*row) for row in found]

    async def forget_outages(self, before: float) -> None:
        """Delete old ones."""
        await self._connections.run(lambda connection: fetch(connection, "forget_outages", before=before))


async def _save(
    connection: Connection,
    changed: Sequence[Standing],
    taken: Sequence[int],
    notices: Sequence[Notice],
    quiet: bool,
) -> None:
    if taken and await fetch_value(connection, "take_observations", numbers=list(taken)) != len(taken):
        raise _OvertakenError
    rows = [tuple(standings.row(one).values()) for one in changed]
    if rows and len(await fetch(connection, "put_standings", **columns(STANDING, rows))) != len(rows):
        raise _OvertakenError
    if quiet and await fetch_value(connection, "observed_among", **columns(PLACE, [row[:2] for row in rows])):
        raise _OvertakenError
    if notices:
        said = [(one.id, one.instance_id, one.body) for one in notices]
        await fetch(connection, "add_notices", **columns(NOTICE, said))
