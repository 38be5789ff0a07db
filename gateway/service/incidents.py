"""Incidents for people: what goes on, what is known of it, and taking it up or closing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from gateway.domain.clock import Clock
from gateway.domain.delivery import Delivery
from gateway.domain.errors import Conflict, NotFound, Unavailable
from gateway.domain.ids import IncidentId, InstanceId
from gateway.domain.incident import Incident, IncidentState, Thread, acknowledged, resolved
from gateway.domain.source import Instance
from gateway.ports import DeliveryFilter, Episode, Incidents, Ledger, Page

log = structlog.get_logger()

SHOWN_EVENTS = 50
SHOWN_DELIVERIES = 500
MAX_TRIES = 20


@dataclass(frozen=True, slots=True)
class WholeIncident:
    """An incident with its newest events, their deliveries, and who was told first by which message."""

    incident: Incident
    events: Sequence[Episode]
    deliveries: Sequence[Delivery]
    threads: Sequence[Thread]


class IncidentDesk:
    """Use cases over incidents. `ended` is called when one was resolved: its end is to be told."""

    def __init__(self, incidents: Incidents, ledger: Ledger, clock: Clock, ended: Callable[[], None]) -> None:
        self._incidents, self._ledger, self._clock, self._ended = incidents, ledger, clock, ended

    async def page(
        self, instance: Instance, states: Sequence[IncidentState], *, cursor: str, limit: int
    ) -> Page[Incident]:
        """Incidents, newest first. Raises Malformed for a cursor that is none."""
        return await self._incidents.incidents(instance.id, states, cursor=cursor, limit=limit)

    async def find(self, instance_id: InstanceId, incident_id: str) -> Incident:
        """One incident. Raises NotFound."""
        found = await self._incidents.incident(instance_id, IncidentId(incident_id))
        if found is None:
            raise NotFound("incident_not_found", f"there is no incident {incident_id!r}")
        return found

    async def whole(self, instance: Instance, incident_id: str) -> WholeIncident:
        """An incident with what belongs to it. Raises NotFound."""
        incident = await self.find(instance.id, incident_id)
        events = await self._incidents.events(incident.id, limit=SHOWN_EVENTS)
        deliveries: list[Delivery] = []
        for one in events:
            left = SHOWN_DELIVERIES - len(deliveries)
            if left > 0:
                wanted = DeliveryFilter(event_id=one.event_id)
                deliveries += (await self._ledger.deliveries(instance.id, wanted, limit=left)).rows
        return WholeIncident(incident, events, deliveries, await self._incidents.threads(incident.id))

    async def acknowledge(
        self, instance_id: InstanceId, incident_id: str, by: str, note: str = ""
    ) -> Incident:
        """Somebody takes it up: no more reminders, no escalation. Raises NotFound, Conflict when somebody
        did before or it is over."""

        def change(known: Incident) -> Incident:
            changed = acknowledged(known, by, self._clock.now(), note)
            if changed is None:
                raise Conflict(
                    "incident_not_open",
                    f"the incident is {known.state.value}",
                    expected="an incident that is open",
                )
            return changed

        changed = await self._changed(instance_id, incident_id, change)
        log.info("incident.acknowledged", incident=changed.id, by=by)
        return changed

    async def resolve(self, instance_id: InstanceId, incident_id: str, by: str, note: str = "") -> Incident:
        """Close it by hand; the next failure opens another. Raises NotFound, Conflict when it is over."""

        def change(known: Incident) -> Incident:
            changed = resolved(known, by, self._clock.now(), note)
            if changed is None:
                raise Conflict(
                    "incident_not_open",
                    "the incident is resolved",
                    expected="an incident that is not over",
                )
            return changed

        changed = await self._changed(instance_id, incident_id, change)
        log.info("incident.resolved", incident=changed.id, by=by)
        self._ended()
        return changed

    async def _changed(
        self, instance_id: InstanceId, incident_id: str, change: Callable[[Incident], Incident]
    ) -> Incident:
        """Changed over its newest revision, whatever comes to it meanwhile."""
        for _ in range(MAX_TRIES):
            changed = change(await self.find(instance_id, incident_id))
            if await self._incidents.save(changed):
                return changed
        raise Unavailable("incident_busy", "the incident changes too fast; try again", retry_after=1)
