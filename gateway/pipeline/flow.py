"""The path of an event. Read this first.

    Ingest      receive ▶ authenticate ▶ decode ▶ validate ▶ route ▶ accept        then 202
    Dispatch    claim ▶ throttle ▶ render ▶ send ▶ settle

The two meet only in the ledger and in the hand-over: what accept made durable and born leased goes
straight into a lane of this process; everything else is claimed from the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

import structlog

from gateway.domain.clock import Clock
from gateway.domain.delivery import Claim, Settlement, State
from gateway.domain.destination import Destination
from gateway.domain.errors import Invalid, NotFound, Refused, TooLarge
from gateway.domain.event import Event
from gateway.domain.ids import DestinationId, EventId, InstanceId, SourceId
from gateway.domain.incident import Sign
from gateway.domain.source import SELF, Source
from gateway.pipeline.accept import Routed, accept
from gateway.pipeline.also import fallback
from gateway.pipeline.authenticate import (
    authenticate,
    authenticate_at,
    authenticate_capability,
    authenticate_named,
    identify,
    require_enabled,
)
from gateway.pipeline.bulk import decode_bulk, only_source
from gateway.pipeline.channels import Channels, blank_address
from gateway.pipeline.correct import Correction, corrected
from gateway.pipeline.decode import decode, decode_for, decode_native, masked_notifications, permit
from gateway.pipeline.dispatcher import Dispatcher
from gateway.pipeline.leads import Leading
from gateway.pipeline.mask import is_unmasked
from gateway.pipeline.noise import Moment, Noise
from gateway.pipeline.rate import RateGate
from gateway.pipeline.receive import Envelope
from gateway.pipeline.render import render
from gateway.pipeline.restrain import held_back
from gateway.pipeline.route import DISABLED, TRIAL_TOPIC, Plan, named, plan
from gateway.pipeline.send import Outcome, send
from gateway.pipeline.settle import Tried, cancel, decide, give_back, verdict
from gateway.pipeline.signature import Signatures
from gateway.pipeline.signs import sign_of, wake_after
from gateway.pipeline.silence import silencer
from gateway.pipeline.snapshot import Current, Snapshot, configuration_busy
from gateway.pipeline.told import Told
from gateway.pipeline.validate import Verdict, validate
from gateway.pipeline.watch import observed
from gateway.ports import Appended, Ledger, StaleRoutingError, StoredEvent
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.discovery import source_formats
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.polled_format import asked
from gateway.spi.source_format import Decoded

log = structlog.get_logger()

T = TypeVar("T")

MAX_REROUTES = 20
MAX_PLANNED = 5000
"""Deliveries that one request may cause: what one transaction takes without holding up the others."""
SETTLE_AGAIN_SECONDS = 1.0
CONFIGURATION_BEHIND = "configuration_behind"
"""The reason that a delivery is given back with which was routed by what this node has not read yet."""
NOTIFICATIONS, NAMED_BY = "ibm-event-notifications", "ibmensourceid"
"""The format of IBM's send_notifications, and the attribute in which it names the registered source."""


class Sender(NamedTuple):
    """Who sends, by one configuration, and the envelope with what proved it."""

    source: Source
    envelope: Envelope


class Taken(NamedTuple):
    """The answer to a sender: the ids of its events in order, durable by now."""

    ids: Sequence[EventId]
    batched: bool
    appended: Sequence[Appended]


