"""Events, deliveries and attempts as they are listed: queries, and rows read back into values.

Cursors are row numbers: rows that come later have higher ones and never shift a page.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from gateway.domain.delivery import Attempt, Delivery, State
from gateway.domain.errors import Malformed
from gateway.domain.ids import (
    DeliveryId,
    DestinationId,
    EventId,
    InstanceId,
    SubscriptionId,
    TopicId,
)
from gateway.ports import DeliveryFilter, EventFilter, Page, StoredEvent
from gateway.storage import rows
from gateway.storage.sqlite.statements import SQL

MOST_ROWS = 1_000
NEWEST = (1 << 63) - 1
SET_ASIDE = frozenset({State.HELD, State.DEAD, State.SUPPRESSED, State.CANCELLED, State.FOLDED})

Row = tuple[Any, ...]
Listed = TypeVar("Listed")


def event(connection: sqlite3.Connection, instance_id: InstanceId, event_id: EventId) -> StoredEvent | None:
    """One event of an instance."""
    found = connection.execute(SQL["event"], {"id": event_id, "instance_id": instance_id}).fetchone()
    return found and _stored_event(found)


def events(
    connection: sqlite3.Connection, instance_id: InstanceId, wanted: EventFilter, cursor: str, limit: int
) -> Page[StoredEvent]:
    """A page of events; raises Malformed for a cursor that is none."""
    parameters = {
        "instance_id": instance_id,
        "source_id": wanted.source_id,
        "type": wanted.type,
        "quarantined": wanted.quarantined,
        "search": wanted.search,
    }
    name = "quarantined_events" if wanted.quarantined else "events"
    return _page(connection, name, parameters, cursor, limit, _stored_event)


def delivery(
    connection: sqlite3.Connection, instance_id: InstanceId, delivery_id: DeliveryId
) -> Delivery | None:
    """One delivery of an instance."""
    found = connection.execute(SQL["delivery"], {"id": delivery_id, "instance_id": instance_id}).fetchone()
    return found and _delivery(found)


def deliveries(
    connection: sqlite3.Connection, instance_id: InstanceId, wanted: DeliveryFilter, cursor: str, limit: int
) -> Page[Delivery]:
    """A page of deliveries; raises Malformed for a cursor that is none."""
    parameters = {
        "instance_id": instance_id,
        "event_id": wanted.event_id,
        "subscription_id": wanted.subscription_id,
        "destination_id": wanted.destination_id,
        "state": None if wanted.state is None else wanted.state.value,
    }
    name = "deliveries"
    if wanted.event_id is not None:
        number = connection.execute(SQL["number_of_event"], (wanted.event_id, instance_id)).fetchone()
        # Deliveries outlive their event; without it, the list is searched.
        if number is not None:
            name, parameters["event"] = "deliveries_of_event", number[0]
    elif wanted.state in SET_ASIDE:
        name = "deliveries_set_aside"
    return _page(connection, name, parameters, cursor, limit, _delivery)


def attempts(connection: sqlite3.Connection, delivery_id: DeliveryId) -> Sequence[Attempt]:
    """Every try of a delivery, oldest first."""
    return [Attempt(*row[:-1]) for row in connection.execute(SQL["attempts"], {"id": delivery_id})]


def _page(
    connection: sqlite3.Connection,
    name: str,
    parameters: Mapping[str, object],
    cursor: str,
    limit: int,
    read: Callable[[Row], Listed],
) -> Page[Listed]:
    limit = min(max(limit, 1), MOST_ROWS)
    paging = {"before": _before(cursor), "limit": limit + 1}
    found = connection.execute(SQL[name], {**parameters, **paging}).fetchall()
    more = len(found) > limit
    return Page(tuple(read(row) for row in found[:limit]), str(found[limit - 1][0]) if more else "")


def _before(cursor: str) -> int:
    if not cursor:
        return NEWEST
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Malformed("cursor_malformed", "This is not a cursor.", expected="the cursor of the page before")
    return int(cursor)


def _stored_event(row: Row) -> StoredEvent:
    _, problems, schema_revision, replaced_by, *columns = row
    return StoredEvent(
        rows.accepted_event(*columns),
        rows.problems(problems),
        schema_revision,
        None if replaced_by is None else EventId(replaced_by),
    )


def _delivery(row: Row) -> Delivery:
    (
        _, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
        attempts, rescues, due_at, created_at, settled_at, code, detail, duration, sent,
    ) = row  # fmt: skip
    return Delivery(
        DeliveryId(id),
        InstanceId(instance_id),
        EventId(event_id),
        TopicId(topic_id),
        SubscriptionId(subscription_id),
        DestinationId(destination_id),
        recipient,
        State(state),
        reason,
        attempts,
        rescues,
        due_at,
        created_at,
        settled_at,
        code,
        detail,
        duration,
        sent or b"",
    )
