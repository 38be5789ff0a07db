"""Handlers of events, deliveries, the inbox and replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.records import (
    DeliveryDetail,
    DeliveryPage,
    DeliveryQuery,
    Discard,
    EventPage,
    EventQuery,
    Release,
    StatusAnswer,
    correction,
    delivery_answer,
    delivery_detail,
    event_answer,
    event_detail,
    status_answer,
)
from gateway.domain.delivery import DUPLICATE_OF, State
from gateway.domain.ids import DestinationId, EventId, SourceId, SubscriptionId
from gateway.domain.silence import SILENCED_BY
from gateway.ports import DeliveryFilter, EventFilter
from gateway.service.services import Services


class RecordHandlers:
    """What the API tells of what happened."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def events(self, call: Call[Any, EventQuery]) -> EventPage:
        """Events, newest first: all of them, matched or not."""
        query = call.query
        wanted = EventFilter(
            source_id=SourceId(query.source_id) if query.source_id else None,
            type=query.type,
            quarantined=query.quarantined,
            search=query.search,
        )
        page = await self._services.records.ledger.events(
            call.instance.id, wanted, cursor=query.cursor, limit=query.limit
        )
        return EventPage(events=[event_answer(row) for row in page.rows], cursor=page.cursor or None)

    async def event(self, call: Call[Any, Any]) -> Mapping[str, Any]:
        """One event with its data and everything it caused."""
        found = await self._services.records.event(call.instance, call.path["id"])
        return event_detail(found, self._services.current.snapshot)

    async def release(self, call: Call[Release, Any]) -> Mapping[str, Any]:
        """Let a quarantined event go its way, as it is or corrected."""
        wanted = correction(call.body)
        found = await self._services.quarantine.release(call.instance, call.path["id"], wanted)
        return event_detail(found, self._services.current.snapshot)

    async def discard(self, call: Call[Discard, Any]) -> Mapping[str, Any]:
        """Let go of a quarantined event."""
        reason = call.body.reason
        found = await self._services.quarantine.discard(call.instance, call.path["id"], reason)
        return event_detail(found, self._services.current.snapshot)

    async def status(self, call: Call[Any, Any]) -> StatusAnswer:
        """How an event fares; the key of a source sees those that it sent."""
        source_id = call.principal.source_id
        return status_answer(await self._services.records.progress(call.instance, call.path["id"], source_id))

    async def deliveries(self, call: Call[Any, DeliveryQuery]) -> DeliveryPage:
        """Deliveries, newest first."""
        query = call.query
        wanted = DeliveryFilter(
            event_id=EventId(query.event_id) if query.event_id else None,
            subscription_id=SubscriptionId(query.subscription_id) if query.subscription_id else None,
            destination_id=DestinationId(query.destination_id) if query.destination_id else None,
            state=query.state or _only_state(query.reason),
            reason=query.reason,
        )
        page = await self._services.records.ledger.deliveries(
            call.instance.id, wanted, cursor=query.cursor, limit=query.limit
        )
        snapshot = self._services.current.snapshot
        return DeliveryPage(
            deliveries=[delivery_answer(row, snapshot) for row in page.rows], cursor=page.cursor or None
        )

    async def delivery(self, call: Call[Any, Any]) -> DeliveryDetail:
        """One delivery with every try, what was sent and the event behind it."""
        found = await self._services.records.delivery(call.instance, call.path["id"])
        return delivery_detail(found, self._services.current.snapshot)

    async def replay(self, call: Call[Any, Any]) -> DeliveryDetail:
        """Send an ended delivery again, with the id it had."""
        found = await self._services.records.replay(call.instance, call.path["id"])
        return delivery_detail(found, self._services.current.snapshot)


def _only_state(reason: str | None) -> State | None:
    """The one state that deliveries with this reason stand in, if there is but one: a store then has it at
    hand."""
    return State.SUPPRESSED if reason and reason.startswith((SILENCED_BY, DUPLICATE_OF)) else None
