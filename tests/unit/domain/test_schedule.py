"""Deadlines: at every change of the clocks of a year in three zones, and while clocks stand still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.schedule import DAYS, Outage, Schedule, following, later, preceding, shown_at

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
"""The last one moves its clocks by half an hour, and in the other half of the year."""
HOUR, DAY = 3600.0, 86_400.0
START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def changes(zone: str) -> list[float]:
    """The moments of 2026 at which the clocks of a zone change."""
    place, found = ZoneInfo(zone), []
    for minute in range(0, 366 * 1440, 30):
        before, after = (datetime.fromtimestamp(START + one * 60, place) for one in (minute - 30, minute))
        if before.utcoffset() != after.utcoffset():
            found.append(START + minute * 60)
    assert len(found) == 2, zone
    return found


CHANGES = [(zone, moment) for zone in ZONES for moment in changes(zone)]
TIMES = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))
SCHEDULES = st.builds(
    lambda by, zone, days: Schedule(by=by, zone=zone, days=tuple(sorted(days))),
    TIMES,
    st.sampled_from(ZONES),
    st.sets(st.sampled_from(DAYS)),
)
MOMENTS = st.floats(START, START + 366 * DAY)


@given(st.sampled_from(CHANGES), TIMES, st.integers(-72, 72))
def test_there_is_one_deadline_a_day_whatever_the_clocks_do(change, by, hours):
    zone, moment = change
    schedule, place = Schedule(by=by, zone=zone), ZoneInfo(zone)
    deadline = following(schedule, moment + hours * HOUR)
    for _ in range(6):
        after = following(schedule, deadline)
        days = datetime.fromtimestamp(after, place).date() - datetime.fromtimestamp(deadline, place).date()
        assert days == timedelta(days=1)
        assert 22 * HOUR <= after - deadline <= 26 * HOUR
        assert preceding(schedule, after) == deadline
        deadline = after


@given(SCHEDULES, MOMENTS)
def test_a_deadline_is_at_its_time_on_its_day_or_never_early(schedule, moment):
    deadline = following(schedule, moment)
    assert deadline > moment and deadline - moment <= 8 * DAY
    local = datetime.fromtimestamp(deadline, ZoneInfo(schedule.zone))
    assert not schedule.days or DAYS[local.weekday()] in schedule.days
    shown = f"{local:%H:%M}"
    assert shown == schedule.by or shown > schedule.by, "a time that does not exist is taken later"
    twice = datetime.fromtimestamp(deadline + HOUR, ZoneInfo(schedule.zone))
    assert f"{twice:%H:%M}" != shown, "of a time that comes twice, it is the second"


@given(SCHEDULES, MOMENTS)
def test_before_and_after_undo_each_other(schedule, moment):
    deadline = following(schedule, moment)
    assert preceding(schedule, deadline) <= moment
    assert following(schedule, preceding(schedule, deadline)) == deadline
    assert later(schedule, deadline, 2) == following(schedule, following(schedule, deadline))


@pytest.mark.parametrize(
    ("zone", "by", "day", "expected"),
    [
        ("Europe/Berlin", "02:30", "2026-03-29", "2026-03-29T01:30:00Z"),  # not there: 03:30 of summer time
        ("Europe/Berlin", "02:30", "2026-10-25", "2026-10-25T01:30:00Z"),  # there twice: that of winter time
        ("Europe/Berlin", "06:00", "2026-03-29", "2026-03-29T04:00:00Z"),
        ("Europe/Berlin", "06:00", "2026-10-25", "2026-10-25T05:00:00Z"),
        ("America/New_York", "02:30", "2026-03-08", "2026-03-08T07:30:00Z"),
        ("America/New_York", "01:30", "2026-11-01", "2026-11-01T06:30:00Z"),
        ("Australia/Lord_Howe", "01:45", "2026-04-05", "2026-04-04T15:15:00Z"),
        ("Australia/Lord_Howe", "02:15", "2026-10-04", "2026-10-03T15:45:00Z"),
    ],
)
def test_where_the_clocks_change(zone, by, day, expected):
    midnight = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone)).timestamp()
    found = datetime.fromtimestamp(following(Schedule(by=by, zone=zone), midnight), UTC)
    assert f"{found:%Y-%m-%dT%H:%M:%SZ}" == expected


def test_weekdays_go_over_the_weekend():
    schedule = Schedule(by="06:00", zone="Europe/Berlin", days=("mon", "tue", "wed", "thu", "fri"))
    friday = datetime(2026, 3, 27, 6, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    monday = datetime(2026, 3, 30, 6, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert following(schedule, friday.timestamp()) == monday.timestamp()
    assert monday.timestamp() - friday.timestamp() == 3 * DAY - HOUR, "the clocks went forward"


def test_a_period_is_so_many_seconds_whatever_the_clocks_do():
    schedule = Schedule(every=26 * HOUR)
    for _, moment in CHANGES:
        assert following(schedule, moment - HOUR) == moment + 25 * HOUR
        assert preceding(schedule, moment) == moment - 26 * HOUR


def laid_out(pairs: list[tuple[float, float]]) -> list[Outage]:
    """Outages one after the other, each some time after the one before, each of some length."""
    found, end = [], 0.0
    for gap, length in pairs:
        found.append(Outage(end + gap, end + gap + length))
        end = found[-1].end
    return found


OUTAGES = st.lists(st.tuples(st.floats(0, 1000), st.floats(0.1, 100)), max_size=8).map(laid_out)


@given(OUTAGES, st.floats(0, 2000), st.floats(0, 2000))
def test_a_clock_that_stands_still_has_run_as_long_as_it_shows(outages, since, length):
    moment = shown_at(since + length, since=since, outages=outages)
    stood = sum(max(min(end, moment) - max(start, since), 0.0) for start, end in outages)
    assert moment - since - stood == pytest.approx(length, abs=1e-6)
    assert moment >= since + length


def test_an_outage_before_or_after_does_not_count():
    outages = [Outage(0, 10), Outage(50, 60)]
    assert shown_at(40, since=20, outages=outages) == 40
    assert shown_at(55, since=20, outages=outages) == 65
    assert shown_at(25, since=5, outages=outages) == 30
