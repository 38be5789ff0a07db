"""The ledger for people: events, deliveries, what was tried, and replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.delivery import AS_EVENT, Attempt, Delivery, LateReceipt, State
from gateway.domain.errors import Conflict, NotFound
from gateway.domain.ids import DeliveryId, EventId, SourceId
from gateway.domain.source import Instance
from gateway.ports import DeliveryFilter, Ledger, StoredEvent
from gateway.spi.cloudevents.encode import structured

SHOWN_ROWS = COUNTED_ROWS = 500
"""Deliveries of an event that are shown with it, and that are read at once to count them."""


@dataclass(frozen=True, slots=True)
class EventWithDeliveries:
    """An event and what it caused; `cursor` leads to the deliveries beyond these, '' after the last."""

    stored: StoredEvent
    deliveries: Sequence[Delivery]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an event has come: how many of its deliveries are where, and one that is dead, if any."""

    stored: StoredEvent
    states: Mapping[State, int]
    dead: Delivery | None

    @property
    def open(self) -> int:
        """How many deliveries are not over yet."""
        return sum(count for state, count in self.states.items() if not state.terminal)


@dataclass(frozen=True, slots=True)
class DeliveryWithAttempts:
    """A delivery, its event, every try, and what was said of it later."""

    delivery: Delivery
    stored: StoredEvent | None
    attempts: Sequence[Attempt]
    receipts: Sequence[LateReceipt] = ()

    @property
    def sent(self) -> bytes:
        """What went out last; gone with the event where it was the event itself."""
        if self.delivery.sent != AS_EVENT:
            return self.delivery.sent
        return structured(self.stored.accepted.event) if self.stored else b""


class Records:
    """Reading the ledger, and reopening what ended in it."""

    def __init__(self, ledger: Ledger, wake: Callable[[], None]) -> None:
        self.ledger = ledger
        self._wake = wake

    async def event(self, instance: Instance, event_id: str) -> EventWithDeliveries:
        """One event with its newest deliveries, SHOWN_ROWS at most. Raises NotFound."""
        stored = await self._event(instance, event_id)
        page = await self.ledger.deliveries(
            instance.id, DeliveryFilter(event_id=EventId(event_id)), limit=SHOWN_ROWS
        )
        return EventWithDeliveries(stored, page.rows, page.cursor)

    async def progress(
        self, instance: Instance, event_id: str, source_id: SourceId | None = None
    ) -> Progress:
        """How far an event has come, all its deliveries counted.

        Raises NotFound, with a `source_id` also for an event of another source.
        """
        stored = await self._event(instance, event_id)
        if source_id not in (None, stored.accepted.source_id):
            raise _no_event(event_id)
        wanted = DeliveryFilter(event_id=stored.accepted.id)
        states: Counter[State] = Counter()
        dead: Delivery | None = None
        cursor: str | None = None
        while cursor != "":
            page = await self.ledger.deliveries(instance.id, wanted, cursor=cursor or "", limit=COUNTED_ROWS)
            states.update(row.state for row in page.rows)
            dead = dead or next((row for row in page.rows if row.state is State.DEAD), None)
            cursor = page.cursor
        return Progress(stored, states, dead)

    async def _event(self, instance: Instance, event_id: str) -> StoredEvent:
        stored = await self.ledger.event(instance.id, EventId(event_id))
        if stored is None:
            raise _no_event(event_id)
        return stored

    async def delivery(self, instance: Instance, delivery_id: str) -> DeliveryWithAttempts:
        """One delivery with its attempts. Raises NotFound."""
        delivery = await self.ledger.delivery(instance.id, DeliveryId(delivery_id))
        if delivery is None:
            raise NotFound("delivery_not_found", f"there is no delivery {delivery_id!r}")
        stored = await self.ledger.event(instance.id, delivery.event_id)
        attempts = await self.ledger.attempts(delivery.id)
        return DeliveryWithAttempts(delivery, stored, attempts, await self.ledger.receipts(delivery.id))

    async def replay(self, instance: Instance, delivery_id: str) -> DeliveryWithAttempts:
        """Send an ended delivery again, with the id it had. Raises NotFound, Conflict if it is not ended."""
        found = await self.delivery(instance, delivery_id)
        if not await self.ledger.replay(instance.id, found.delivery.id):
            raise Conflict(
                "not_ended",
                f"the delivery is {found.delivery.state.value}",
                expected="a delivery that has ended",
            )
        self._wake()
        return await self.delivery(instance, delivery_id)


def _no_event(event_id: str) -> NotFound:
    return NotFound("event_not_found", f"there is no event {event_id!r}")
