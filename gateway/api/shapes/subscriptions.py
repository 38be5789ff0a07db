"""Bodies of subscriptions."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway.api.shapes.base import Answer, Description, Given, Name, PageAnswer, timestamp
from gateway.api.shapes.counts import CountsAnswer, counts_answer
from gateway.api.shapes.noise import PolicyAnswer, PolicyGiven, policy_answer
from gateway.domain.destination import RECIPIENT_LISTS, Subscription
from gateway.domain.noise import UNSAID, in_force
from gateway.pipeline.snapshot import Snapshot
from gateway.service.counting import History
from gateway.service.noise import target_names

DIRECT = "JSON pointer into the data, where the mail address of the one who is told stands: `/fields/Email`."
DOMAINS = "With `recipient_from`: the domains of mail addresses that may be told."
POLICY = "Noise: what is held back, in place of what its topic says. What is not named stays."


class SubscriptionCreate(Given):
    """Subscribe a destination to a topic (IBM EN: create_subscription)."""

    name: Name
    topic_id: str
    destination_id: str
    description: Description = ""
    enabled: bool = True
    rule: str = Field(
        "", max_length=4096, description="Expression dialect: `severity >= error`; empty takes all."
    )
    attributes: dict[str, Any] = Field(
        {}, description="The address, as the kind of the destination defines it."
    )
    recipient_from: str = Field("", max_length=500, description=DIRECT)
    recipient_domains: list[str] = Field([], max_length=100, description=DOMAINS)
    policy: PolicyGiven | None = Field(None, description=POLICY)


class SubscriptionUpdate(Given):
    """Change a subscription (IBM EN: update_subscription)."""

    name: Name | None = None
    description: Description | None = None
    enabled: bool | None = None
    rule: str | None = Field(None, max_length=4096)
    attributes: dict[str, Any] | None = None
    recipient_from: str | None = Field(None, max_length=500, description=DIRECT)
    recipient_domains: list[str] | None = Field(None, max_length=100, description=DOMAINS)
    policy: PolicyGiven | None = Field(None, description=POLICY)


class SubscriptionListItem(Answer):
    """A subscription in a list."""

    id: str
    name: str
    description: str
    enabled: bool
    destination_id: str
    destination_name: str
    destination_type: str
    topic_id: str
    topic_name: str
    created_at: str
    updated_at: str


class SubscriptionAnswer(SubscriptionListItem):
    """A subscription."""

    rule: str | None = None
    attributes: dict[str, Any]
    recipient_from: str | None = None
    recipient_domains: list[str] | None = None
    policy: PolicyAnswer | None = Field(None, description="What it says itself.")
    policy_in_force: PolicyAnswer | None = Field(
        None, description="What holds for it, its topic's policy included."
    )
    policy_targets: dict[str, str] | None = Field(
        None, description="The names of the subscriptions that these name, by id."
    )
    warnings: list[str] | None = Field(None, description="What should be looked at again.")
    counts: CountsAnswer | None = Field(None, description="The last 90 days.")


class SubscriptionPage(PageAnswer):
    """A page of subscriptions."""

    subscriptions: list[SubscriptionListItem]


def subscription_fields(given: SubscriptionCreate | SubscriptionUpdate) -> dict[str, object]:
    """What was given, as fields of a Subscription."""
    fields = given.changes(attributes="address")
    if "recipient_domains" in fields:
        fields["recipient_domains"] = tuple(fields["recipient_domains"])
    if given.policy is not None and "policy" in fields:
        fields["policy"] = given.policy.edit
    return fields


def subscription_answer(
    subscription: Subscription, snapshot: Snapshot, warnings: list[str], history: History | None = None
) -> SubscriptionAnswer:
    """A subscription with the names of what it joins."""
    topic = snapshot.topics.get(subscription.topic_id)
    inherited = topic.policy if topic else UNSAID
    targets = target_names(inherited, snapshot) | target_names(subscription.policy, snapshot)
    return SubscriptionAnswer(
        **subscription_list_item(subscription, snapshot).model_dump(),
        rule=subscription.rule or None,
        attributes=_attributes(subscription),
        recipient_from=subscription.recipient_from or None,
        recipient_domains=list(subscription.recipient_domains) or None,
        policy=policy_answer(subscription.policy),
        policy_in_force=policy_answer(in_force(inherited, subscription.policy, subscription.id)),
        policy_targets=targets or None,
        warnings=warnings or None,
        counts=counts_answer(history),
    )


def subscription_list_item(subscription: Subscription, snapshot: Snapshot) -> SubscriptionListItem:
    """A subscription for a list."""
    destination = snapshot.destinations.get(subscription.destination_id)
    topic = snapshot.topics.get(subscription.topic_id)
    return SubscriptionListItem(
        id=subscription.id,
        name=subscription.name,
        description=subscription.description,
        enabled=subscription.enabled,
        destination_id=subscription.destination_id,
        destination_name=destination.name if destination else "",
        destination_type=destination.kind if destination else "",
        topic_id=subscription.topic_id,
        topic_name=topic.name if topic else "",
        created_at=timestamp(subscription.created_at),
        updated_at=timestamp(subscription.updated_at),
    )


def _attributes(subscription: Subscription) -> dict[str, Any]:
    """The address as IBM shows it: recipients as objects with the time they were written.

    An invitation has no `expires_at`, as it counts as accepted.
    """
    shown = dict(subscription.address)
    written = timestamp(subscription.updated_at)
    for name in RECIPIENT_LISTS:
        rows = shown.get(name)
        if isinstance(rows, list | tuple):
            shown[name] = [
                {"email" if "@" in str(row) else "phone_number": row, "updated_at": written} for row in rows
            ]
    return shown
