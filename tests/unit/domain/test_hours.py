"""Digest times and quiet hours across changes of clocks and midnight, against a clock read by the minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.hours import digest_after, digest_before, quiet_until
from gateway.domain.noise import Digest, Frequency, QuietHours
from gateway.domain.schedule import DAYS

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
CHANGES = {
    "UTC": ["2026-03-29T00:00Z"],
    "Europe/Berlin": ["2026-03-29T01:00Z", "2026-10-25T01:00Z"],
    "America/New_York": ["2026-03-08T07:00Z", "2026-11-01T06:00Z"],
    "Asia/Kolkata": ["2026-12-31T18:30Z"],
    "Australia/Lord_Howe": ["2026-04-04T15:00Z", "2026-10-03T15:30Z"],
    "Pacific/Apia": ["2011-12-30T10:00Z"],
}
"""Where clocks change (UTC), Apia without a whole day of its calendar; or just a midnight."""


def stamp(*when: int, zone: str = "UTC") -> float:
    return datetime(*when, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[arg-type]


@st.composite
def places(draw: st.DrawFn) -> tuple[str, float]:
    """A zone and a moment within two days of a change of its clocks."""
    zone = draw(st.sampled_from(ZONES))
    change = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone])))
    return zone, change.timestamp() + draw(st.integers(-2 * 86_400, 2 * 86_400))


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45, 59]))
near_night = st.builds("{:02}:{:02}".format, st.integers(0, 3), st.sampled_from([0, 15, 30, 45]))
some_days = st.lists(st.sampled_from(DAYS), unique=True, max_size=4).map(tuple)


def last_reading(zone: ZoneInfo, day: date, clock: str) -> float:
    """The last minute (UTC) at which a wall clock shows this; of a time it never shows, where it would be
    by the minutes counted on from the one before the change."""
    hour, minute = map(int, clock.split(":"))
    begin = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - 86_400
    missed = None
    for moment in range(begin + 2 * 86_400 + 86_400, begin, -60):
        local = datetime.fromtimestamp(moment, zone).replace(tzinfo=UTC)
        wanted = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
        if local == wanted:
            return moment
        if local < wanted and missed is None:
            missed = moment + (wanted - local).total_seconds()
    assert missed is not None
    return missed


@settings(max_examples=150, deadline=None)
@given(places(), st.one_of(times, near_night), st.one_of(times, near_night), some_days)
def test_quiet_hours_are_what_a_wall_clock_shows(
    place: tuple[str, float], start: str, end: str, days: tuple[str, ...]
) -> None:
    zone, moment = place
    quiet = QuietHours(start, end, zone, days)
    local = datetime.fromtimestamp(moment, ZoneInfo(zone)).date()
    spans = []
    for ago in range(-1, 4):
        day = local - timedelta(days=ago)
        if not days or DAYS[day.weekday()] in days:
            last = day if end > start else day + timedelta(days=1)
            spans.append((last_reading(ZoneInfo(zone), day, start), last_reading(ZoneInfo(zone), last, end)))
    inside = any(begin <= moment < stop for begin, stop in spans)
    until = quiet_until(quiet, moment)
    assert (until is not None) == inside
    if until is not None:
        assert until > moment
        assert quiet_until(quiet, until - 0.001) is not None


@settings(max_examples=150, deadline=None)
@given(places(), times, st.sampled_from(Frequency), st.sampled_from(DAYS))
def test_digest_times_follow_each_other_without_a_gap(
    place: tuple[str, float], clock: str, frequency: Frequency, weekday: str
) -> None:
    zone, moment = place
    digest = Digest("", frequency, clock, zone, weekday)
    after, before = digest_after(digest, moment), digest_before(digest, moment)
    assert before <= moment < after
    assert digest_after(digest, before) == after
    assert digest_before(digest, after) == after
    assert digest_before(digest, after - 0.001) == before
    longest = {Frequency.HOURLY: 5400, Frequency.DAILY: 2 * 86_400, Frequency.WEEKLY: 9 * 86_400}
    assert after - before <= longest[frequency]
    shown = datetime.fromtimestamp(after, ZoneInfo(zone))
    if frequency is Frequency.HOURLY:
        assert shown.minute == int(clock[3:])


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        (stamp(2026, 3, 28, 21, 59, zone="Europe/Berlin"), None),
        (stamp(2026, 3, 28, 22, 0, zone="Europe/Berlin"), stamp(2026, 3, 29, 7, zone="Europe/Berlin")),
        (stamp(2026, 3, 29, 6, 59, zone="Europe/Berlin"), stamp(2026, 3, 29, 7, zone="Europe/Berlin")),
        (stamp(2026, 3, 29, 7, 0, zone="Europe/Berlin"), None),
    ],
)
def test_the_night_of_summer_time(moment: float, until: float | None) -> None:
    assert quiet_until(QuietHours(zone="Europe/Berlin"), moment) == until


def test_days_are_those_on_which_quiet_hours_start() -> None:
    friday_night = QuietHours(days=("fri",))
    assert quiet_until(friday_night, stamp(2026, 11, 21, 6)) == stamp(2026, 11, 21, 7)  # Saturday
    assert quiet_until(friday_night, stamp(2026, 11, 20, 6)) is None  # Friday
    assert quiet_until(friday_night, stamp(2026, 11, 21, 23)) is None


def test_whole_days_that_follow_each_other_are_one_stretch() -> None:
    weekend = QuietHours("00:00", "00:00", days=("sat", "sun"))
    assert quiet_until(weekend, stamp(2026, 11, 21, 12)) == stamp(2026, 11, 23)


def test_a_daily_digest_comes_at_its_local_time_before_and_after_the_change() -> None:
    digest = Digest(zone="America/New_York", time="09:00")
    before = digest_after(digest, stamp(2026, 10, 31, 0, zone="America/New_York"))
    assert datetime.fromtimestamp(before, UTC).hour == 13
    assert datetime.fromtimestamp(digest_after(digest, before), UTC).hour == 14
