"""Deliveries and attempts: what is due where, what was tried, and which states may follow which.

    pending ─▶ leased ─▶ delivered
       ▲          ├────▶ pending   (retry, due later; or given back untried)
       │          └────▶ dead
      held ─────▶ pending | suppressed | folded
    leased ─────▶ held      (a policy holds it back)
    any state that is not terminal ─▶ cancelled

Delivered, dead, suppressed, cancelled and folded are terminal. No delivery ends silently: each has a
state and a reason. Replay reopens the same row, so the id that a receiver sees never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gateway.domain.event import Event
from gateway.domain.ids import (
    DeliveryId,
    DestinationId,
    EventId,
    InstanceId,
    SourceId,
    SubscriptionId,
    TopicId,
)
from gateway.domain.incident import Chapter, Thread
from gateway.domain.vocabulary import Vocabulary

AS_EVENT = b"\0"
"""Kept in place of a body that is the event itself (decision 5)."""


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    LEASED = "leased"
    HELD = "held"
    DELIVERED = "delivered"
    DEAD = "dead"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    FOLDED = "folded"

    @property
    def terminal(self) -> bool:
        """True when nothing follows by itself."""
        return self in TERMINAL


TERMINAL = frozenset({State.DELIVERED, State.DEAD, State.SUPPRESSED, State.CANCELLED, State.FOLDED})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.LEASED, State.HELD, State.CANCELLED}),
    State.LEASED: frozenset({State.DELIVERED, State.PENDING, State.HELD, State.DEAD, State.CANCELLED}),
    State.HELD: frozenset({State.PENDING, State.FOLDED, State.SUPPRESSED, State.CANCELLED}),
    State.DELIVERED: frozenset({State.PENDING}),
    State.DEAD: frozenset({State.PENDING}),
    State.SUPPRESSED: frozenset({State.PENDING}),
    State.CANCELLED: frozenset({State.PENDING}),
    State.FOLDED: frozenset(),
}
"""Which state may follow which; from a terminal state only a replay leads back to pending."""


class AcceptedEvent(NamedTuple):
    """An event as the ledger keeps it: the event, its meaning, and when and by which rules it was taken.

    `received_at` is in seconds since the epoch; `registry_version` is the configuration that routed it.
    """

    id: EventId
    instance_id: InstanceId
    source_id: SourceId
    event: Event
    vocabulary: Vocabulary
    received_at: float
    registry_version: int


class Hold(NamedTuple):
    """How long a policy holds a delivery back, and with which others it goes on.

    What shares a `stream` is released or folded together, or one after the other: the highest `rank` first,
    then the oldest. `until` (epoch seconds) is when to look at the stream again.
    """

    stream: str
    until: float
    rank: int = 0


class Window(NamedTuple):
    """The duplicate window that a delivery falls into, by its `key`, or opens until `until`."""

    key: bytes
    until: float


class Planned(NamedTuple):
    """A delivery decided at routing, written in the same transaction as its event.

    `state` is LEASED when the accepting node keeps it for itself, PENDING when it is to be claimed,
    HELD with a `reason` when it must wait (for as long as its `hold` says), SUPPRESSED with one when it does
    not go out. Within an open `window` the store suppresses it, as DUPLICATE_OF the first.
    `recipient` is '' for kinds that have none.
    """

    id: DeliveryId
    topic_id: TopicId
    subscription_id: SubscriptionId
    destination_id: DestinationId
    recipient: str = ""
    state: State = State.PENDING
    reason: str = ""
    hold: Hold | None = None
    window: Window | None = None


DUPLICATE_OF = "duplicate_of:"
"""How the reason of a suppressed duplicate begins; the id of the first delivery of its window follows."""
FOLDED_INTO = "folded_into:"
"""How the reason of a folded delivery begins; the id of the delivery that tells of it follows."""
CAME_FORWARD = "first_died"
"""The reason of a suppressed duplicate that is pending, because the first of its window is a dead letter."""


class Claim(NamedTuple):
    """A delivery that this node holds, with what it needs to send it.

    `epoch` fences the settle: one with an older epoch updates nothing. `attempts` counts the tries
    made before this one, `rescues` how often a lease was lost with an unknown end. `owner` is the
    incarnation that holds it. `repeats` is how many like it were suppressed since the last one that was told;
    `chapter` is the incident that the event belongs to, as of the event.
    """

    delivery_id: DeliveryId
    epoch: int
    accepted: AcceptedEvent
    topic_id: TopicId
    subscription_id: SubscriptionId
    destination_id: DestinationId
    recipient: str = ""
    attempts: int = 0
    rescues: int = 0
    owner: str = ""
    repeats: int = 0
    chapter: Chapter | None = None


class Attempt(NamedTuple):
    """One try: when it began, how long it took (seconds), how it ended.

    `reason` is '' for success, else one of the closed set of failure reasons; `code` is the channel's
    own answer (an HTTP status, an SMTP reply), `excerpt` the cleaned beginning of what it said.
    """

    number: int
    started_at: float
    duration: float
    reason: str = ""
    code: str = ""
    detail: str = ""
    excerpt: str = ""


class LastResult(NamedTuple):
    """How the last try at a destination ended; times in seconds since the epoch.

    `reason`, `code` and `detail` as in an Attempt; `succeeded_at` is when a delivery last arrived there,
    None if none ever did.
    """

    destination_id: DestinationId
    instance_id: InstanceId
    at: float
    delivery_id: DeliveryId
    reason: str = ""
    code: str = ""
    detail: str = ""
    succeeded_at: float | None = None


class LateReceipt(NamedTuple):
    """What a channel said of a delivery after it had taken it: a callback, a bounce. It changes no state.

    `status` is the channel's own word (`delivered`, `undelivered`), `code` its error code and `vendor_id` the
    id that it knows the message by, '' if none; `received_at` is in seconds since the epoch.
    """

    received_at: float
    status: str
    code: str = ""
    detail: str = ""
    vendor_id: str = ""


class Settlement(NamedTuple):
    """How a held delivery goes on. Without an attempt it is given back untried and counts as no try.

    `due_at` matters for PENDING only, `hold` for HELD. `sent` is what went out, bounded, secrets masked;
    AS_EVENT when that was the event itself as structured JSON, which the ledger has already. `thread` is kept
    if it is the first message of its incident to its receiver; `also` are deliveries of the same event that
    this result brings about, those of a receiver who has one already left out.
    """

    delivery_id: DeliveryId
    epoch: int
    state: State
    reason: str = ""
    due_at: float = 0.0
    attempt: Attempt | None = None
    sent: bytes = b""
    hold: Hold | None = None
    thread: Thread | None = None
    also: tuple[Planned, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it is listed: the row, with the result of its last attempt."""

    id: DeliveryId
    instance_id: InstanceId
    event_id: EventId
    topic_id: TopicId
    subscription_id: SubscriptionId
    destination_id: DestinationId
    recipient: str
    state: State
    reason: str
    attempts: int
    rescues: int
    due_at: float
    created_at: float
    settled_at: float | None = None
    code: str = ""
    detail: str = ""
    duration: float | None = None
    sent: bytes = b""
