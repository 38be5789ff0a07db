"""Time of day and weekday, as clocks in a zone show them."""

import pytest


@pytest.mark.parametrize(
    ("rule", "time", "fits"),
    [
        ("time-of-day(Europe/Berlin) >= 22:00", "2026-07-01T20:00:00Z", True),
        ("time-of-day(Europe/Berlin) >= 22:00", "2026-01-01T20:59:59Z", False),
        (
            "time-of-day(Europe/Berlin) >= 22:00 or time-of-day(Europe/Berlin) < 06:00",
            "2026-07-01T01:00:00Z",
            True,
        ),
        ("time-of-day() = 08:30:15", "2026-07-01T10:30:15+02:00", True),
        ("time-of-day(UTC) in (08:00, 09:00)", "2026-07-01T09:00:00.7Z", True),
        ("weekday(Europe/Berlin) in (sat, sun)", "2026-02-27T23:30:00Z", True),
        ("weekday() in (Saturday, sun)", "2026-02-27T23:30:00Z", False),
        ("weekday() not in (sat, sun)", "2026-02-27T23:30:00Z", True),
        ("weekday() != fri", "2026-02-27T23:30:00Z", False),
        ("weekday() exists", "2026-02-27T23:30:00Z", True),
        ("time-of-day(Pacific/Auckland) < 23:59", "0001-01-01T00:00:00Z", True),
        ("weekday(America/New_York) exists", "9999-12-31T23:59:59-12:00", True),
    ],
)
def test_a_part_of_the_time_in_a_zone(holds, rule, time, fits):
    assert holds(rule, time=time) is fits


@pytest.mark.parametrize("rule", ["weekday() != fri", "time-of-day() < 23:59", "weekday() exists"])
@pytest.mark.parametrize("event", [{}, {"time": "soon"}, {"time": "2026-07-01T10:00:00"}])
def test_without_a_time_nothing_matches(holds, rule, event):
    assert not holds(rule, **event)


def test_an_attribute_of_that_name_is_still_an_attribute(holds):
    assert holds("weekday = mon", weekday="mon")
