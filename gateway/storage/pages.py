"""Listings: cursors, pages, and their rows read back into values, for every store alike.

Cursors are row numbers: rows that come later have higher ones and never shift a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from gateway.domain.delivery import Delivery, State
from gateway.domain.errors import Malformed
from gateway.domain.ids import DeliveryId, DestinationId, EventId, InstanceId, SubscriptionId, TopicId
from gateway.ports import DeliveryFilter, EventFilter, Page, StoredEvent
from gateway.storage import rows

MOST_ROWS = 1_000
NEWEST = (1 << 63) - 1
SET_ASIDE = frozenset({State.HELD, State.DEAD, State.SUPPRESSED, State.CANCELLED, State.FOLDED})

Row = Sequence[Any]
Listed = TypeVar("Listed")


def of_events(instance_id: InstanceId, wanted: EventFilter) -> dict[str, object]:
    """The parameters of a listing of events."""
    return {
        "instance_id": instance_id,
        "source_id": wanted.source_id,
        "type": wanted.type,
        "quarantined": wanted.quarantined,
        "search": wanted.search,
    }


def of_deliveries(instance_id: InstanceId, wanted: DeliveryFilter) -> dict[str, object]:
    """The parameters of a listing of deliveries."""
    return {
        "instance_id": instance_id,
        "event_id": wanted.event_id,
        "subscription_id": wanted.subscription_id,
        "destination_id": wanted.destination_id,
        "state": None if wanted.state is None else wanted.state.value,
        "reason": wanted.reason,
    }


def paging(cursor: str, limit: int) -> Mapping[str, int]:
    """The parameters that cut a page out, one row longer than it, so that its end is seen."""
    return {"before": before(cursor), "limit": min(max(limit, 1), MOST_ROWS) + 1}


def page(found: Sequence[Row], limit: int, read: Callable[[Row], Listed]) -> Page[Listed]:
    """The page of these rows, asked for with `limit` as `paging` gave it."""
    most = limit - 1
    more = len(found) > most
    return Page(tuple(read(row) for row in found[:most]), str(found[most - 1][0]) if more else "")


def before(cursor: str) -> int:
    """The number that a page ends below; raises Malformed for a cursor that is none."""
    if not cursor:
        return NEWEST
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Malformed("cursor_malformed", "This is not a cursor.", expected="the cursor of the page before")
    return int(cursor)


def stored_event(row: Row) -> StoredEvent:
    """Read an event from the columns of a listing, its number first."""
    _, problems, schema_revision, replaced_by, flags, discarded, *columns = row
    return StoredEvent(
        rows.accepted_event(*columns),
        rows.problems(problems),
        schema_revision,
        None if replaced_by is None else EventId(replaced_by),
        rows.problems(flags),
        discarded,
    )


def delivery(row: Row) -> Delivery:
    """Read a delivery from the columns of a listing, its number first."""
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
