"""The engine of dispatch: lanes, and the tasks that deliver from them, at most `in_flight` at once.

What is to be delivered comes from ingest (born leased) and from `claim.py`; how one delivery goes is in
`flow.py`. Here is only when and beside what: lanes take turns, a closed lane gives its claims back, and a
suspect is delivered with nothing beside it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from gateway.domain.clock import Clock
from gateway.domain.delivery import Claim, Planned
from gateway.domain.destination import Destination
from gateway.domain.errors import Unavailable
from gateway.domain.event import Event
from gateway.domain.ids import DestinationId
from gateway.pipeline.settle import Tried, give_back
from gateway.pipeline.snapshot import Current, Snapshot
from gateway.pipeline.throttle import Lane, Memory, Verdict
from gateway.ports import Ledger
from gateway.spi.destination import Pace
from gateway.spi.discovery import destinations

log = structlog.get_logger()

IDLE_LANES = 4096
AGAIN_SECONDS = 0.25
"""How long to wait before a claim that could not be given back is given back once more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`in_flight` is W, the bound on duplicates after a crash; `width` and `places` are per destination.

    `memory` is how many bytes all lanes hold together, `largest` what one event may have at most.
    """

    in_flight: int = 256
    width: int = 16
    places: int = 256
    memory: int = 128 << 20
    largest: int = 1 << 20


class Dispatcher:
    """Gives each lane its share. `deliver` returns when its result is durable: until then it is in flight.

    `came_back` is told when a delivery is pending once more, with the time at which it is due, and
    `wanted` when a lane has room for what waits in the ledger.
    """

    def __init__(
        self,
        ledger: Ledger,
        current: Current,
        clock: Clock,
        limits: Limits,
        deliver: Callable[[Claim], Awaitable[Tried | None]],
        pace: Callable[[Destination], Pace | None],
    ) -> None:
        self._ledger, self._current, self._clock = ledger, current, clock
        self._limits = limits
        self._deliver = deliver
        self._pace = pace
        self._memory = Memory(limits.memory)
        self._lanes: dict[DestinationId, Lane] = {}
        self._waiting: deque[Lane] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[DestinationId, asyncio.TimerHandle] = {}
        self._running = 0
        self._stopping = False
        self._quiet = asyncio.Event()
        self._quiet.set()
        self.came_back: Callable[[DestinationId, float], None] = lambda _destination, _due: None
        self.wanted: Callable[[], None] = lambda: None
        current.watch(self._reconfigured)

    @property
    def in_flight(self) -> int:
        """Deliveries under way."""
        return self._running

    @property
    def places(self) -> int:
        """Claims that a lane keeps in memory at most."""
        return self._limits.places

    @property
    def claimable(self) -> int:
        """Claims that there is memory for, however large their events; one at least when nothing is held."""
        return max(self._memory.left // self._limits.largest, int(self._memory.fits(self._limits.largest)))

    @property
    def stopping(self) -> bool:
        """Set once `stop` was called."""
        return self._stopping

    def reserve(self, destination_id: DestinationId, event: Event) -> bool:
        """Keep a place in a lane before the commit; False: write the row to be claimed later."""
        return not self._stopping and self._lane(destination_id).reserve(self._clock.monotonic(), event)

    def give_up(self, planned: Planned, event: Event) -> None:
        """Free a place that was reserved for a delivery that was not written."""
        self._lane(planned.destination_id).give_up(event)

    def hand_over(self, claim: Claim) -> None:
        """Take a delivery that was born leased and is durable now."""
        lane = self._lane(claim.destination_id)
        lane.hand_over(claim)
        self._start(lane)

    def push(self, claims: Sequence[Claim]) -> None:
        """Take deliveries that were claimed from the ledger."""
        for claim in claims:
            self._lane(claim.destination_id).push(claim)
        for destination_id in {claim.destination_id for claim in claims}:
            lane = self._lane(destination_id)
            # Claimed before anybody knew how few of them the lane keeps.
            if surplus := lane.empty_out(keep=lane.places):
                _ = self._spawn(self.give_back(surplus, "paused", 0.0))
            self._start(lane)

    def room(self) -> dict[DestinationId, int]:
        """Claims that each lane may still take; 0 for closed lanes and disabled destinations."""
        now = self._clock.monotonic()
        room = {lane.destination_id: lane.room(now) for lane in self._lanes.values()}
        return room | {row.id: 0 for row in self._current.snapshot.destinations.values() if not row.enabled}

    def fed(self, room: dict[DestinationId, int], claims: Sequence[Claim]) -> None:
        """Note which lanes got less than they had room for: nothing more waits for those in the ledger."""
        taken: dict[DestinationId, int] = {}
        for claim in claims:
            taken[claim.destination_id] = taken.get(claim.destination_id, 0) + 1
        for lane in self._lanes.values():
            had_room = room.get(lane.destination_id, self._limits.places)
            lane.starved = taken.get(lane.destination_id, 0) >= had_room

    async def try_now(self, claim: Claim) -> None:
        """Deliver one claim at once, past its lane's queue; returns when the result is durable.

        Raises Unavailable when as much is in flight as may be.
        """
        await self._quiet.wait()
        if self._running >= self._limits.in_flight:
            raise Unavailable("too_busy", "too many deliveries are under way; try again", retry_after=1)
        await asyncio.shield(self._spawn(self._only(claim)))

    async def alone(self, claim: Callable[[], Awaitable[Claim | None]]) -> float:
        """Claim and deliver with nothing beside it; returns how long everybody else waited, in seconds."""
        began = self._clock.monotonic()
        self._quiet.clear()
        try:
            while self._tasks:
                await asyncio.wait(set(self._tasks))
            suspect = None if self._stopping else await claim()
            if suspect is not None:
                await asyncio.shield(self._spawn(self._only(suspect)))
        finally:
            self._quiet.set()
            self._serve_waiting()
        return self._clock.monotonic() - began

    def open_for(self, claim: Claim) -> bool:
        """Whether a claim's destination is enabled and its lane not closed."""
        destination = self._current.snapshot.destinations.get(claim.destination_id)
        lane = self._lane(claim.destination_id)
        return (destination is None or destination.enabled) and lane.breaker.width(
            self._clock.monotonic()
        ) > 0

    async def stop(self, grace: float) -> None:
        """Start nothing new, let what is under way finish for `grace` seconds, give the rest back."""
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        for lane in list(self._lanes.values()):
            await self.give_back(lane.empty_out(), "stopped", 0.0)
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def give_back(self, claims: Sequence[Claim], reason: str, pause: float) -> None:
        """Back to the store untried, again and again until it takes them or the gateway stops."""
        if not claims:
            return
        destination_id, due_at = claims[0].destination_id, self._clock.now() + pause
        while claims:
            results = await asyncio.gather(
                *(self._ledger.settle(give_back(claim, due_at=due_at, reason=reason)) for claim in claims),
                return_exceptions=True,
            )
            claims = [one for one, done in zip(claims, results, strict=True) if not isinstance(done, bool)]
            if claims:
                log.warning("deliveries.not_given_back", count=len(claims))
                if self._stopping:
                    return  # closing the store gives back what is leased
                await asyncio.sleep(AGAIN_SECONDS)
        self.came_back(destination_id, due_at)

    def _lane(self, destination_id: DestinationId) -> Lane:
        lane = self._lanes.get(destination_id)
        if lane is None:
            if len(self._lanes) >= IDLE_LANES:
                self._lanes = {key: one for key, one in self._lanes.items() if not one.idle}
            width, places = self._width(destination_id), self._limits.places
            lane = Lane(destination_id, self._memory, width=width, places=places)
            self._lanes[destination_id] = lane
            self._learn(lane, self._current.snapshot)
        return lane

    def _reconfigured(self, snapshot: Snapshot) -> None:
        known = snapshot.destinations
        self._lanes = {key: lane for key, lane in self._lanes.items() if key in known or not lane.idle}
        for lane in self._lanes.values():
            self._learn(lane, snapshot)
            self._start(lane)

    def _learn(self, lane: Lane, snapshot: Snapshot) -> None:
        """A destination that was changed starts afresh: whoever mended it should not wait for its breaker."""
        destination = snapshot.destinations.get(lane.destination_id)
        if destination is not None and destination.updated_at > lane.as_of:
            if lane.as_of:
                lane.breaker.reset()
            lane.as_of = destination.updated_at
            lane.window.follow(self._pace(destination))

    def _width(self, destination_id: DestinationId) -> int:
        destination = self._current.snapshot.destinations.get(destination_id)
        kind = destinations().get(destination.kind) if destination else None
        return min(kind.width, self._limits.width) if kind and kind.width else self._limits.width

    def _start(self, lane: Lane) -> None:
        """Start workers for what is ready, within the lane's width and the node's bound."""
        now = self._clock.monotonic()
        while not self._stopping and lane.ready(now):
            if self._running >= self._limits.in_flight or not self._quiet.is_set():
                if lane not in self._waiting:
                    self._waiting.append(lane)
                return
            self._running += 1
            lane.running += 1
            _ = self._spawn(self._work(lane))
        if lane.waits(now):
            self._start_later(lane, lane.waits(now))

    def _start_later(self, lane: Lane, seconds: float) -> None:
        """When a lane may go on: start what was handed over meanwhile, and claim what waits. A wait that was
        longer than this one, of another pace or a breaker since reset, is over."""
        loop = asyncio.get_running_loop()
        known = self._timers.get(lane.destination_id)
        if self._stopping or (known is not None and known.when() <= loop.time() + seconds):
            return
        if known is not None:
            known.cancel()

        def opened() -> None:
            self._timers.pop(lane.destination_id, None)
            self._start(self._lanes.get(lane.destination_id, lane))
            self.wanted()

        self._timers[lane.destination_id] = loop.call_later(seconds, opened)

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)  # noqa: S101  work is a coroutine
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _work(self, lane: Lane) -> None:
        """Deliver from one lane until it has nothing ready or others wait for a turn."""
        try:
            while not self._stopping and self._quiet.is_set():
                claim = lane.take(self._clock.monotonic())
                if claim is None:
                    break
                try:
                    await self._one(lane, claim)
                finally:
                    lane.done(claim)
                if self._waiting:
                    break
        finally:
            self._running -= 1
            lane.running -= 1
            self._next(lane)

    async def _only(self, claim: Claim) -> None:
        """One delivery outside its lane's turn, counted like any other."""
        self._running += 1
        try:
            await self._one(self._lane(claim.destination_id), claim)
        finally:
            self._running -= 1
            self._serve_waiting()

    async def _one(self, lane: Lane, claim: Claim) -> None:
        try:
            tried = await self._deliver(claim)
        except Exception:
            log.error("delivery.failed", delivery=claim.delivery_id, exc_info=True)
            return
        if tried is None:
            return
        if tried.due_at is not None:
            self.came_back(claim.destination_id, tried.due_at)
        await self._judge(lane, tried)

    async def _judge(self, lane: Lane, tried: Tried) -> None:
        now = self._clock.monotonic()
        if tried.verdict is Verdict.GOOD:
            lane.breaker.succeeded()
            self._keep_pace(lane)
        elif tried.verdict is Verdict.BAD and lane.breaker.failed(now, tried.pause):
            await self.give_back(lane.empty_out(), "paused", lane.breaker.paused_for(now))
            self._start_later(lane, lane.breaker.paused_for(now))

    def _keep_pace(self, lane: Lane) -> None:
        """The last answer may have told of another rate."""
        destination = self._current.snapshot.destinations.get(lane.destination_id)
        if destination is not None:
            lane.window.follow(self._pace(destination))

    def _next(self, lane: Lane) -> None:
        """A worker ended: give its place to whoever waits, then to its own lane, then to the backlog."""
        self._serve_waiting()
        self._start(lane)
        half_free = lane.room(self._clock.monotonic()) > lane.places // 2
        if self._memory.relieved() or (lane.starved and half_free):
            self.wanted()

    def _serve_waiting(self) -> None:
        for _ in range(len(self._waiting)):
            self._start(self._waiting.popleft())
