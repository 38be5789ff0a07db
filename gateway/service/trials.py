"""Trying a destination: a real delivery of an `io.tocsin.test` event, through the ledger, awaited."""

from __future__ import annotations

from datetime import UTC, datetime

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from gateway.domain.clock import Clock
from gateway.domain.delivery import AcceptedEvent, Planned, State
from gateway.domain.destination import Destination
from gateway.domain.errors import Invalid, Unavailable
from gateway.domain.ids import DeliveryId, EventId, SourceId, new_id
from gateway.pipeline.accept import event_key, first_claim
from gateway.pipeline.dispatcher import Dispatcher
from gateway.pipeline.route import TRIAL_SUBSCRIPTION, TRIAL_TOPIC
from gateway.pipeline.snapshot import Current, configuration_busy
from gateway.ports import Entry, Ledger, StaleRoutingError
from gateway.service.ledger import DeliveryWithAttempts, Records
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.cloudevents.structured import decode
from gateway.spi.destination import AnyDestination
from gateway.spi.discovery import destinations

TYPE = "io.tocsin.test"
SELF = SourceId("io.tocsin")
"""The gateway itself, as the source of the events that it makes."""

MAX_TRIES = 20


class Trials:
    """The Test button."""

    def __init__(
        self, current: Current, ledger: Ledger, dispatcher: Dispatcher, records: Records, clock: Clock
    ) -> None:
        self._current, self._ledger, self._dispatcher = current, ledger, dispatcher
        self._records, self._clock = records, clock

    async def send(self, destination: Destination, recipient: str = "") -> DeliveryWithAttempts:
        """Send one test event there, once; return the delivery with what became of it.

        Raises Invalid when the kind needs a recipient and neither the call nor a subscription names one.
        """
        accepted = self._event(destination)
        planned = self._plan(destination, recipient)
        await self._append(accepted, planned)
        claim = first_claim(accepted, planned, self._ledger.owner)
        try:
            await self._dispatcher.try_now(claim)
        except Unavailable:
            await self._dispatcher.give_back([claim], "busy", 0.0)
            raise
        instance = self._current.snapshot.instances[destination.instance_id]
        return await self._records.delivery(instance, planned.id)

    async def _append(self, accepted: AcceptedEvent, planned: Planned) -> None:
        key = event_key(accepted.instance_id, accepted.source_id, accepted.event.source, accepted.event.id)
        entry = Entry(accepted, key, (planned,))
        for _ in range(MAX_TRIES):
            version = self._current.snapshot.version
            try:
                await self._ledger.append([entry], routed_with=version)
                return
            except StaleRoutingError:
                await self._current.newer_than(version)
        raise configuration_busy()

    def _event(self, destination: Destination) -> AcceptedEvent:
        now = self._clock.now()
        made = CloudEvent(
            {
                "id": new_id(),
                "source": f"/instances/{destination.instance_id}/destinations/{destination.id}",
                "type": TYPE,
                "specversion": "1.0",
                "time": datetime.fromtimestamp(now, UTC),
                "datacontenttype": "application/json",
                "severity": "info",
            },
            {
                "title": f"Test of {destination.name}",
                "summary": "This is a test. A real event would have reached you the same way.",
            },
        )
        event = decode(to_structured_event(made, JSONFormat()).body)
        version = self._current.snapshot.version
        return AcceptedEvent(
            EventId(new_id()),
            destination.instance_id,
            SELF,
            event,
            meaning(event, payload(event)),
            now,
            version,
        )

    def _plan(self, destination: Destination, recipient: str) -> Planned:
        snapshot, kind = self._current.snapshot, destinations()[destination.kind]
        ways = [
            (row.id, kind.recipients(address))
            for row in snapshot.subscriptions.values()
            if row.destination_id == destination.id
            and (address := snapshot.addresses.get(row.id)) is not None
        ]
        ways = ways or [(TRIAL_SUBSCRIPTION, _without_subscription(kind))]
        way, known = next((one for one in ways if one[1]), ways[0])
        if not recipient and not known:
            raise Invalid(
                "recipient_missing",
                f"a test of {destination.kind} needs a recipient",
                pointer="/recipient",
                expected="an address to send the test to",
            )
        reached = recipient or known[0]
        return Planned(DeliveryId(new_id()), TRIAL_TOPIC, way, destination.id, reached, State.LEASED)


def _without_subscription(kind: type[AnyDestination]) -> tuple[str, ...]:
    """('',) for a kind that needs no recipient."""
    return tuple(one for one in kind.recipients(kind.Address()) if not one)
