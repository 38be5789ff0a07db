"""Explanations: which subscriptions were considered for an event, stored or pasted, and what followed."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.clock import Clock
from gateway.domain.delivery import Attempt, Delivery
from gateway.domain.errors import NotFound, Problem
from gateway.domain.ids import DeliveryId, InstanceId, SourceId, SubscriptionId
from gateway.domain.source import Instance
from gateway.domain.view import EventView
from gateway.pipeline.decode import permit, refine
from gateway.pipeline.explain import Arrangement, ExitVerdict, TopicVerdict, explain
from gateway.pipeline.mask import masked_event
from gateway.pipeline.snapshot import Current, Snapshot
from gateway.pipeline.validate import validate
from gateway.ports import Configuration, Entity, Registry, StoredEvent
from gateway.service.ledger import EventWithDeliveries, Records
from gateway.service.sources import find_source
from gateway.spi.cloudevents.decode import decode
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.source_format import Decoded

SHOWN_ATTEMPTS = 100
"""Deliveries of an event whose tries are read."""
KEPT_VERSIONS = 2
"""Configurations of the past that are kept, for the next explanation."""

_STRUCTURED = ((b"content-type", b"application/cloudevents+json"),)


@dataclass(frozen=True, slots=True)
class Explanation:
    """All verdicts on one event, and what became of it.

    `deliveries` are those of each subscription; those of subscriptions that are not in `verdicts`, of test
    deliveries for instance, are under theirs too. `version` is the configuration that was asked.
    """

    source_id: SourceId
    version: int
    verdicts: Sequence[TopicVerdict]
    stored: StoredEvent | None = None
    problems: Sequence[Problem] = ()
    deliveries: Mapping[SubscriptionId, Sequence[Delivery]] = field(default_factory=dict)
    attempts: Mapping[DeliveryId, Sequence[Attempt]] = field(default_factory=dict)
    cursor: str = ""

    def of(self, verdict: ExitVerdict) -> Sequence[Delivery]:
        """The deliveries of a subscription."""
        return self.deliveries.get(verdict.subscription.id, ())


class Explanations:
    """Use cases that answer "why?"."""

    def __init__(self, current: Current, registry: Registry, records: Records, clock: Clock) -> None:
        self._current, self._registry, self._records = current, registry, records
        self._clock = clock
        self._past: OrderedDict[int, Configuration] = OrderedDict()

    async def stored(self, instance: Instance, event_id: str, *, now: bool) -> Explanation:
        """Why a stored event went where it went, by the configuration that routed it or by today's.

        Raises NotFound for an event that is not there, or a configuration that this store never had.
        """
        found = await self._records.event(instance, event_id)
        accepted, problems = found.stored.accepted, found.stored.problems
        snapshot = self._current.snapshot
        version = snapshot.version if now else accepted.registry_version
        arrangement = await self._arrangement(instance.id, version)
        verdicts = explain(
            arrangement,
            accepted.source_id,
            view_of(found.stored),
            at=self._clock.now() if now else accepted.received_at,
            quarantined=bool(problems),
        )
        return Explanation(
            accepted.source_id,
            version,
            verdicts,
            found.stored,
            problems,
            _by_subscription(found),
            await self._attempts(found.deliveries),
            found.cursor,
        )

    def pasted(self, instance: Instance, source_id: str, event: bytes) -> Explanation:
        """Where an event in structured JSON would go by today's configuration, if that source sent it.

        Raises what the sender would get: NotFound, Malformed, Forbidden, Invalid.
        """
        snapshot = self._current.snapshot
        source = find_source(snapshot, instance, source_id)
        (received,), _ = decode(_STRUCTURED, event, max_events=1)
        if source.mask:
            received = masked_event(received, source)
        parsed = payload(received)
        decoded = refine(Decoded(received, meaning(received, parsed), parsed))
        permit([decoded], source, batched=False)
        (verdict,) = validate(snapshot.bindings.get(source.id, ()), [decoded], batched=False)
        verdicts = explain(
            Arrangement.of(instance.id, entities_of(snapshot)),
            source.id,
            decoded.view,
            at=self._clock.now(),
            quarantined=bool(verdict.problems),
        )
        return Explanation(source.id, snapshot.version, verdicts, problems=verdict.problems)

    async def _arrangement(self, instance_id: InstanceId, version: int) -> Arrangement:
        snapshot = self._current.snapshot
        if version == snapshot.version:
            return Arrangement.of(instance_id, entities_of(snapshot))
        return Arrangement.of(instance_id, (await self._configuration(version)).entities)

    async def _configuration(self, version: int) -> Configuration:
        found = self._past.get(version)
        if found is None:
            try:
                found = await self._registry.load(version)
            except ValueError as error:
                raise NotFound("version_not_found", f"there is no configuration {version}") from error
        self._past[version] = found
        self._past.move_to_end(version)
        while len(self._past) > KEPT_VERSIONS:
            self._past.popitem(last=False)
        return found

    async def _attempts(self, deliveries: Sequence[Delivery]) -> Mapping[DeliveryId, Sequence[Attempt]]:
        tried = [delivery for delivery in deliveries if delivery.attempts][:SHOWN_ATTEMPTS]
        return {one.id: await self._records.ledger.attempts(one.id) for one in tried}


def view_of(stored: StoredEvent) -> EventView:
    """A stored event as rules read it."""
    accepted = stored.accepted
    return EventView(accepted.event, accepted.vocabulary, payload(accepted.event))


def entities_of(snapshot: Snapshot) -> Sequence[Entity]:
    """What routing goes by, of all instances."""
    return [
        *snapshot.sources.values(),
        *snapshot.topics.values(),
        *snapshot.subscriptions.values(),
        *snapshot.destinations.values(),
        *snapshot.silences.values(),
    ]


def _by_subscription(found: EventWithDeliveries) -> Mapping[SubscriptionId, Sequence[Delivery]]:
    rows: dict[SubscriptionId, list[Delivery]] = defaultdict(list)
    for delivery in found.deliveries:
        rows[delivery.subscription_id].append(delivery)
    return rows
