"""Deliveries that an event gets afterwards: to whom an escalation or a fallback leads.

Their ids are computed from what they are, so that whoever plans them, and however often, plans the same.
"""

from __future__ import annotations

from gateway.domain.delivery import AcceptedEvent, Claim, Planned, Settlement, State
from gateway.domain.ids import DeliveryId, SubscriptionId, computed_id
from gateway.domain.view import EventView
from gateway.pipeline.direct import direct_recipients
from gateway.pipeline.route import DISABLED, TRIAL_TOPIC
from gateway.pipeline.snapshot import Snapshot, recipients_of
from gateway.spi.cloudevents.payload import payload

ESCALATED = "escalated"
"""The reason of a delivery that an escalation brought about."""
FALLBACK_FOR = "fallback_for:"
"""How the reason of a delivery begins that a fallback brought about; the id of the failed one follows."""


def planned_for(
    snapshot: Snapshot, to: SubscriptionId, accepted: AcceptedEvent, reason: str, *made_of: str
) -> tuple[Planned, ...]:
    """An event to everybody whom a subscription reaches; nobody where it is gone or disabled.

    `made_of` tells it from other deliveries of the event to the same receivers.
    """
    subscription = snapshot.subscriptions.get(to)
    if subscription is None or not subscription.enabled or subscription.instance_id != accepted.instance_id:
        return ()
    endpoint = snapshot.destinations.get(subscription.destination_id)
    if endpoint is None:
        return ()
    if subscription.recipient_from:
        view = EventView(accepted.event, accepted.vocabulary, payload(accepted.event))
        recipients = direct_recipients(subscription, view)
    else:
        recipients = recipients_of(endpoint, snapshot.addresses.get(to))
    return tuple(
        Planned(
            DeliveryId(computed_id("delivery", accepted.id, to, recipient, *made_of)),
            subscription.topic_id,
            to,
            endpoint.id,
            recipient,
            State.PENDING if endpoint.enabled else State.HELD,
            reason if endpoint.enabled else DISABLED,
        )
        for recipient in recipients
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
    return planned_for(snapshot, wanted.to, claim.accepted, reason, claim.delivery_id)
