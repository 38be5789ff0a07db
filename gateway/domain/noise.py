"""The noise policy of a topic: what is held back, folded into one message or suppressed, and until when.

Values and how a subscription's own policy goes before its topic's. When a policy acts, on which event, is in
`gateway.pipeline.noise`. Everything is off unless it is set; set without figures, the defaults below hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeVar

from gateway.domain.ids import SubscriptionId
from gateway.domain.severity import Severity

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `events` messages in any stretch of `seconds` for each receiver of a subscription.

    What is over it waits, the most severe first and then the oldest; with `fold`, it goes as one message.
    """

    events: int = 60
    seconds: float = 60.0
    fold: bool = False


@dataclass(frozen=True, slots=True)
class DuplicateWindow:
    """For `seconds` after an event nothing that is the same is told again.

    The same is what has the same values of `key` (operands of the expression dialect), by default
    everything but id, time and task id; another outcome is never the same.
    """

    seconds: float = 300.0
    key: tuple[str, ...] = ()


class Frequency(StrEnum):
    """How often a digest comes."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Digest:
    """What `rule` (expression dialect, '' for everything) matches is told in one message at a `time` of day.

    `time` ("09:00") is local to `zone`; of an hourly digest its minutes count. `weekday` is a word of
    `gateway.domain.schedule.DAYS`. With `empty`, there is one too when nothing happened.
    """

    rule: str = ""
    frequency: Frequency = Frequency.DAILY
    time: str = "09:00"
    zone: str = "UTC"
    weekday: str = "mon"
    empty: bool = False


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` (local to `zone`), on the `days` on which they start (none: all), only what is at
    least `let_through` is told at once; the rest waits for the end, with `fold` as one message."""

    start: str = "22:00"
    end: str = "07:00"
    zone: str = "UTC"
    days: tuple[str, ...] = ()
    let_through: Severity = Severity.CRITICAL
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Grouping:
    """What comes within `seconds` of a first event and has its values of `by` (operands) is one message."""

    seconds: float = 30.0
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reminders:
    """While an incident lasts and nobody has acknowledged it, it is told again `every` so many seconds."""

    every: float = 14_400.0


class Unless(StrEnum):
    """What keeps an escalation from happening."""

    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Escalation:
    """An incident that was not delivered or not acknowledged within `after` seconds is told `to` another
    subscription too (None: the same one again)."""

    to: SubscriptionId | None = None
    after: float = 900.0
    unless: Unless = Unless.ACKNOWLEDGED


@dataclass(frozen=True, slots=True)
class Fallback:
    """What failed `attempts` times, or for good, goes `to` another subscription too."""

    to: SubscriptionId
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class NoisePolicy:
    """What a topic or a subscription says: None where it says nothing, False off, True for the defaults.

    `once_per_target` is for an event that several topics send to one address: it goes there once.
    """

    rate_limit: RateLimit | bool | None = None
    duplicates: DuplicateWindow | bool | None = None
    digest: Digest | bool | None = None
    quiet_hours: QuietHours | bool | None = None
    grouping: Grouping | bool | None = None
    reminders: Reminders | bool | None = None
    escalation: Escalation | bool | None = None
    fallback: Fallback | Literal[False] | None = None
    once_per_target: bool | None = None


UNSAID = NoisePolicy()
"""The policy of one that says nothing."""


@dataclass(frozen=True, slots=True)
class NoiseInForce:
    """What holds for a subscription; None for what is off."""

    rate_limit: RateLimit | None = None
    duplicates: DuplicateWindow | None = None
    digest: Digest | None = None
    quiet_hours: QuietHours | None = None
    grouping: Grouping | None = None
    reminders: Reminders | None = None
    escalation: Escalation | None = None
    fallback: Fallback | None = None
    once_per_target: bool = False


USUAL: Final[Mapping[str, object]] = {
    "rate_limit": RateLimit(),
    "duplicates": DuplicateWindow(),
    "digest": Digest(),
    "quiet_hours": QuietHours(),
    "grouping": Grouping(),
    "reminders": Reminders(),
    "escalation": Escalation(),
}
"""What True stands for, by member."""


NOTHING_IN_FORCE = NoiseInForce()


def in_force(
    topic: NoisePolicy, subscription: NoisePolicy, itself: SubscriptionId | None = None
) -> NoiseInForce | None:
    """What a subscription says itself, else what its topic says; None where that is nothing at all.

    A topic's fallback may lead to one of its own subscriptions: that one, `itself`, is the end of the chain.
    """
    if topic == UNSAID == subscription:
        return None
    held = NoiseInForce(
        _one(RateLimit(), subscription.rate_limit, topic.rate_limit),
        _one(DuplicateWindow(), subscription.duplicates, topic.duplicates),
        _one(Digest(), subscription.digest, topic.digest),
        _one(QuietHours(), subscription.quiet_hours, topic.quiet_hours),
        _one(Grouping(), subscription.grouping, topic.grouping),
        _one(Reminders(), subscription.reminders, topic.reminders),
        _one(Escalation(), subscription.escalation, topic.escalation),
        _fallback(topic.fallback if subscription.fallback is None else subscription.fallback, itself),
        bool(topic.once_per_target if subscription.once_per_target is None else subscription.once_per_target),
    )
    return None if held == NOTHING_IN_FORCE else held


def _fallback(said: Fallback | bool | None, itself: SubscriptionId | None) -> Fallback | None:
    return said if isinstance(said, Fallback) and said.to != itself else None


def _one(standard: T, own: T | bool | None, inherited: T | bool | None) -> T | None:
    said = inherited if own is None else own
    if said is None or said is False:
        return None
    return standard if said is True else said
