"""Room for messages under a rate limit: asked of the store right before each attempt, for many at once.

What the store said is remembered here until there is room again, so that a stream which is over its limit
asks nothing meanwhile. All asks of a moment, and those that come while an answer is awaited, are one call.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import NamedTuple

from gateway.domain.clock import Clock
from gateway.domain.noise import RateLimit
from gateway.ports import RateAsk, RateGrant, Rates

ARRIVAL = 0.05
ARRIVAL_SECONDS = 1.0
"""A receiver counts from when a message arrives: a stretch is longer by this share of it, at most so much."""
MOST_REMEMBERED = 50_000
MOST_ASKED = 500
"""Streams of one call."""


class Wish(NamedTuple):
    """Who waits for room: told 0 when there is, else when to ask again. The highest rank is served first."""

    told: asyncio.Future[float]
    limit: RateLimit
    rank: int


class RateGate:
    """One node's way to the limits that all nodes keep together."""

    def __init__(self, rates: Rates, clock: Clock) -> None:
        self._rates, self._clock = rates, clock
        self._again: dict[str, float] = {}
        self._lines: dict[str, float] = {}
        self._refused: set[str] = set()
        self._wishes: dict[str, deque[Wish]] = defaultdict(deque)
        self._asking: asyncio.Task[None] | None = None

    def exhausted(self, stream: str) -> float:
        """Until when a stream is known to be over its limit; 0 where it is not."""
        return self._later(self._again, stream)

    def waits(self, stream: str) -> float:
        """Until when who comes now has to wait: there is no room, or others wait for it; 0 if neither."""
        return max(self.exhausted(stream), self._later(self._lines, stream))

    def line_up(self, stream: str, until: float) -> None:
        """Others wait in line: who comes before then stands behind them."""
        self._lines = self._remembered(self._lines, stream, until)

    def was_full(self, stream: str) -> bool:
        """Whether anybody found no room since this was asked last."""
        refused = stream in self._refused
        self._refused.discard(stream)
        return refused

    async def enter(self, stream: str, limit: RateLimit, rank: int = 0) -> float:
        """0 with room for one message, to be sent now; else when there will be some. Raises Refused."""
        if until := self.exhausted(stream):
            self._refuse(stream)
            return until
        wish = Wish(asyncio.get_running_loop().create_future(), limit, rank)
        self._wishes[stream].append(wish)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="rates")
        return await wish.told

    async def close(self) -> None:
        """Who still waits is told nothing more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _later(self, moments: dict[str, float], stream: str) -> float:
        until = moments.get(stream, 0.0)
        return until if until > self._clock.now() else 0.0

    def _remembered(self, moments: dict[str, float], stream: str, until: float) -> dict[str, float]:
        """With one more; what is past is forgotten when there are too many, and of too many the oldest."""
        if len(moments) >= MOST_REMEMBERED:
            now = self._clock.now()
            moments = {key: one for key, one in moments.items() if one > now}
            if len(moments) >= MOST_REMEMBERED:
                del moments[next(iter(moments))]
        moments[stream] = until
        return moments

    def _refuse(self, stream: str) -> None:
        if len(self._refused) >= MOST_REMEMBERED:
            self._refused.clear()
        self._refused.add(stream)

    async def _ask(self) -> None:
        try:
            while self._wishes:
                await asyncio.sleep(0)  # let those of this moment join
                taken = {stream: self._wishes.pop(stream) for stream in list(self._wishes)[:MOST_ASKED]}
                await self._answer(taken)
        finally:
            self._asking = None
            for wishes in self._wishes.values():
                for wish in wishes:
                    wish.told.cancel()
            self._wishes.clear()

    async def _answer(self, taken: dict[str, deque[Wish]]) -> None:
        try:
            grants = await self._rates.take([_ask_of(stream, wishes) for stream, wishes in taken.items()])
            for (stream, wishes), grant in zip(taken.items(), grants, strict=True):
                self._share(stream, wishes, grant)
        except BaseException as error:
            for wish in (wish for wishes in taken.values() for wish in wishes):
                if not wish.told.done():
                    _fail(wish.told, error)
            if not isinstance(error, Exception):
                raise

    def _share(self, stream: str, wishes: deque[Wish], grant: RateGrant) -> None:
        if grant.tokens < len(wishes):
            self._again = self._remembered(self._again, stream, grant.again_at)
            self._refuse(stream)
        for number, wish in enumerate(sorted(wishes, key=lambda wish: -wish.rank)):
            if not wish.told.done():
                wish.told.set_result(0.0 if number < grant.tokens else grant.again_at)


def _ask_of(stream: str, wishes: deque[Wish]) -> RateAsk:
    limit = wishes[-1].limit
    seconds = limit.seconds + min(limit.seconds * ARRIVAL, ARRIVAL_SECONDS)
    return RateAsk(stream, len(wishes), limit.events, seconds)


def _fail(told: asyncio.Future[float], error: BaseException) -> None:
    if isinstance(error, Exception):
        told.set_exception(error)
    else:
        told.cancel()
