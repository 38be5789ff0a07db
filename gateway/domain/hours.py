"""When a digest is due and until when quiet hours last: times of day in a zone, as moments (epoch seconds).

Where the clocks change, a time of day that comes twice is its second reading, and one that is missing is
taken as it was before the change, as deadlines are (`gateway.domain.schedule`). A digest of every hour
follows the minutes that a clock on the wall shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway.domain.noise import Digest, Frequency, QuietHours
from gateway.domain.schedule import DAYS, Schedule, following, moment_of, preceding, time_of

LONGEST_CHAIN = 8
"""Quiet hours that begin as others end are one stretch, up to so many of them."""
MINUTE, HOUR_MINUTES = 60, 60


@lru_cache(maxsize=4096)
def digest_after(digest: Digest, moment: float) -> float:
    """The first time of a digest after a moment."""
    if digest.frequency is not Frequency.HOURLY:
        return following(_schedule(digest), moment)
    found = (int(moment) // MINUTE + 1) * MINUTE
    while ahead := _minutes_to(digest, found):
        found += ahead * MINUTE
    return float(found)


@lru_cache(maxsize=4096)
def digest_before(digest: Digest, moment: float) -> float:
    """The last time of a digest up to and including a moment."""
    if digest.frequency is not Frequency.HOURLY:
        schedule = _schedule(digest)
        return preceding(schedule, following(schedule, moment))
    found = int(moment) // MINUTE * MINUTE
    while ahead := _minutes_to(digest, found):
        found -= (HOUR_MINUTES - ahead) * MINUTE
    return float(found)


def quiet_until(quiet: QuietHours, moment: float) -> float | None:
    """When the quiet hours end that a moment lies in, None outside of them."""
    until, inside = moment, False
    for _ in range(LONGEST_CHAIN):
        end = max((end for start, end in _stretches(quiet, until) if start <= until < end), default=None)
        if end is None:
            break
        until, inside = end, True
    return until if inside else None


def _schedule(digest: Digest) -> Schedule:
    days = (digest.weekday,) if digest.frequency is Frequency.WEEKLY else ()
    return Schedule(by=digest.time, zone=digest.zone, days=days)


def _minutes_to(digest: Digest, moment: int) -> int:
    """Minutes from a full minute until the wall clock shows those of the digest, if nobody touches it."""
    shown = datetime.fromtimestamp(moment, ZoneInfo(digest.zone)).minute
    return (time_of(digest.time).minute - shown) % HOUR_MINUTES


def _stretches(quiet: QuietHours, moment: float) -> Iterator[tuple[float, float]]:
    """The quiet hours around a moment, from start to end; equal times are a whole day."""
    zone, start, end = ZoneInfo(quiet.zone), time_of(quiet.start), time_of(quiet.end)
    today = datetime.fromtimestamp(moment, UTC).astimezone(zone).date()
    for day in (today - timedelta(days=2), today - timedelta(days=1), today):
        if not quiet.days or DAYS[day.weekday()] in quiet.days:
            last = day if end > start else day + timedelta(days=1)
            yield moment_of(day, start, zone), moment_of(last, end, zone)
