"""Keeping: what policies hold back goes on when its time has come, one by one or folded into one message.

Every node does this on its own; nobody is elected. A stream is looked at by the policy of now, not of when
its deliveries were held: what no policy holds any more is released. Releasing and folding are done once,
whoever tries: the store does each in one transaction, and undoes a fold that somebody else was faster with.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

import structlog

from gateway.domain.clock import Clock
from gateway.domain.errors import Refused
from gateway.domain.hours import digest_after, digest_before, quiet_until
from gateway.domain.ids import SubscriptionId
from gateway.domain.noise import Digest, NoiseInForce, QuietHours, RateLimit
from gateway.pipeline.noise import DIGEST, GROUPED, QUIET_HOURS, RATE_LIMITED
from gateway.pipeline.rate import RateGate
from gateway.pipeline.snapshot import Current, Snapshot
from gateway.ports import Folding, HeldDelivery, HeldStream, Holds, Registry, StaleRoutingError
from gateway.service.empty_digests import EmptyDigests
from gateway.service.folding import Fold, fold_entry
from gateway.service.gathering import Changes, DigestMemory, Gathered
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger()

LOOK_SECONDS = 1.0
"""Seconds between two looks, while anything is held or could be."""
IDLE_SECONDS = 10.0
SOONEST_SECONDS = 0.05
STREAMS = 50
"""Streams of one round."""
ROWS = 500
"""Deliveries of one page, and released in one step."""
STEPS = 40
"""Steps of one look at a stream at most."""
MOST_FOLDED = 20_000
"""Deliveries that one message tells of; more are told by the next one."""
SETTLING_SECONDS = 2.0
"""A digest waits so long after its time for what was accepted before it and is not committed yet."""
AGAIN_SECONDS = 30.0
"""When to look again at what is for a disabled destination, or broke."""
LOT_SECONDS = 0.5
"""Between two lots of what waits for a rate limit: then it is known whether there was room for the last."""
FIRST_LOT = 4
FOREVER = float("inf")


class Keeping:
    """One node's part in it."""

    def __init__(
        self,
        current: Current,
        registry: Registry,
        holds: Holds,
        gate: RateGate,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._current, self._registry, self._holds = current, registry, holds
        self._gate, self._clock, self._metrics = gate, clock, metrics
        self._empty = EmptyDigests(holds, clock)
        self._known: Mapping[SubscriptionId, NoiseInForce] | None = None
        self._known_version = -1
        self._lots: dict[str, int] = {}
        self._woken = asyncio.Event()
        current.watch(lambda _: self._woken.set())

    async def run(self, stopping: asyncio.Event) -> None:
        """Look after what is held until `stopping` is set."""
        while not stopping.is_set():
            self._woken.clear()
            pause = LOOK_SECONDS
            try:
                if await self.round():
                    continue
                pause = await self._pause()
            except Refused as error:
                log.warning("held.failed", code=error.code, detail=error.detail)
            except Exception:
                log.error("held.broke", exc_info=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def round(self) -> bool:
        """What there is to do by now, or much of it: True when more waits. Raises what the store raises."""
        snapshot = self._current.snapshot
        try:
            await self._rouse(snapshot)
            streams = await self._holds.due(self._clock.now(), STREAMS)
            for stream in streams:
                await self._try(snapshot, stream)
            await self._empty.tell(snapshot)
        except StaleRoutingError:
            await self._current.newer_than(snapshot.version)
            return True
        return len(streams) == STREAMS

    async def _pause(self) -> float:
        due = await self._holds.next_due()
        if due is None:
            return LOOK_SECONDS if self._current.snapshot.noises else IDLE_SECONDS
        return min(max(due - self._clock.now(), SOONEST_SECONDS), LOOK_SECONDS)

    async def _rouse(self, snapshot: Snapshot) -> None:
        """Look anew at what is held for those whose policy is another one now; at the beginning, at all."""
        if snapshot.version == self._known_version:
            return
        held = {one: noise.in_force for one, noise in snapshot.noises.items()}
        if self._known is None:
            changed = list(snapshot.subscriptions)
        else:
            known = self._known
            changed = [one for one in {**known, **held} if known.get(one) != held.get(one)]
        if changed:
            await self._holds.rouse(changed)
        self._known, self._known_version = held, snapshot.version

    async def _try(self, snapshot: Snapshot, stream: HeldStream) -> None:
        """One stream; what breaks there stops no other."""
        try:
            await self._look(snapshot, stream)
        except (Refused, StaleRoutingError):
            raise
        except Exception:
            log.error("held.broke", stream=stream.stream, exc_info=True)
            await self._holds.postpone(stream.stream, self._clock.now() + AGAIN_SECONDS)

    async def _look(self, snapshot: Snapshot, stream: HeldStream) -> None:
        if stream.subscription_id not in snapshot.subscriptions:
            if await self._registry.version() == snapshot.version:
                await self._release(stream)  # nobody wants it any more: cancelled when it would be sent
            return
        destination = snapshot.destinations.get(stream.destination_id)
        if destination is not None and not destination.enabled:
            await self._holds.postpone(stream.stream, self._clock.now() + AGAIN_SECONDS)
            return
        noise = snapshot.noises.get(stream.subscription_id)
        policy = noise.in_force if noise else NoiseInForce()
        if stream.reason == DIGEST and policy.digest is not None:
            await self._digest(snapshot, stream, policy, policy.digest)
        elif stream.reason == QUIET_HOURS and policy.quiet_hours is not None:
            await self._quiet(snapshot, stream, policy, policy.quiet_hours)
        elif stream.reason == RATE_LIMITED and policy.rate_limit is not None:
            await self._rate(snapshot, stream, policy, policy.rate_limit)
        elif stream.reason == GROUPED and policy.grouping is not None:
            await self._fold(snapshot, stream, policy)
        else:
            await self._release(stream)

    async def _quiet(
        self, snapshot: Snapshot, stream: HeldStream, policy: NoiseInForce, hours: QuietHours
    ) -> None:
        until = quiet_until(hours, self._clock.now())
        if until is not None:
            await self._holds.postpone(stream.stream, until)
        elif hours.fold:
            await self._fold(snapshot, stream, policy)
        else:
            await self._release(stream)

    async def _rate(
        self, snapshot: Snapshot, stream: HeldStream, policy: NoiseInForce, limit: RateLimit
    ) -> None:
        """Let go as many as there may be room for: twice as many as last time, half where that was too many.
        Who comes meanwhile stands behind them."""
        name = stream.stream
        if until := self._gate.exhausted(name):
            await self._holds.postpone(name, until)
        elif limit.fold:
            await self._fold(snapshot, stream, policy)
        else:
            lot = self._lot(name, limit)
            wake_at = self._clock.now() + LOT_SECONDS
            if await self._holds.release(name, until=FOREVER, limit=lot, wake_at=wake_at) == lot:
                self._lots[name] = lot
                self._gate.line_up(name, wake_at + LOOK_SECONDS)
            else:
                self._lots.pop(name, None)

    def _lot(self, stream: str, limit: RateLimit) -> int:
        last = self._lots.get(stream, FIRST_LOT // 2)
        lot = max(last // 2, 1) if self._gate.was_full(stream) else last * 2
        return min(lot, limit.events)

    async def _release(self, stream: HeldStream) -> None:
        """Release all of a stream."""
        for _ in range(STEPS):
            now = self._clock.now()
            if await self._holds.release(stream.stream, until=FOREVER, limit=ROWS, wake_at=now) < ROWS:
                return
        await self._holds.postpone(stream.stream, self._clock.now())

    async def _digest(
        self, snapshot: Snapshot, stream: HeldStream, policy: NoiseInForce, digest: Digest
    ) -> None:
        """Fold what is due by the last digest time, once that is settled."""
        now = self._clock.now()
        last = digest_before(digest, now)
        if now < last + SETTLING_SECONDS:
            await self._holds.postpone(stream.stream, last + SETTLING_SECONDS)
            return
        first = await self._holds.held(stream.stream, until=FOREVER, limit=ROWS)
        until = FOREVER if any(_of_another_time(digest, one, last) for one in first) else last
        if any(one.until <= until for one in first):
            await self._fold(snapshot, stream, policy, until=until, period=last)
        elif first:
            await self._holds.postpone(stream.stream, digest_after(digest, now) + SETTLING_SECONDS)
        else:
            await self._release(stream)

    async def _fold(
        self,
        snapshot: Snapshot,
        stream: HeldStream,
        policy: NoiseInForce,
        *,
        until: float = FOREVER,
        period: float | None = None,
    ) -> None:
        """One message of what is held; a digest has a `period`, and is one message even of one delivery."""
        gathered = await self._gather(stream, until)
        if gathered.number < (2 if period is None else 1):
            await self._release(stream)
            return
        start, end, changes, memory = gathered.first_at, self._clock.now(), Changes(), None
        if period is not None and policy.digest is not None:
            start, end = min(digest_before(policy.digest, period - 1), start), period
            before = await self._memory(stream)
            changes, memory = gathered.changes(before), gathered.memory(before, period).kept()
        elif stream.reason == GROUPED:
            end = gathered.last_at
        subscription = snapshot.subscriptions[stream.subscription_id]
        topic = snapshot.topics[subscription.topic_id].name
        fold = Fold(
            subscription, topic, stream.recipient, stream.reason, policy, start, end, gathered, changes
        )
        entry = fold_entry(fold, now=self._clock.now(), version=snapshot.version)
        folding = Folding(stream.stream, until, gathered.up_to, gathered.number, memory)
        if await self._holds.fold(entry, folding, routed_with=snapshot.version):
            self._metrics.deliveries_folded.labels(stream.reason).inc(gathered.number)
            log.info(
                "deliveries.folded",
                subscription=stream.subscription_id,
                reason=stream.reason,
                number=gathered.number,
                event_id=entry.accepted.id,
                into=entry.planned[0].id,
            )

    async def _gather(self, stream: HeldStream, until: float) -> Gathered:
        gathered = Gathered()
        while gathered.number < MOST_FOLDED:
            page = await self._holds.held(stream.stream, until=until, after=gathered.up_to, limit=ROWS)
            gathered.take(page)
            if len(page) < ROWS:
                break
        return gathered

    async def _memory(self, stream: HeldStream) -> DigestMemory:
        return DigestMemory.read(await self._holds.memory(stream.subscription_id, stream.recipient))


def _of_another_time(digest: Digest, one: HeldDelivery, last: float) -> bool:
    """Whether a delivery waits for a time that the digest had once, and could have gone with the last."""
    return one.until > last > one.accepted.received_at and digest_before(digest, one.until) != one.until
