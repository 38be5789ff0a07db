"""What a policy does to the deliveries of an event when they are planned, and to one that is about to go out.

In this order, and the first that holds a delivery back decides for how long:

    once per target   suppressed, another delivery of the event goes to the same place (`told_once`)
    duplicates        falls into a window, or opens one; the store knows which
    digest            held until the next digest, if its rule takes the event
    quiet hours       held until they end, unless the event is severe enough
    grouping          held until the group is complete
    rate limit        held until there is room, where this node knows that there is none

Nothing here asks the store; whose policy is compiled to what is in `gateway.pipeline.policies`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from gateway.domain.delivery import Hold, Planned, State, Window
from gateway.domain.event import canonical
from gateway.domain.hours import digest_after, quiet_until
from gateway.domain.ids import SubscriptionId
from gateway.domain.noise import NoiseInForce
from gateway.domain.severity import Severity
from gateway.domain.view import EventView
from gateway.pipeline.sameness import default_identity
from gateway.rules.evaluation import Predicate

DIGEST, QUIET_HOURS, GROUPED, RATE_LIMITED = "digest", "quiet_hours", "grouped", "rate_limited"
"""The reasons that policies hold deliveries back for."""
SAME_TARGET = "same_target:"
"""How the reason of a delivery begins that another one of its event makes needless; that one's id follows."""
MARK = 16

Read: TypeAlias = Callable[[EventView], object]


class Moment(NamedTuple):
    """When deliveries are planned, and until when a stream is known to have no room under its limit (0: it
    has)."""

    now: float
    full: Callable[[str], float]


class Occasion:
    """An event at the moment of its planning; what several policies ask of it is worked out once."""

    __slots__ = ("_same", "moment", "view")

    def __init__(self, view: EventView, moment: Moment) -> None:
        self.view, self.moment = view, moment
        self._same: bytes | None = None

    @property
    def severity(self) -> Severity:
        """As messages show it: info where the event has none."""
        return severity_of(self.view)

    @property
    def same(self) -> bytes:
        """What makes the event what it is."""
        if self._same is None:
            self._same = default_identity(self.view)
        return self._same


@dataclass(frozen=True, slots=True)
class Noise:
    """The policy in force of a subscription, made ready."""

    subscription_id: SubscriptionId
    in_force: NoiseInForce
    digested: Predicate | None = None
    same_by: tuple[Read, ...] = ()
    grouped_by: tuple[Read, ...] = ()

    def applied(self, rows: Sequence[Planned], occasion: Occasion) -> list[Planned]:
        """What becomes of the deliveries that an event causes for this subscription."""
        same = self._identity(occasion)
        return [row if row.state.terminal else self._one(row, occasion, same) for row in rows]

    def quiet(self, severity: Severity, now: float) -> float | None:
        """Until when something of this severity has to wait, None if it has not."""
        hours = self.in_force.quiet_hours
        return None if hours is None or severity >= hours.let_through else quiet_until(hours, now)

    def stream(self, reason: str, recipient: str, *values: str) -> str:
        """The stream of what is held back for a reason and a recipient."""
        return f"{reason}:{self.subscription_id}:{_mark(recipient, *values)}"

    def hold(self, reason: str, recipient: str, until: float, severity: Severity) -> Hold:
        """A hold in the one stream that a recipient has for a reason."""
        return Hold(self.stream(reason, recipient), until, severity)

    def _one(self, row: Planned, occasion: Occasion, same: bytes | None) -> Planned:
        if same is not None and self.in_force.duplicates is not None:
            key = _digest(self.subscription_id.encode(), row.recipient.encode(), same)
            row = row._replace(window=Window(key, occasion.moment.now + self.in_force.duplicates.seconds))
        reason, hold = self._held(row, occasion)
        return row if hold is None else row._replace(state=State.HELD, reason=reason, hold=hold)

    def _held(self, row: Planned, occasion: Occasion) -> tuple[str, Hold | None]:
        (now, full), policy = occasion.moment, self.in_force
        severity, recipient = occasion.severity, row.recipient
        if policy.digest is not None and self.digested is not None and self.digested(occasion.view):
            return DIGEST, self.hold(DIGEST, recipient, digest_after(policy.digest, now), severity)
        if (until := self.quiet(severity, now)) is not None:
            return QUIET_HOURS, self.hold(QUIET_HOURS, recipient, until, severity)
        if policy.grouping is not None:
            values = [_text(read(occasion.view)) for read in self.grouped_by]
            stream = self.stream(GROUPED, recipient, *values)
            return GROUPED, Hold(stream, now + policy.grouping.seconds, severity)
        if policy.rate_limit is not None and row.state is State.PENDING:
            until = full(self.stream(RATE_LIMITED, recipient))
            if until > now:
                return RATE_LIMITED, self.hold(RATE_LIMITED, recipient, until, severity)
        return "", None

    def _identity(self, occasion: Occasion) -> bytes | None:
        """What is told once in a window. Another outcome is another thing, whatever the key says."""
        window = self.in_force.duplicates
        if window is None:
            return None
        words, event = occasion.view.vocabulary, occasion.view.event
        outcome = (words.outcome or f"type {event.type}").encode()
        if not self.same_by:
            return _digest(b"all", outcome, occasion.same)
        values = (_text(read(occasion.view)).encode() for read in self.same_by)
        return _digest(b"key", outcome, *values)


