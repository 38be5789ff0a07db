"""Deliveries that an event gets afterwards: to whom an escalation or a fallback leads, and of a recovery to
those who were told of the failure.

Their ids are computed from what they are, so that whoever plans them, and however often, plans the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.domain.delivery import AcceptedEvent, Claim, Planned, Settlement, State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.ids import DeliveryId, SubscriptionId, computed_id
from gateway.domain.incident import Thread
from gateway.domain.view import EventView
from gateway.pipeline.direct import direct_recipients
from gateway.pipeline.route import DISABLED, TRIAL_TOPIC
from gateway.pipeline.silence import silenced
from gateway.pipeline.snapshot import Snapshot, recipients_of
from gateway.spi.cloudevents.payload import payload
from gateway.spi.discovery import destinations

ESCALATED = "escalated"
"""The reason of a delivery that an escalation brought about."""
FALLBACK_FOR = "fallback_for:"
"""How the reason of a delivery begins that a fallback brought about; the id of the failed one follows."""
WAS_TOLD = "told_of_the_failure"
"""The reason of a delivery of a recovery that no rule asks for: its receiver was told of the failure."""


def planned_for(
    snapshot: Snapshot, to: SubscriptionId, accepted: AcceptedEvent, reason: str, at: float, *made_of: str
) -> tuple[Planned, ...]:
    """An event to everybody whom a subscription reaches; nobody where it is gone or disabled. What a silence
    is over `at` this time is suppressed.

    `made_of` tells it from other deliveries of the event to the same receivers.
    """
    view = EventView(accepted.event, accepted.vocabulary, payload(accepted.event))
    subscription, endpoint = _reachable(snapshot, to, accepted)
    if subscription is None or endpoint is None:
        return ()
    if subscription.recipient_from:
        recipients = direct_recipients(subscription, view)
    else:
        recipients = recipients_of(endpoint, snapshot.addresses.get(to))
    rows = [_planned(accepted, subscription, endpoint, one, reason, *made_of) for one in recipients]
    return tuple(silenced(snapshot.hushes.get(accepted.instance_id), rows, view, at))


def planned_again(
    snapshot: Snapshot,
    threads: Iterable[Thread],
    accepted: AcceptedEvent,
    reason: str,
    at: float,
    about: EventView | None = None,
) -> tuple[Planned, ...]:
    """An event to those who were told of its incident before, but for who is not reached any more.

    Silences are asked `about` what it tells of, by default itself.
    """
    rows = []
    for thread in threads:
        subscription, endpoint = _reachable(snapshot, thread.subscription_id, accepted)
        if subscription and endpoint and snapshot.reaches(subscription.id, thread.recipient):
            rows.append(_planned(accepted, subscription, endpoint, thread.recipient, reason))
    view = about or EventView(accepted.event, accepted.vocabulary, payload(accepted.event))
    return tuple(silenced(snapshot.hushes.get(accepted.instance_id), rows, view, at))


def for_people(snapshot: Snapshot, subscription_id: SubscriptionId) -> bool:
    """Whether people read what this subscription sends."""
    subscription = snapshot.subscriptions.get(subscription_id)
    endpoint = snapshot.destinations.get(subscription.destination_id) if subscription else None
    kind = destinations().get(endpoint.kind) if endpoint else None
    return kind is not None and kind.people


def _reachable(
    snapshot: Snapshot, to: SubscriptionId, accepted: AcceptedEvent
) -> tuple[Subscription, Destination] | tuple[None, None]:
    subscription = snapshot.subscriptions.get(to)
    if subscription is None or not subscription.enabled or subscription.instance_id != accepted.instance_id:
        return None, None
    endpoint = snapshot.destinations.get(subscription.destination_id)
    return (subscription, endpoint) if endpoint else (None, None)


def _planned(
    accepted: AcceptedEvent,
    subscription: Subscription,
    endpoint: Destination,
    recipient: str,
    reason: str,
    *made_of: str,
) -> Planned:
    return Planned(
        DeliveryId(computed_id("delivery", accepted.id, subscription.id, recipient, *made_of)),
        subscription.topic_id,
        subscription.id,
        endpoint.id,
        recipient,
        State.PENDING if endpoint.enabled else State.HELD,
        reason if endpoint.enabled else DISABLED,
    )


def fallback(snapshot: Snapshot, claim: Claim, settlement: Settlement) -> tuple[Planned, ...]:
    """Who gets the event in the place of a delivery that failed, or failed often enough."""
    wanted, attempt = snapshot.policy(claim.subscription_id).fallback, settlement.attempt
    if wanted is None or attempt is None or claim.topic_id == TRIAL_TOPIC:
        return ()
    often = settlement.state is State.PENDING and attempt.number >= wanted.attempts
    if settlement.state is not State.DEAD and not often:
        return ()
    reason = f"{FALLBACK_FOR}{claim.delivery_id}"
    at = attempt.started_at + attempt.duration
    return planned_for(snapshot, wanted.to, claim.accepted, reason, at, claim.delivery_id)
