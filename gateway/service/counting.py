"""Counts over time: writing down what was counted in memory, and reading it for people."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from gateway.domain.clock import Clock
from gateway.domain.counting import Counted, day_of
from gateway.domain.errors import Refused
from gateway.pipeline.counts import Counts
from gateway.ports import Counters

log = structlog.get_logger()

WRITE_EVERY = 5.0
"""Seconds between two times that counts are written down; a kill -9 loses that much of them."""
KEPT_DAYS = 90
"""Days that counts are kept."""


@dataclass(frozen=True, slots=True)
class History:
    """What one subject did, by day (days since 1970)."""

    days: Mapping[int, Counter[Counted]] = field(default_factory=dict)

    def total(self, what: Counted, since: int = 0) -> int:
        """How often, from a day on."""
        return sum(numbers[what] for day, numbers in self.days.items() if day >= since)


class Counting:
    """Use cases over counts."""

    def __init__(self, counters: Counters, counts: Counts, clock: Clock) -> None:
        self._counters, self._counts, self._clock = counters, counts, clock
        self._forgotten = 0

    async def histories(self, subjects: Sequence[str]) -> Mapping[str, History]:
        """What each of these did, in the days that are kept; what other nodes did lately comes later.

        Raises Unavailable.
        """
        since = day_of(self._clock.now()) - KEPT_DAYS
        days: dict[str, dict[int, Counter[Counted]]] = {one: defaultdict(Counter) for one in subjects}
        for subject, day, what, number in (
            *await self._counters.read(subjects, since),
            *self._counts.of(subjects),
        ):
            days[subject][day][what] += number
        return {subject: History(dict(sorted(found.items()))) for subject, found in days.items()}

    async def lately(self, subjects: Sequence[str]) -> Mapping[str, History]:
        """The same beside something else that is shown: nothing where the store cannot answer."""
        try:
            return await self.histories(subjects)
        except Refused:
            return {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Write counts down until `stopping` is set."""
        while not stopping.is_set():
            await self.write()
            try:
                async with asyncio.timeout(WRITE_EVERY):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def write(self) -> None:
        """Write down what there is; what the store does not take is kept for the next time."""
        taken = self._counts.take()
        today = day_of(self._clock.now())
        try:
            await self._counters.add(taken)
            taken = ()
            if today != self._forgotten:
                await self._counters.forget(today - KEPT_DAYS)
                self._forgotten = today
        except Exception as error:
            self._counts.put_back(taken)
            unforeseen = not isinstance(error, Refused)
            log.warning("counts.unwritten", error=type(error).__name__, exc_info=unforeseen)
