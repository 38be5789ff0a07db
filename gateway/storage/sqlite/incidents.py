"""Incidents on SQLite: read, acknowledged, looked at by the time. Events change them in `appending`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from gateway.domain.clock import Clock
from gateway.domain.delivery import Planned
from gateway.domain.ids import EventId, IncidentId, InstanceId, SubscriptionId
from gateway.domain.incident import Chapter, Incident, IncidentState, Thread
from gateway.ports import Episode, Page
from gateway.storage import pages, rows, stories
from gateway.storage.incoming import PLACES, delivery_row
from gateway.storage.sqlite.statements import SQL, execute_rows
from gateway.storage.sqlite.tally import Tally
from gateway.storage.sqlite.workers import Workers
from gateway.storage.sqlite.writer import Writer


class SqliteIncidents:
    """Implements `gateway.ports.Incidents`."""

    def __init__(self, writer: Writer, readers: Workers, clock: Clock) -> None:
        self._writer, self._readers, self._clock = writer, readers, clock

    async def incident(self, instance_id: InstanceId, incident_id: IncidentId) -> Incident | None:
        """One incident of this instance."""
        given = {"id": incident_id, "instance_id": instance_id}
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["incident"], given).fetchone()
        )
        return rows.incident(found[0]) if found else None

    async def incidents(
        self,
        instance_id: InstanceId,
        states: Sequence[IncidentState] = (),
        *,
        cursor: str = "",
        limit: int = 50,
    ) -> Page[Incident]:
        """Incidents, newest first; raises Malformed for a cursor that is none."""
        paging, wanted = pages.paging(cursor, limit), states or tuple(IncidentState)
        first, second, third = (*wanted, *(wanted[-1],) * 2)[:3]
        given = {"instance_id": instance_id, "first": first, "second": second, "third": third, **paging}
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["incidents"], given).fetchall()
        )
        return pages.page(found, paging["limit"], lambda row: rows.incident(row[1]))

    async def events(self, incident_id: IncidentId, *, limit: int = 50) -> Sequence[Episode]:
        """The newest events of an incident, oldest first."""
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["events_of_incident"], (incident_id, limit)).fetchall()
        )
        return [stories.episode(row) for row in reversed(found)]

    async def chapter(self, event_id: EventId) -> Chapter | None:
        """The incident that an event belongs to."""
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["chapter"], (event_id,)).fetchone()
        )
        return rows.chapter(found[0]) if found else None

    async def awake(self, now: float, limit: int) -> Sequence[Incident]:
        """Those that time may change something of by now."""
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["incidents_awake"], (now, limit)).fetchall()
        )
        return [rows.incident(body) for (body,) in found]

    async def save(self, incident: Incident) -> bool:
        """Write an incident over the revision before."""
        given = stories.saved(incident)
        return await self._writer.run(
            lambda connection: connection.execute(SQL["save_incident"], given).rowcount == 1
        )

    async def rouse(self, instance_ids: Sequence[InstanceId], now: float) -> None:
        """Look at the open incidents of these now."""
        places = [(now, one) for one in instance_ids]
        await self._writer.run(
            lambda connection: connection.executemany(SQL["rouse_incidents"], places).rowcount
        )

    async def thread(
        self, incident_id: IncidentId, subscription_id: SubscriptionId, recipient: str
    ) -> Thread | None:
        """The first message that reached this receiver."""
        place = incident_id, subscription_id, recipient
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["thread"], place).fetchone()
        )
        return stories.thread(found) if found else None

    async def threads(self, incident_id: IncidentId) -> Sequence[Thread]:
        """The first messages that reached anybody."""
        found = await self._readers.run(
            lambda connection: connection.execute(SQL["threads"], (incident_id,)).fetchall()
        )
        return [stories.thread(row) for row in found]

    async def plan(self, event_id: EventId, planned: Sequence[Planned], *, again: bool = False) -> int:
        """Add deliveries to an event; see `Incidents.plan`."""
        return await self._writer.run(partial(_plan, event_id, planned, self._clock.now(), again))


def _plan(
    event_id: EventId, planned: Sequence[Planned], now: float, again: bool, connection: sqlite3.Connection
) -> int:
    tally = Tally()
    added = add_planned(connection, event_id, planned, tally, now=now, again=again)
    tally.write(connection)
    return added


def add_planned(
    connection: sqlite3.Connection,
    event_id: EventId,
    planned: Sequence[Planned],
    tally: Tally,
    *,
    now: float,
    again: bool = False,
) -> int:
    """Add what is missing of a plan to an event, behind the deliveries that it has."""
    found = connection.execute(SQL["place_of_event"], (event_id,)).fetchone()
    if found is None:
        return 0
    number, instance_id = found
    present = connection.execute(SQL["planned_of_event"], (number, number)).fetchall()
    new = stories.missing(planned, [one[1:] for one in present], again=again)
    place = max((one[0] + 1 for one in present), default=number << PLACES)
    written = [
        (place + more, *delivery_row(one, instance_id, event_id, 0, now)) for more, one in enumerate(new)
    ]
    execute_rows(connection, "add_deliveries", written)
    for one in new:
        tally.add(one.state.value)
    return len(new)


def keep_threads(connection: sqlite3.Connection, threads: Sequence[Thread]) -> None:
    """Keep those that are the first of their receivers."""
    execute_rows(connection, "keep_threads", threads)
