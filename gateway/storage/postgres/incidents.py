"""Incidents on PostgreSQL: read, acknowledged, looked at by the time. Events change them in `appending`.

Who may change the incidents of a key holds the lock that its key falls to until the end of the transaction;
there are few of them, and they are taken in one order, so that groups never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.domain.clock import Clock
from gateway.domain.delivery import Planned, State
from gateway.domain.ids import EventId, IncidentId, InstanceId, SubscriptionId
from gateway.domain.incident import FLAPPING, Chapter, Incident, IncidentState, Sign, Thread
from gateway.ports import Episode, Page
from gateway.storage import pages, rows, stories
from gateway.storage.incoming import PreparedEntry, delivery_row
from gateway.storage.postgres.connections import Connections
from gateway.storage.postgres.reading import possible
from gateway.storage.postgres.statements import Connection, columns, fetch, fetch_row, fetch_value
from gateway.storage.postgres.tally import Tally

PLACE_COLUMNS = ("instance_ids", "keys")
INCIDENT_COLUMNS = (
    "ids", "instance_ids", "keys", "revisions", "states", "last_ats", "wake_ats", "bodies",
)  # fmt: skip
CHAPTER_COLUMNS = ("event_ids", "incident_ids", "bodies")
PLANNED_COLUMNS = (
    "delivery_ids", "instance_ids", "event_ids", "topic_ids", "subscription_ids", "destination_ids",
    "recipients", "states", "reasons", "epochs", "owners", "due_ats", "created_ats", "settled_ats",
)  # fmt: skip


class PostgresIncidents:
    """Implements `gateway.ports.Incidents`. `incarnation` says who writes; `due` hears of new deliveries."""

    def __init__(
        self, connections: Connections, clock: Clock, incarnation: Callable[[], int], due: Callable[[], None]
    ) -> None:
        self._connections, self._clock = connections, clock
        self._incarnation, self._due = incarnation, due

    async def incident(self, instance_id: InstanceId, incident_id: IncidentId) -> Incident | None:
        """One incident of this instance."""
        if not possible(incident_id):
            return None
        body = await self._value("incident", id=incident_id, instance_id=instance_id)
        return None if body is None else rows.incident(body)

    async def incidents(
        self,
        instance_id: InstanceId,
        states: Sequence[IncidentState] = (),
        *,
        cursor: str = "",
        limit: int = 50,
    ) -> Page[Incident]:
        """Incidents, newest first; raises Malformed for a cursor that is none."""
        paging = pages.paging(cursor, limit)
        wanted = [one.value for one in states or IncidentState]
        found = await self._connections.run(
            lambda one: fetch(one, "incidents", instance_id=instance_id, states=wanted, **paging)
        )
        return pages.page([tuple(row) for row in found], paging["limit"], lambda row: rows.incident(row[1]))

    async def events(self, incident_id: IncidentId, *, limit: int = 50) -> Sequence[Episode]:
        """The newest events of an incident, oldest first."""
        found = await self._connections.run(
            lambda one: fetch(one, "events_of_incident", incident_id=incident_id, limit=limit)
        )
        return [stories.episode(tuple(row)) for row in reversed(found)]

    async def chapter(self, event_id: EventId) -> Chapter | None:
        """The incident that an event belongs to."""
        body = await self._value("chapter", event_id=event_id)
        return None if body is None else rows.chapter(body)

    async def awake(self, now: float, limit: int) -> Sequence[Incident]:
        """Those that time may change something of by now."""
        found = await self._connections.run(lambda one: fetch(one, "incidents_awake", now=now, limit=limit))
        return [rows.incident(row[0]) for row in found]

    async def save(self, incident: Incident) -> bool:
        """Write an incident over the revision before."""
        given = stories.saved(incident)
        return bool(await self._connections.run(lambda one: fetch(one, "save_incident", **given)))

    async def rouse(self, instance_ids: Sequence[InstanceId], now: float) -> None:
        """Look at the open incidents of these now."""
        given = list(instance_ids)
        await self._connections.run(lambda one: fetch(one, "rouse_incidents", instance_ids=given, now=now))

    async def thread(
        self, incident_id: IncidentId, subscription_id: SubscriptionId, recipient: str
    ) -> Thread | None:
        """The first message that reached this receiver."""
        place = {"incident_id": incident_id, "subscription_id": subscription_id, "recipient": recipient}
        found = await self._connections.run(lambda one: fetch_row(one, "thread", **place))
        return None if found is None else stories.thread(tuple(found))

    async def threads(self, incident_id: IncidentId) -> Sequence[Thread]:
        """The first messages that reached anybody."""
        found = await self._connections.run(lambda one: fetch(one, "threads", incident_id=incident_id))
        return [stories.thread(tuple(row)) for row in found]

    async def plan(self, event_id: EventId, planned: Sequence[Planned], *, again: bool = False) -> int:
        """Add deliveries to an event; see `Incidents.plan`."""

        async def write(connection: Connection) -> int:
            async with connection.transaction():
                tally = Tally()
                added = await add_planned(
                    connection, event_id, planned, tally, now=self._clock.now(), again=again
                )
                await tally.write(connection, self._incarnation())
                return added

        added = await self._connections.run(write)
        if added:
            self._due()
        return added

    async def _value(self, name: str, **given: object) -> str | None:
        found: str | None = await self._connections.run(lambda one: fetch_value(one, name, **given))
        return found


async def matter(connection: Connection, entries: Sequence[PreparedEntry]) -> bool:
    """Whether these entries, all with signs, may change or belong to an incident. Most say that something is
    well which never failed: then the group stays one statement. A failure that is being accepted in this very
    moment counts as coming after them."""
    if any(not isinstance(one.told, Sign) or one.told.failing for one in entries):
        return True
    given = columns(PLACE_COLUMNS, stories.places(entries))
    return bool(await fetch_value(connection, "any_open_incident", **given))


async def tell(
    connection: Connection, entries: Sequence[PreparedEntry], tally: Tally, *, now: float
) -> dict[int, Chapter]:
    """What entries that were just written are in which incidents, by their `id()`; in their transaction."""
    told = await _stories(connection, entries)
    chapters = {id(entry): chapter for entry in entries if (chapter := told.take(entry)) is not None}
    if told.incidents:
        await fetch(connection, "put_incidents", **columns(INCIDENT_COLUMNS, told.incidents))
    if told.events:
        await fetch(connection, "add_chapters", **columns(CHAPTER_COLUMNS, told.events))
    for entry in entries:
        chapter = chapters.get(id(entry))
        if chapter is not None and not chapter.told:
            reason = f"{FLAPPING}{chapter.incident.id}"
            given = {"event_id": entry.event_id, "reason": reason, "now": now}
            for (state,) in await fetch(connection, "suppress_event", **given):
                tally.move(State(state), State.SUPPRESSED, 1)
    return chapters


async def _stories(connection: Connection, entries: Sequence[PreparedEntry]) -> stories.Stories:
    places = stories.places(entries)
    if not places:
        return stories.Stories()
    given = columns(PLACE_COLUMNS, places)
    await fetch(connection, "lock_incidents", **given)
    found = await fetch(connection, "newest_incidents", **given)
    return stories.Stories(rows.incident(row[0]) for row in found)


async def add_planned(
    connection: Connection,
    event_id: EventId,
    planned: Sequence[Planned],
    tally: Tally,
    *,
    now: float,
    again: bool = False,
) -> int:
    """Add what is missing of a plan to an event, behind the deliveries that it has."""
    event = await fetch_row(connection, "lock_event", event_id=event_id)
    if event is None:
        return 0
    number, instance_id = event
    present = await fetch(connection, "planned_of_event", event=number)
    new = stories.missing(planned, [tuple(row)[1:] for row in present], again=again)
    if not new:
        return 0
    written = [delivery_row(one, instance_id, event_id, 0, now) for one in new]
    await fetch(
        connection,
        "add_planned",
        **columns(PLANNED_COLUMNS, written),
        place=max((row[0] for row in present), default=(number << 20) - 1),
    )
    tally.add(one.state for one in new)
    return len(new)
