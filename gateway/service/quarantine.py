"""Quarantine: events that fit no schema, released as they are or corrected, or discarded with a reason."""

from __future__ import annotations

from gateway.domain.errors import Conflict
from gateway.domain.source import Instance
from gateway.pipeline.correct import Correction
from gateway.pipeline.flow import Ingest
from gateway.ports import StoredEvent
from gateway.service.ledger import EventWithDeliveries, Records


class Quarantine:
    """Use cases over quarantined events."""

    def __init__(self, ingest: Ingest, records: Records) -> None:
        self._ingest, self._records = ingest, records

    async def release(
        self, instance: Instance, event_id: str, correction: Correction | None
    ) -> EventWithDeliveries:
        """Send a quarantined event the way that every event goes; return the one that takes its place.

        Raises NotFound, Conflict for an event that is not quarantined, Invalid for a correction that does not
        fit either.
        """
        stored = await self._quarantined(instance, event_id)
        appended = await self._ingest.release(stored, correction)
        # Appending does this itself, unless the event is older than its idempotency key.
        ledger, accepted = self._records.ledger, stored.accepted
        await ledger.end_quarantine(instance.id, accepted.id, replaced_by=appended.event_id)
        return await self._records.event(instance, appended.event_id)

    async def discard(self, instance: Instance, event_id: str, reason: str) -> EventWithDeliveries:
        """Let go of a quarantined event; it stays stored, with the reason. Raises NotFound, Conflict."""
        stored = await self._quarantined(instance, event_id)
        ledger, accepted = self._records.ledger, stored.accepted
        if not await ledger.end_quarantine(instance.id, accepted.id, discarded=reason):
            raise _not_quarantined(await self._records.event(instance, event_id))
        return await self._records.event(instance, event_id)

    async def _quarantined(self, instance: Instance, event_id: str) -> StoredEvent:
        found = await self._records.event(instance, event_id)
        if not found.stored.quarantined:
            raise _not_quarantined(found)
        return found.stored


def _not_quarantined(found: EventWithDeliveries) -> Conflict:
    stored = found.stored
    became = f"replaced by {stored.replaced_by}" if stored.replaced_by else "never quarantined"
    if stored.discarded is not None:
        became = "discarded"
    return Conflict("not_quarantined", f"the event is {became}", expected="an event in quarantine")
