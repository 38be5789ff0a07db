"""Digests that say that nothing happened, where a policy asks for them: a period ended and nothing is held.

What the last digest told is remembered with it, so that of several nodes and after a restart there is one.
"""

from __future__ import annotations

from gateway.domain.clock import Clock
from gateway.domain.destination import Subscription
from gateway.domain.hours import digest_before
from gateway.domain.ids import SubscriptionId
from gateway.domain.noise import Digest
from gateway.pipeline.noise import DIGEST, Noise
from gateway.pipeline.snapshot import Snapshot, recipients_of
from gateway.ports import Folding, Holds
from gateway.service.folding import Fold, fold_entry
from gateway.service.gathering import DigestMemory, Gathered

SETTLED_SECONDS = 5.0
"""After a digest's time, until which something that is to be told of may still be on its way."""


class EmptyDigests:
    """One node's part in them."""

    def __init__(self, holds: Holds, clock: Clock) -> None:
        self._holds, self._clock = holds, clock
        self._told: dict[SubscriptionId, float] = {}

    async def tell(self, snapshot: Snapshot) -> None:
        """Make those that are due. Raises as `Holds.fold` does."""
        for noise in snapshot.noises.values():
            digest = noise.in_force.digest
            subscription = snapshot.subscriptions[noise.subscription_id]
            if digest is not None and digest.empty and _active(snapshot, subscription):
                await self._of(snapshot, noise, digest, subscription)

    async def _of(self, snapshot: Snapshot, noise: Noise, digest: Digest, subscription: Subscription) -> None:
        period = digest_before(digest, self._clock.now() - SETTLED_SECONDS)
        topic = snapshot.topics[subscription.topic_id]
        if self._told.get(subscription.id) == period:
            return
        if period > max(subscription.updated_at, topic.updated_at):
            destination = snapshot.destinations[subscription.destination_id]
            for recipient in recipients_of(destination, snapshot.addresses.get(subscription.id)):
                await self._one(snapshot, noise, digest, subscription, recipient, period)
        self._told[subscription.id] = period

    async def _one(
        self,
        snapshot: Snapshot,
        noise: Noise,
        digest: Digest,
        subscription: Subscription,
        recipient: str,
        period: float,
    ) -> None:
        stream = noise.stream(DIGEST, recipient)
        before = DigestMemory.read(await self._holds.memory(subscription.id, recipient))
        if before.period >= period or await self._holds.held(stream, until=period, limit=1):
            return
        gathered, start = Gathered(), digest_before(digest, period - 1)
        fold = Fold(
            subscription,
            snapshot.topics[subscription.topic_id].name,
            recipient,
            DIGEST,
            noise.in_force,
            start,
            period,
            gathered,
            gathered.changes(before),
        )
        entry = fold_entry(fold, now=self._clock.now(), version=snapshot.version)
        folding = Folding(stream, period, 0, 0, gathered.memory(before, period).kept())
        await self._holds.fold(entry, folding, routed_with=snapshot.version)


def _active(snapshot: Snapshot, subscription: Subscription) -> bool:
    """Whether it would get deliveries, to known recipients."""
    topic = snapshot.topics.get(subscription.topic_id)
    destination = snapshot.destinations.get(subscription.destination_id)
    if topic is None or destination is None or subscription.recipient_from:
        return False
    return topic.enabled and subscription.enabled and destination.enabled