def severity_of(view: EventView) -> Severity:
    """As messages show it: info where the event has none."""
    return view.vocabulary.severity or Severity.INFO


def told_once(
    planned: Sequence[Planned],
    sparing: Collection[SubscriptionId],
    address: Callable[[SubscriptionId], Hashable],
) -> list[Planned]:
    """Of deliveries of one event to one target, those of `sparing` subscriptions only where no better one is.

    The best goes out at once, for certain. A target is a recipient of a destination, of kinds that have none
    an `address`.
    """
    targets: dict[Hashable, list[Planned]] = defaultdict(list)
    for row in planned:
        targets[row.destination_id, row.recipient].append(row)
    instead: dict[str, Planned] = {}
    for rows in [rows for rows in targets.values() if len(rows) > 1]:
        for same in _by_address(rows, address):
            best = min(same, key=_slowness)
            needless = [row for row in same if row is not best and row.subscription_id in sparing]
            instead |= {row.id: best for row in needless if row.state is not State.SUPPRESSED}
    return [_needless(row, instead[row.id]) if row.id in instead else row for row in planned]


def _by_address(
    rows: Sequence[Planned], address: Callable[[SubscriptionId], Hashable]
) -> Sequence[Sequence[Planned]]:
    if rows[0].recipient:
        return [rows]
    by_address: dict[Hashable, list[Planned]] = defaultdict(list)
    for row in rows:
        by_address[address(row.subscription_id)].append(row)
    return list(by_address.values())


def _slowness(row: Planned) -> tuple[bool, bool, bool, float]:
    """Less for what goes out sooner and more certainly."""
    until = row.hold.until if row.hold else 0.0
    return row.state is State.SUPPRESSED, row.state is State.HELD, row.window is not None, until


def _needless(row: Planned, best: Planned) -> Planned:
    return row._replace(state=State.SUPPRESSED, reason=f"{SAME_TARGET}{best.id}", hold=None, window=None)


def _text(value: object) -> str:
    """A value to tell it from others; all that is no single value is one and the same."""
    if isinstance(value, str | int):
        return f"={canonical(value)}"
    return repr(value) if isinstance(value, float) else ""


def _mark(*parts: str) -> str:
    return _digest(*(part.encode() for part in parts)).hex()


def _digest(*parts: bytes) -> bytes:
    """A digest of several parts, each of which stays apart."""
    made = hashlib.blake2b(digest_size=MARK)
    for part in parts:
        made.update(b"%d:" % len(part))
        made.update(part)
    return made.digest()
