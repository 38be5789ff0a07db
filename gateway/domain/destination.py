"""Destinations and the subscriptions that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.ids import DestinationId, InstanceId, SubscriptionId, TopicId
from gateway.domain.noise import UNSAID, NoisePolicy

INVITED, SUBSCRIBED, UNSUBSCRIBED = "invited", "subscribed", "unsubscribed"
RECIPIENT_LISTS = (INVITED, SUBSCRIBED, UNSUBSCRIBED)
"""Lists of an address that are added to and taken from, as IBM's API does; others are replaced."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A configured endpoint of one kind.

    `config` holds the open settings as JSON values, `secrets` the sealed ones: the vault's ciphertext
    by field name, never plain text. `disabled_because` is set when the gateway itself switched it off.
    `retry_schedule` (seconds before each retry) is empty for the default of `gateway.domain.policy`.
    """

    id: DestinationId
    instance_id: InstanceId
    name: str
    kind: str
    created_at: float
    updated_at: float
    description: str = ""
    enabled: bool = True
    disabled_because: str = ""
    collect_failed_events: bool = False
    retry_schedule: tuple[float, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Topic to destination, with the per-subscription part of the address and a rule of its own.

    `address` holds the kind's Address fields as JSON values (recipients, channel, colour); `rule` is
    in the expression dialect, empty takes everything that the topic takes.

    What its `policy` says goes before its topic's.

    With a `recipient_from`, a JSON pointer into the data, it reaches the mail address that stands there and
    nobody else, and that only of one of `recipient_domains` (lower case).
    """

    id: SubscriptionId
    instance_id: InstanceId
    name: str
    topic_id: TopicId
    destination_id: DestinationId
    created_at: float
    updated_at: float
    description: str = ""
    enabled: bool = True
    rule: str = ""
    address: Mapping[str, object] = field(default_factory=dict)
    recipient_from: str = ""
    recipient_domains: tuple[str, ...] = ()
    policy: NoisePolicy = UNSAID
