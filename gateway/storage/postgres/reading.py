"""Events, deliveries and attempts as they are listed: which query answers what."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from asyncpg import Record

from gateway.domain.delivery import Attempt, Delivery, LastResult, LateReceipt, State
from gateway.domain.ids import DeliveryId, DestinationId, EventId, InstanceId, SourceId
from gateway.ports import DeliveryFilter, EventFilter, LastHeard, Page, StoredEvent
from gateway.storage import pages
from gateway.storage.postgres.statements import Connection, fetch

Listed = TypeVar("Listed")

_unstorable = re.compile("[\0\ud800-\udfff]").search


async def event(connection: Connection, instance_id: InstanceId, event_id: EventId) -> StoredEvent | None:
    """One event of an instance."""
    found = await _find(connection, "event", {"id": event_id, "instance_id": instance_id})
    return pages.stored_event(tuple(found[0])) if found else None


async def events(
    connection: Connection, instance_id: InstanceId, wanted: EventFilter, cursor: str, limit: int
) -> Page[StoredEvent]:
    """A page of events; raises Malformed for a cursor that is none."""
    parameters = pages.of_events(instance_id, wanted)
    name = "quarantined_events" if wanted.quarantined else "events"
    return await _page(connection, name, parameters, cursor, limit, pages.stored_event)


async def delivery(
    connection: Connection, instance_id: InstanceId, delivery_id: DeliveryId
) -> Delivery | None:
    """One delivery of an instance."""
    found = await _find(connection, "delivery", {"id": delivery_id, "instance_id": instance_id})
    return pages.delivery(tuple(found[0])) if found else None


async def deliveries(
    connection: Connection, instance_id: InstanceId, wanted: DeliveryFilter, cursor: str, limit: int
) -> Page[Delivery]:
    """A page of deliveries; raises Malformed for a cursor that is none."""
    parameters = pages.of_deliveries(instance_id, wanted)
    name = "deliveries"
    if wanted.event_id is not None:
        number = await _find(connection, "number_of_event", parameters)
        # Deliveries outlive their event; without it, the list is searched.
        if number:
            name, parameters["event"] = "deliveries_of_event", number[0][0]
    elif wanted.state is State.SUPPRESSED and wanted.reason is not None:
        name = "deliveries_suppressed"
    elif wanted.state in pages.SET_ASIDE:
        name = "deliveries_set_aside"
    return await _page(connection, name, parameters, cursor, limit, pages.delivery)


async def attempts(connection: Connection, delivery_id: DeliveryId) -> Sequence[Attempt]:
    """Every try of a delivery, oldest first."""
    return [Attempt(*tuple(row)[:-1]) for row in await _find(connection, "attempts", {"id": delivery_id})]


async def last_results(connection: Connection, instance_id: InstanceId) -> Mapping[DestinationId, LastResult]:
    """How the last try at each destination of an instance ended."""
    found = await _find(connection, "last_results", {"instance_id": instance_id})
    return {row[0]: LastResult(*row) for row in found}


async def last_heard(connection: Connection, instance_id: InstanceId, source_id: SourceId) -> LastHeard:
    """When a source was heard last, and its last events."""
    place = {"instance_id": instance_id, "source_id": source_id}
    (newest,) = await _find(connection, "last_heard_at", place)
    found = await _find(connection, "last_heard", place)
    return LastHeard(newest[0], [pages.stored_event(tuple(row)) for row in found])


async def receipts(connection: Connection, delivery_id: DeliveryId) -> Sequence[LateReceipt]:
    """What was said later of a delivery, oldest first."""
    return [LateReceipt(*tuple(row)) for row in await _find(connection, "receipts", {"id": delivery_id})]


async def _page(
    connection: Connection,
    name: str,
    parameters: Mapping[str, object],
    cursor: str,
    limit: int,
    read: Callable[[pages.Row], Listed],
) -> Page[Listed]:
    paging = pages.paging(cursor, limit)
    found = await _find(connection, name, {**parameters, **paging})
    return pages.page([tuple(row) for row in found], paging["limit"], read)


async def _find(connection: Connection, name: str, parameters: Mapping[str, object]) -> Sequence[Record]:
    """Rows; none for a text that no row of this database can hold."""
    if not all(possible(value) for value in parameters.values()):
        return ()
    return await fetch(connection, name, **parameters)


def possible(value: object) -> bool:
    """Whether a row of this database can hold it."""
    return not isinstance(value, str) or _unstorable(value) is None
