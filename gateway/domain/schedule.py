"""When something is expected: after so many seconds, or by a time of day; and a clock that can stand still.

Times of day are local to a zone. Where the clocks change, a deadline is never early: a time that does not
exist on that day is taken as it was before the change, of a time that comes twice the second one counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = 7
LEEWAY_DAYS = 2
"""Days before a moment at which the search for deadlines begins: no zone is further than a day from UTC."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Either `every` so many seconds after the last time, or `by` a time of day ("06:00") in a zone.

    `days` are the weekdays of a time of day, by the words of DAYS; empty means all.
    """

    every: float = 0.0
    by: str = ""
    zone: str = "UTC"
    days: tuple[str, ...] = ()


class Outage(NamedTuple):
    """From `start` to `end` (epoch seconds) no node took events."""

    start: float
    end: float


def following(schedule: Schedule, moment: float) -> float:
    """The first deadline after a moment; both in epoch seconds."""
    if schedule.every:
        return moment + schedule.every
    return next(one for one in _deadlines(schedule, moment) if one > moment)


def preceding(schedule: Schedule, deadline: float) -> float:
    """The last deadline before this one: where the time that leads up to it begins."""
    if schedule.every:
        return deadline - schedule.every
    earlier = _deadlines(schedule, deadline - WEEK * 86_400.0)
    return max(one for one in islice(earlier, WEEK + LEEWAY_DAYS + 1) if one < deadline)


def later(schedule: Schedule, deadline: float, periods: int) -> float:
    """The deadline so many periods after this one."""
    if schedule.every:
        return deadline + schedule.every * periods
    after = (one for one in _deadlines(schedule, deadline) if one > deadline)
    return next(islice(after, periods - 1, None)) if periods else deadline


def shown_at(deadline: float, *, since: float, outages: Sequence[Outage]) -> float:
    """When a clock shows `deadline` that runs from `since` on and stands still during outages.

    `outages` are by time and do not overlap.
    """
    for one in outages:
        start = max(one.start, since)
        if start >= deadline:
            break
        deadline += max(one.end - start, 0.0)
    return deadline


def _deadlines(schedule: Schedule, around: float) -> Iterator[float]:
    """Deadlines by time of day in order, from some days before a moment on."""
    zone, clock = ZoneInfo(schedule.zone), time_of(schedule.by)
    day = datetime.fromtimestamp(around, UTC).date() - timedelta(days=LEEWAY_DAYS)
    days = {DAYS.index(one) for one in schedule.days} or set(range(WEEK))
    while True:
        if day.weekday() in days:
            yield moment_of(day, clock, zone)
        day += timedelta(days=1)


@lru_cache(maxsize=1024)
def time_of(text: str) -> time:
    """A time of day ("06:00")."""
    return time.fromisoformat(text)


def moment_of(day: date, clock: time, zone: ZoneInfo) -> float:
    """The later of the two readings of a local time; they differ only where the clocks change."""
    local = datetime.combine(day, clock, zone)
    return max(local.timestamp(), local.replace(fold=1).timestamp())
