"""Dispatch, second station: a lane for each destination, so that a bad one slows nobody else.

A lane has places (claims kept in memory) and a width (deliveries under way at once). Its breaker
narrows it to one at a time after failures, closes it after many or when the receiver asks for a pause,
and widens it again step by step once deliveries succeed. Its window keeps to the rate that the far end
publishes.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from gateway.domain.delivery import Claim
from gateway.domain.event import Event
from gateway.domain.ids import DestinationId
from gateway.spi.destination import Pace

OVERHEAD = 2048
"""Bytes of a delivery beside its event's data, roughly."""

NARROW_AFTER = 3
OPEN_AFTER = 10
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 900.0
"""Seconds that a breaker stays open; doubled each time its probe fails (facts: reliability-security 2)."""


class Verdict(Enum):
    """What a try says about its destination: it works, it does not, or nothing either way."""

    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"


class Breaker:
    """How much may go to one destination at once. All times are monotonic seconds."""

    def __init__(self, width: int) -> None:
        self._full = width
        self._width = width
        self._failures = 0
        self._paused_until = 0.0

    def width(self, now: float) -> int:
        """Deliveries allowed at once; 0 while it is paused."""
        return 0 if now < self._paused_until else self._width

    def paused_for(self, now: float) -> float:
        """Seconds until it may be tried again; 0 when it may be tried now."""
        return max(0.0, self._paused_until - now)

    def succeeded(self) -> None:
        """A delivery arrived: widen twofold, up to the full width."""
        self._failures = 0
        if self._width < self._full:
            self._width = min(self._full, self._width * 2)

    def reset(self) -> None:
        """The destination was changed: what was learnt of it no longer counts."""
        self._width, self._failures, self._paused_until = self._full, 0, 0.0

    def failed(self, now: float, retry_after: float | None) -> bool:
        """The destination, not the message, was at fault. True when the lane is closed by this.

        What was under way when the lane closed tells nothing new: only the probe after a pause makes the
        next one longer.
        """
        closed = now < self._paused_until
        if closed and not retry_after:
            return False
        pause = retry_after or 0.0
        if not closed:
            self._failures += 1
            if self._failures >= NARROW_AFTER or retry_after:
                self._width = 1
            if self._failures >= OPEN_AFTER:
                doublings = min(self._failures - OPEN_AFTER, 10)
                pause = max(pause, min(FIRST_PAUSE * 2.0**doublings, LONGEST_PAUSE))
        if pause:
            self._paused_until = max(self._paused_until, now + pause)
        return pause > 0


FEWEST, MOST = 4, 32
"""Places of a lane that keeps to a pace: what waits for its turn takes no memory from other lanes."""


class Window:
    """When deliveries began: in no stretch of the pace's length more of them than it allows."""

    def __init__(self) -> None:
        self._pace: Pace | None = None
        self._begun: deque[float] = deque()

    def follow(self, pace: Pace | None) -> None:
        """Keep to this pace from now on; what began already counts."""
        if pace != self._pace:
            self._pace = pace
            self._begun = deque(self._begun, maxlen=pace.limit if pace else 0)

    def places(self, usual: int) -> int:
        """How many deliveries to keep in memory: about as many as one stretch lets through."""
        return usual if self._pace is None else min(usual, max(FEWEST, min(self._pace.limit, MOST)))

    def wait(self, now: float) -> float:
        """Seconds until another may begin; 0 when it may begin now."""
        if self._pace is None or len(self._begun) < self._pace.limit:
            return 0.0
        return max(0.0, self._begun[0] + self._pace.seconds - now)

    def begin(self, now: float) -> None:
        """One begins now."""
        if self._pace is not None:
            self._begun.append(now)


class Memory:
    """The bytes that the deliveries of all lanes hold together, beneath one bound.

    An event that several deliveries share counts for each. Alone, an event of any size is let in.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._held = 0
        self._short = False

    @property
    def left(self) -> int:
        """Bytes that may still be taken."""
        return max(0, self._bound - self._held)

    def fits(self, size: int) -> bool:
        """Whether so much may be taken now."""
        fits = size <= self.left or not self._held
        self._short = self._short or not fits
        return fits

    def take(self, size: int) -> None:
        """Count what came in."""
        self._held += size

    def free(self, size: int) -> None:
        """Count what is gone."""
        self._held -= size

    def relieved(self) -> bool:
        """True once after something was refused, when half is free again."""
        if self._short and self._held <= self._bound // 2:
            self._short = False
            return True
        return False


def size_of(event: Event) -> int:
    """Bytes that a delivery of this event holds, roughly."""
    return event.size + OVERHEAD


class Lane:
    """The deliveries of one destination on this node: reserved, queued, under way.

    `as_of` is when the destination was last changed (epoch seconds), as far as this lane knows.
    """

    def __init__(self, destination_id: DestinationId, memory: Memory, *, width: int, places: int) -> None:
        self.destination_id = destination_id
        self._memory = memory
        self.breaker = Breaker(width)
        self.window = Window()
        self.as_of = 0.0
        self.running = 0
        self.starved = False
        self._places = places
        self._reserved = 0
        self._queue: deque[Claim] = deque()

    @property
    def places(self) -> int:
        """Claims that it keeps in memory at most."""
        return self.window.places(self._places)

    def room(self, now: float) -> int:
        """Claims that may still be taken into memory; none while the lane is closed."""
        if not self.breaker.width(now):
            return 0
        return max(0, self.places - self._reserved - len(self._queue) - self.running)

    def reserve(self, now: float, event: Event) -> bool:
        """Keep a place for a delivery that is about to be committed; False when there is none.

        What is refused waits in the store, so the lane is starved until it claims from there: without
        this, fresh events would overtake the backlog for ever.
        """
        size = size_of(event)
        if self.starved or self.room(now) == 0 or not self._memory.fits(size):
            self.starved = True
            return False
        self._memory.take(size)
        self._reserved += 1
        return True

    def give_up(self, event: Event) -> None:
        """A reserved place is not needed after all."""
        self._memory.free(size_of(event))
        self._reserved -= 1

    def hand_over(self, claim: Claim) -> None:
        """Fill a reserved place."""
        self._reserved -= 1
        self._queue.append(claim)

    def push(self, claim: Claim) -> None:
        """Add a claim that came from the store."""
        self._memory.take(size_of(claim.accepted.event))
        self._queue.append(claim)

    def ready(self, now: float) -> bool:
        """True when another delivery may start now."""
        return bool(self._queue) and self.running < self.breaker.width(now) and not self.window.wait(now)

    def waits(self, now: float) -> float:
        """Seconds until the receiver wants to hear again; 0 when it may be addressed now."""
        return max(self.breaker.paused_for(now), self.window.wait(now) if self._queue else 0.0)

    def take(self, now: float) -> Claim | None:
        """The next delivery for a worker that counts as running already; None when it should stop."""
        if self._queue and self.running <= self.breaker.width(now) and not self.window.wait(now):
            self.window.begin(now)
            return self._queue.popleft()
        return None

    def done(self, claim: Claim) -> None:
        """What was taken for a worker is delivered or back in the store."""
        self._memory.free(size_of(claim.accepted.event))

    def empty_out(self, keep: int = 0) -> list[Claim]:
        """Everything that is queued, but for the first `keep`, for giving back."""
        claims = list(self._queue)[keep:]
        self._queue = deque(list(self._queue)[:keep])
        for claim in claims:
            self.done(claim)
        return claims

    @property
    def idle(self) -> bool:
        """Nothing reserved, queued or under way."""
        return not (self._reserved or self._queue or self.running)
