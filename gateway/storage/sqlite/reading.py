"""Events, deliveries and attempts as they are listed: which query answers what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from gateway.domain.delivery import Attempt, Delivery, LastResult, LateReceipt, State
from gateway.domain.ids import DeliveryId, DestinationId, EventId, InstanceId, SourceId
from gateway.ports import DeliveryFilter, EventFilter, LastHeard, Page, StoredEvent
from gateway.storage import pages
from gateway.storage.sqlite.statements import SQL

Listed = TypeVar("Listed")


def event(connection: sqlite3.Connection, instance_id: InstanceId, event_id: EventId) -> StoredEvent | None:
    """One event of an instance."""
    found = connection.execute(SQL["event"], {"id": event_id, "instance_id": instance_id}).fetchone()
    return found and pages.stored_event(found)


def events(
    connection: sqlite3.Connection, instance_id: InstanceId, wanted: EventFilter, cursor: str, limit: int
) -> Page[StoredEvent]:
    """A page of events; raises Malformed for a cursor that is none."""
    parameters = pages.of_events(instance_id, wanted)
    name = "quarantined_events" if wanted.quarantined else "events"
    return _page(connection, name, parameters, cursor, limit, pages.stored_event)


def delivery(
    connection: sqlite3.Connection, instance_id: InstanceId, delivery_id: DeliveryId
) -> Delivery | None:
    """One delivery of an instance."""
    found = connection.execute(SQL["delivery"], {"id": delivery_id, "instance_id": instance_id}).fetchone()
    return found and pages.delivery(found)


def deliveries(
    connection: sqlite3.Connection, instance_id: InstanceId, wanted: DeliveryFilter, cursor: str, limit: int
) -> Page[Delivery]:
    """A page of deliveries; raises Malformed for a cursor that is none."""
    parameters = pages.of_deliveries(instance_id, wanted)
    name = "deliveries"
    if wanted.event_id is not None:
        number = connection.execute(SQL["number_of_event"], (wanted.event_id, instance_id)).fetchone()
        # Deliveries outlive their event; without it, the list is searched.
        if number is not None:
            name, parameters["event"] = "deliveries_of_event", number[0]
    elif wanted.state is State.SUPPRESSED and wanted.reason is not None:
        name = "deliveries_suppressed"
    elif wanted.state in pages.SET_ASIDE:
        name = "deliveries_set_aside"
    return _page(connection, name, parameters, cursor, limit, pages.delivery)


def attempts(connection: sqlite3.Connection, delivery_id: DeliveryId) -> Sequence[Attempt]:
    """Every try of a delivery, oldest first."""
    return [Attempt(*row[:-1]) for row in connection.execute(SQL["attempts"], {"id": delivery_id})]


def last_results(
    connection: sqlite3.Connection, instance_id: InstanceId
) -> Mapping[DestinationId, LastResult]:
    """How the last try at each destination of an instance ended."""
    found = connection.execute(SQL["last_results"], (instance_id,))
    return {row[0]: LastResult(*row) for row in found}


def last_heard(connection: sqlite3.Connection, instance_id: InstanceId, source_id: SourceId) -> LastHeard:
    """When a source was heard last, and its last events."""
    place = {"instance_id": instance_id, "source_id": source_id}
    at: float | None = connection.execute(SQL["last_heard_at"], place).fetchone()[0]
    found = connection.execute(SQL["last_heard"], place)
    return LastHeard(at, [pages.stored_event(row) for row in found])


def receipts(connection: sqlite3.Connection, delivery_id: DeliveryId) -> Sequence[LateReceipt]:
    """What was said later of a delivery, oldest first."""
    return [LateReceipt(*row) for row in connection.execute(SQL["receipts"], {"id": delivery_id})]


def _page(
    connection: sqlite3.Connection,
    name: str,
    parameters: Mapping[str, object],
    cursor: str,
    limit: int,
    read: Callable[[pages.Row], Listed],
) -> Page[Listed]:
    paging = pages.paging(cursor, limit)
    found = connection.execute(SQL[name], {**parameters, **paging}).fetchall()
    return pages.page(found, paging["limit"], read)