class Ingest:
    """From a request's bytes to a durable event with its deliveries decided."""

    def __init__(
        self,
        current: Current,
        ledger: Ledger,
        dispatcher: Dispatcher,
        clock: Clock,
        told: Told,
        *,
        gate: RateGate,
        signatures: Signatures,
        max_batch_events: int,
    ) -> None:
        self._current, self._ledger, self._dispatcher = current, ledger, dispatcher
        self._clock, self._gate, self._signatures = clock, gate, signatures
        self._told, self._metrics = told, told.metrics
        self._max_batch_events = max_batch_events
        self.on_observed: Callable[[], None] = lambda: None
        """Called when monitors saw something in what was accepted."""

    async def take(self, envelope: Envelope) -> Taken:
        """CloudEvents in any of the three modes. Raises Refused; then nothing was stored."""
        return await self._take(
            envelope,
            lambda snapshot: Sender(authenticate(snapshot, envelope), envelope),
            lambda sender: decode(envelope, sender.source, max_events=self._max_batch_events),
        )

    async def take_native(self, envelope: Envelope, topic: str = "") -> Taken:
        """What a product sends to its source's own route, in the source's format.

        `topic` is the topic that the request names for events that name none.
        """

        def find(snapshot: Snapshot) -> Sender:
            return self._proven(*authenticate_at(snapshot, envelope), envelope)

        return await self._take(envelope, find, lambda sender: self._decoded(sender, topic))

    async def take_by_url(self, envelope: Envelope, token: str, topic: str = "") -> Taken:
        """What comes to a capability URL: its secret part says which source sends."""

        def find(snapshot: Snapshot) -> Sender:
            source = authenticate_capability(snapshot, token)
            return self._proven(source, bool(source.signing), envelope)

        return await self._take(envelope, find, lambda sender: self._decoded(sender, topic))

    async def take_polled(self, source_id: SourceId, body: bytes) -> Taken:
        """What a source answered that the gateway asks. Raises NotFound when that is gone or not asked any
        more, Forbidden while it is disabled."""
        envelope = Envelope("", (), body, "", self._clock.now())

        def find(snapshot: Snapshot) -> Sender:
            source = snapshot.sources.get(source_id)
            if source is None or asked(source, source_formats()) is None:
                raise NotFound("source_not_found", f"there is no source {source_id!r} to ask")
            require_enabled(source)
            return Sender(source, envelope)

        return await self._take(envelope, find, lambda sender: self._decoded(sender, ""))

    def _proven(self, source: Source, to_prove: bool, envelope: Envelope) -> Sender:
        """The sender, once its signature is checked if it has to prove itself."""
        if to_prove:
            envelope = self._signatures.check(source, envelope, self._clock.now())
        return Sender(source, envelope)

    def _decoded(self, sender: Sender, topic: str) -> tuple[Sequence[Decoded], bool]:
        """A request in its source's own format."""
        decoded, batched = decode_for(sender.envelope, sender.source, max_events=self._max_batch_events)
        return [named(one, topic) for one in decoded] if topic else decoded, batched

    async def take_notification(self, envelope: Envelope) -> Taken:
        """A notification by IBM's own rules: its `ibmensourceid` names the source."""
        return await self._take_named(
            envelope, lambda: decode_native(envelope, NOTIFICATIONS, None), batched=False
        )

    async def take_notifications(self, envelope: Envelope) -> Taken:
        """IBM's legacy bulk: notifications that all name the same source."""
        return await self._take_named(
            envelope,
            lambda: decode_bulk(envelope, NOTIFICATIONS, max_events=self._max_batch_events),
            batched=True,
        )

    async def _take_named(
        self, envelope: Envelope, read: Callable[[], Sequence[Decoded]], *, batched: bool
    ) -> Taken:
        """Events that name the source that sends them, all the same one."""
        decoded: Sequence[Decoded] = ()

        def find(snapshot: Snapshot) -> Sender:
            nonlocal decoded
            identify(snapshot, envelope.token, envelope.instance)
            decoded = decoded or read()
            name = only_source([one.event.text(NAMED_BY) or "" for one in decoded])
            return Sender(authenticate_named(snapshot, envelope, name), envelope)

        def permitted(sender: Sender) -> tuple[Sequence[Decoded], bool]:
            shown = masked_notifications(NOTIFICATIONS, decoded, sender.source)
            permit(shown, sender.source, batched=batched)
            return shown, batched

        return await self._take(envelope, find, permitted)

    async def _take(
        self,
        envelope: Envelope,
        find: Callable[[Snapshot], Sender],
        read: Callable[[Sender], tuple[Sequence[Decoded], bool]],
    ) -> Taken:
        """Find out who sends, read, validate, route and accept with the newest configuration: all of it anew
        when that changes meanwhile, for the key may be revoked by then, the source disabled, or read in
        another way."""

        async def taken(snapshot: Snapshot) -> Taken:
            sender = find(snapshot)
            decoded: Sequence[Decoded] = ()
            try:
                decoded, batched = read(sender)
                bound = snapshot.bindings.get(sender.source.id, ())
                verdicts = validate(bound, decoded, batched=batched)
                received_at = envelope.received_at
                appended = await self._accepted(snapshot, sender.source, decoded, verdicts, received_at)
            except Refused as refusal:
                self._told.heard(sender.source, envelope, decoded, refusal.code)
                raise
            self._told.heard(sender.source, envelope, decoded)
            return Taken([one.event_id for one in appended], batched, appended)

        return await self._by_the_newest(taken)

    async def take_own(self, instance_id: InstanceId, event: Event) -> bool:
        """An event that the gateway itself made for an instance: routed and accepted as any other.

        False when that instance is gone. Raises Unavailable and OutOfSpace; then nothing was stored.
        """
        parsed = payload(event)
        decoded = [Decoded(event, meaning(event, parsed), parsed)]

        async def taken(snapshot: Snapshot) -> bool:
            source = snapshot.source(instance_id, SELF)
            if source is None:
                return False
            verdicts = validate((), decoded, batched=False)
            await self._accepted(snapshot, source, decoded, verdicts, self._clock.now())
            return True

        return await self._by_the_newest(taken)

    async def _by_the_newest(self, work: Callable[[Snapshot], Awaitable[T]]) -> T:
        """Do it by the newest configuration: again when what it was done by is no longer that."""
        for _ in range(MAX_REROUTES):
            snapshot = self._current.snapshot
            try:
                return await work(snapshot)
            except StaleRoutingError:
                self._metrics.reroutes.inc()
                await self._current.newer_than(snapshot.version)
        raise configuration_busy()

    async def release(self, stored: StoredEvent, correction: Correction | None) -> Appended:
        """Take a quarantined event as if it came now: as it is, its problems kept as flags, or corrected, and
        then judged by the schemas of today. It replaces the one in quarantine; a second release is a repeat.

        Raises Refused: Invalid where the correction still misfits. Then nothing was stored.
        """

        async def released(snapshot: Snapshot) -> Appended:
            source = snapshot.sources.get(stored.accepted.source_id)
            if source is None:
                raise NotFound("source_not_found", "the source of this event is gone; it cannot be released")
            decoded, verdict = _released(snapshot, source, stored, correction)
            (appended,) = await self._accepted(snapshot, source, [decoded], [verdict], self._clock.now())
            return appended

        return await self._by_the_newest(released)

    async def _accepted(
        self,
        snapshot: Snapshot,
        source: Source,
        decoded: Sequence[Decoded],
        verdicts: Sequence[Verdict],
        received_at: float,
    ) -> Sequence[Appended]:
        """Route and accept. Raises StaleRoutingError when the configuration is not the newest."""
        routed = self._route(snapshot, source, decoded, verdicts, received_at)
        appended = await accept(
            self._ledger,
            source,
            routed,
            version=snapshot.version,
            received_at=received_at,
            lanes=self._dispatcher,
        )
        self._told.accepted(source, routed, appended, received_at, self._clock.now())
        if any(one.observations for one in routed):
            self.on_observed()
        return appended

    def _route(
        self,
        snapshot: Snapshot,
        source: Source,
        decoded: Sequence[Decoded],
        verdicts: Sequence[Verdict],
        received_at: float,
    ) -> Sequence[Routed]:
        table = snapshot.table(source.instance_id, source.id)
        watches = snapshot.watches.get(source.id)
        hushes = snapshot.hushes.get(source.instance_id)
        moment = Moment(self._clock.now(), self._gate.waits) if snapshot.noises else None
        routed, planned = [], 0
        for one, judged in zip(decoded, verdicts, strict=True):
            silence = silencer(hushes, one.view, received_at)
            caused = Plan() if judged.problems else plan(table, one.view, moment, silence)
            planned += len(caused.deliveries)
            if planned > MAX_PLANNED and len(decoded) > 1:
                raise TooLarge(
                    "batch_fans_out_too_far",
                    f"this batch would cause more than {MAX_PLANNED} deliveries at once",
                    expected="a smaller batch",
                )
            seen = () if judged.problems else observed(watches, one.view)
            sign = None if judged.problems else _sign(snapshot, source, one, caused)
            routed.append(Routed(one, judged, *caused, observations=seen, sign=sign))
        return routed


