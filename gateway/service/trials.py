"""Trying a destination, or all that a topic leads to: real deliveries of a test event, through the ledger,
awaited, each tried once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from gateway.domain.clock import Clock
from gateway.domain.delivery import AcceptedEvent, Planned, State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Invalid, Unavailable
from gateway.domain.ids import DeliveryId, EventId, InstanceId, new_id
from gateway.domain.severity import Severity
from gateway.domain.source import SELF
from gateway.domain.topic import Topic
from gateway.domain.view import EventView
from gateway.pipeline.accept import event_key, first_claim
from gateway.pipeline.dispatcher import Dispatcher
from gateway.pipeline.route import TRIAL_SUBSCRIPTION, TRIAL_TOPIC
from gateway.pipeline.snapshot import Current, configuration_busy
from gateway.ports import Entry, Ledger, StaleRoutingError
from gateway.rules.compile import compile_rule
from gateway.rules.expression import parse_expression
from gateway.service.ledger import DeliveryWithAttempts, Records
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.cloudevents.structured import decode
from gateway.spi.destination import AnyDestination
from gateway.spi.discovery import destinations

TYPE = "io.tocsin.test"

MAX_TRIES = 20
MAX_TRIALS = 100
"""Subscriptions of a topic that one test reaches."""
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """What a test event says: its type, its severity and its JSON data."""

    type: str = TYPE
    severity: Severity = Severity.INFO
    data: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a test of one subscription; `wanted` tells whether its own rule takes such events."""

    subscription: Subscription
    wanted: bool
    found: DeliveryWithAttempts


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
        place = f"destinations/{destination.id}"
        accepted = self._event(destination.instance_id, place, destination.name, Sample())
        planned = self._plan(destination, recipient)
        await self._append(accepted, [planned])
        return await self._tried(accepted, planned)

    async def send_topic(self, topic: Topic, sample: Sample) -> Sequence[Trial]:
        """Send one test event to the first recipient of every subscription of a topic, enabled or not,
        whatever its rule wants.

        Raises Invalid for a topic without subscriptions, or with more than MAX_TRIALS.
        """
        ways = self._ways(topic)
        accepted = self._event(topic.instance_id, f"topics/{topic.id}", topic.name, sample)
        planned = [_planned(one, recipient) for one, recipient in ways]
        await self._append(accepted, planned)
        turns = asyncio.Semaphore(AT_ONCE)

        async def tried(way: Subscription, delivery: Planned) -> Trial:
            async with turns:
                return Trial(way, _wanted(way, accepted), await self._tried(accepted, delivery))

        trials = (tried(way, delivery) for (way, _), delivery in zip(ways, planned, strict=True))
        return await asyncio.gather(*trials)

    def _ways(self, topic: Topic) -> Sequence[tuple[Subscription, str]]:
        """Every subscription of a topic with one recipient; those that reach nobody are left out."""
        snapshot = self._current.snapshot
        rows = [row for row in snapshot.subscriptions.values() if row.topic_id == topic.id]
        ways = [
            (row, known[0])
            for row in sorted(rows, key=lambda row: (row.created_at, row.id))
            if (known := self._recipients(row))
        ]
        if not ways or len(ways) > MAX_TRIALS:
            raise Invalid(
                "topic_not_testable",
                f"{len(ways)} subscriptions of this topic reach somebody",
                expected=f"1 to {MAX_TRIALS} subscriptions",
            )
        return ways

    def _recipients(self, subscription: Subscription) -> tuple[str, ...]:
        snapshot = self._current.snapshot
        kind = destinations()[snapshot.destinations[subscription.destination_id].kind]
        address = snapshot.addresses.get(subscription.id)
        return kind.recipients(address) if address is not None else ()

    async def _tried(self, accepted: AcceptedEvent, planned: Planned) -> DeliveryWithAttempts:
        claim = first_claim(accepted, planned, self._ledger.owner)
        try:
            await self._dispatcher.try_now(claim)
        except Unavailable:
            await self._dispatcher.give_back([claim], "busy", 0.0)
            raise
        instance = self._current.snapshot.instances[accepted.instance_id]
        return await self._records.delivery(instance, planned.id)

    async def _append(self, accepted: AcceptedEvent, planned: Sequence[Planned]) -> None:
        key = event_key(accepted.instance_id, accepted.source_id, accepted.event.source, accepted.event.id)
        entry = Entry(accepted, key, tuple(planned))
        for _ in range(MAX_TRIES):
            version = self._current.snapshot.version
            try:
                await self._ledger.append([entry], routed_with=version)
                return
            except StaleRoutingError:
                await self._current.newer_than(version)
        raise configuration_busy()

    def _event(self, instance_id: InstanceId, place: str, name: str, sample: Sample) -> AcceptedEvent:
        now = self._clock.now()
        made = CloudEvent(
            {
                "id": new_id(),
                "source": f"/instances/{instance_id}/{place}",
                "type": sample.type,
                "specversion": "1.0",
                "time": datetime.fromtimestamp(now, UTC),
                "datacontenttype": "application/json",
                "severity": sample.severity.word,
            },
            {
                "title": f"Test of {name}",
                "summary": "This is a test. A real event would have reached you the same way.",
                **(sample.data or {}),
            },
        )
        event = decode(to_structured_event(made, JSONFormat()).body)
        version = self._current.snapshot.version
        return AcceptedEvent(
            EventId(new_id()),
            instance_id,
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


def _planned(subscription: Subscription, recipient: str) -> Planned:
    return Planned(
        DeliveryId(new_id()),
        TRIAL_TOPIC,
        subscription.id,
        subscription.destination_id,
        recipient,
        State.LEASED,
    )


def _wanted(subscription: Subscription, accepted: AcceptedEvent) -> bool:
    view = EventView(accepted.event, accepted.vocabulary, payload(accepted.event))
    return compile_rule(parse_expression(subscription.rule))(view)


def _without_subscription(kind: type[AnyDestination]) -> tuple[str, ...]:
    """('',) for a kind that needs no recipient."""
    return tuple(one for one in kind.recipients(kind.Address()) if not one)
