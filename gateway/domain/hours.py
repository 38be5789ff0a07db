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


def digest_after(digest: Digest, moment: float) -> float:
    """The first time of a digest after a moment."""
    return _after(digest, _minute(moment))


def digest_before(digest: Digest, moment: float) -> float:
    """The last time of a digest up to and including a moment."""
    return _before(digest, _minute(moment))


def quiet_until(quiet: QuietHours, moment: float) -> float | None:
    """When the quiet hours end that a moment lies in, None outside of them."""
    return _quiet_until(quiet, _minute(moment))


def _minute(moment: float) -> int:
    """The full minute that a moment lies in: what is true at its beginning is true all through it."""
    return int(moment // MINUTE) * MINUTE


@lru_cache(maxsize=4096)
def _after(digest: Digest, minute: int) -> float:
    if digest.frequency is Frequency.HOURLY:
        return _shown(digest, minute + MINUTE, 1)
    return following(_schedule(digest), minute)


@lru_cache(maxsize=4096)
def _before(digest: Digest, minute: int) -> float:
    if digest.frequency is Frequency.HOURLY:
        return _shown(digest, minute, -1)
    schedule = _schedule(digest)
    return preceding(schedule, following(schedule, minute))


@lru_cache(maxsize=4096)
def _quiet_until(quiet: QuietHours, minute: int) -> float | None:
    until, inside = float(minute), False
    for _ in range(LONGEST_CHAIN):
        end = max((end for start, end in _stretches(quiet, until) if start <= until < end), default=None)
        if end is None:
            break
        until, inside = end, True
    return until if inside else None


def _schedule(digest: Digest) -> Schedule:
    days = (digest.weekday,) if digest.frequency is Frequency.WEEKLY else ()
    return Schedule(by=digest.time, zone=digest.zone, days=days)


def _shown(digest: Digest, minute: int, step: int) -> float:
    """The first moment from a full minute on, or back, at which the wall clock shows the digest's minutes."""
    zone, wanted = ZoneInfo(digest.zone), time_of(digest.time).minute
    local = datetime.fromtimestamp(minute, zone)
    found = minute + step * (step * (wanted - local.minute) % HOUR_MINUTES) * MINUTE
    if datetime.fromtimestamp(found, zone).utcoffset() == local.utcoffset():
        return float(found)
    while datetime.fromtimestamp(minute, zone).minute != wanted:  # the clocks change: look at each minute
        minute += step * MINUTE
    return float(minute)


def _stretches(quiet: QuietHours, moment: float) -> Iterator[tuple[float, float]]:
    """The quiet hours around a moment, from start to end; equal times are a whole day."""
    zone, start, end = ZoneInfo(quiet.zone), time_of(quiet.start), time_of(quiet.end)
    today = datetime.fromtimestamp(moment, UTC).astimezone(zone).date()
    for day in (today - timedelta(days=2), today - timedelta(days=1), today):
        if not quiet.days or DAYS[day.weekday()] in quiet.days:
            last = day if end > start else day + timedelta(days=1)
            yield moment_of(day, start, zone), moment_of(last, end, zone)