def _sign(snapshot: Snapshot, source: Source, one: Decoded, caused: Plan) -> Sign | None:
    """What an event means to an incident, and when the policies of those that are told look at it."""
    noises = snapshot.noises
    after = wake_after(noises, [row.subscription_id for row in caused.deliveries]) if noises else None
    return sign_of(source, one.view, after)


def _released(
    snapshot: Snapshot, source: Source, stored: StoredEvent, correction: Correction | None
) -> tuple[Decoded, Verdict]:
    accepted = stored.accepted
    if correction is None and is_unmasked(accepted.event, source):
        shown = corrected(accepted, source, Correction())
        return shown, Verdict((), stored.schema_revision, (*stored.problems, *stored.flags))
    if correction is None:
        same = Decoded(accepted.event, accepted.vocabulary, payload(accepted.event))
        return same, Verdict((), stored.schema_revision, (*stored.problems, *stored.flags))
    decoded = corrected(accepted, source, correction)
    permit([decoded], source, batched=False)
    (verdict,) = validate(snapshot.bindings.get(source.id, ()), [decoded], batched=False)
    if verdict.problems:
        raise Invalid.of(verdict.problems)
    return decoded, verdict


class Dispatch:
    """From a claimed delivery to its settlement. `on_gone` is told of a destination that answered 410."""

    def __init__(
        self,
        current: Current,
        ledger: Ledger,
        channels: Channels,
        clock: Clock,
        told: Told,
        *,
        gate: RateGate,
        leading: Leading,
        on_gone: Callable[[DestinationId], Awaitable[None]],
    ) -> None:
        self._current, self._ledger, self._channels = current, ledger, channels
        self._clock, self._leading = clock, leading
        self._told, self._metrics = told, told.metrics
        self._gate, self._on_gone = gate, on_gone
        self.on_planned: Callable[[], None] = lambda: None
        """Called when a result brought deliveries to others."""

    async def deliver(self, claim: Claim) -> Tried | None:
        """One try, settled durably when this returns. None when there was nothing to try.

        What an answered change has taken away is not tried any more, although it was leased before; nor is
        what another node may have by now.
        """
        if not self._ledger.holds(claim):
            self._metrics.lapsed_leases.inc()
            return None
        snapshot = await self._as_new_as(claim.accepted.registry_version)
        if snapshot.version < claim.accepted.registry_version:
            due_at = self._clock.now() + SETTLE_AGAIN_SECONDS
            await self._settle(give_back(claim, due_at=due_at, reason=CONFIGURATION_BEHIND))
            return Tried(due_at=due_at)
        destination = snapshot.destinations.get(claim.destination_id)
        trial = claim.topic_id == TRIAL_TOPIC
        unchanged = trial or claim.accepted.registry_version == snapshot.version
        if destination is None or not (unchanged or snapshot.reaches(claim.subscription_id, claim.recipient)):
            await self._settle(cancel(claim))
            return None
        if not destination.enabled and not trial:
            now = self._clock.now()
            await self._settle(give_back(claim, due_at=now, reason=DISABLED))
            return Tried(due_at=now)
        noise = None if trial else snapshot.noises.get(claim.subscription_id)
        if noise is not None and (waiting := await self._restrained(claim, noise)) is not None:
            return waiting
        self._metrics.in_flight.inc()
        try:
            outcome = await self._attempt(claim, destination, snapshot)
            chance = random.random()  # noqa: S311  spreads retries, guards nothing
            settlement = decide(claim, destination, outcome, now=self._clock.now(), chance=chance)
            if outcome.failure is not None:
                settlement = settlement._replace(also=fallback(snapshot, claim, settlement))
            self._told.ended(claim, destination, outcome)
            written = await self._settle(settlement)
            if settlement.also:
                self.on_planned()
        finally:
            self._metrics.in_flight.dec()
        now = self._clock.now()
        self._told.settled(claim, destination.kind, outcome, settlement, written=written, now=now)
        return await self._tried(outcome, settlement, destination.id)

    async def _restrained(self, claim: Claim, noise: Noise) -> Tried | None:
        """Settle a delivery that its policy does not let go now; None for one that goes."""
        try:
            settlement = await held_back(claim, noise, self._gate, self._clock.now())
        except Refused as error:
            due_at = self._clock.now() + SETTLE_AGAIN_SECONDS
            await self._settle(give_back(claim, due_at=due_at, reason=error.code))
            return Tried(due_at=due_at)
        if settlement is not None:
            if await self._settle(settlement):
                self._told.held(settlement.reason)
            return Tried()
        if not self._ledger.holds(claim):
            self._metrics.lapsed_leases.inc()
            return Tried()
        return None

    async def _attempt(self, claim: Claim, destination: Destination, snapshot: Snapshot) -> Outcome:
        """One try. Whatever breaks on the way to it is how it ended: else nobody would take it up again."""
        trial = claim.topic_id == TRIAL_TOPIC
        try:
            address = snapshot.addresses.get(claim.subscription_id) or (
                blank_address(destination) if trial else None
            )
            leads = await self._leading.of(claim, destination, address, snapshot)
            message = render(claim, snapshot.wordings.get(claim.subscription_id), **leads._asdict())
        except Exception as error:
            log.error("delivery.unrendered", delivery=claim.delivery_id, exc_info=True)
            failure = DeliveryFailed(Reason.UNEXPECTED, f"the message broke: {type(error).__name__}")
            return Outcome(self._clock.now(), 0.0, None, failure)
        return await send(self._channels, destination, address, message, self._clock)

    async def _as_new_as(self, version: int) -> Snapshot:
        """The configuration in force, at least that of `version` if it can be had: another node may have
        routed with a newer one than this node has heard of."""
        if self._current.snapshot.version < version:
            with contextlib.suppress(Refused):
                await self._current.newer_than(version - 1)
        return self._current.snapshot

    async def _tried(self, outcome: Outcome, settlement: Settlement, destination_id: DestinationId) -> Tried:
        failure, pause = outcome.failure, None
        if failure is not None and failure.reason.disables:
            await self._on_gone(destination_id)
        if failure is not None and failure.reason is Reason.THROTTLED:
            pause = failure.retry_after
        due_at = settlement.due_at if settlement.state is State.PENDING else None
        return Tried(verdict(outcome), pause, due_at)

    async def _settle(self, settlement: Settlement) -> bool:
        """Write a result, however long the store takes: until it is written, the delivery is in flight."""
        while True:
            try:
                return await self._ledger.settle(settlement)
            except Refused as error:
                log.warning("delivery.unsettled", delivery=settlement.delivery_id, code=error.code)
                await asyncio.sleep(SETTLE_AGAIN_SECONDS)
