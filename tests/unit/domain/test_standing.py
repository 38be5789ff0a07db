"""How a monitor's key goes on by events and by time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.monitor import Monitor, MonitorKind, Observation, Seen, Standing
from gateway.domain.schedule import Outage, Schedule
from gateway.domain.standing import advance, armed, observe

T = 1_800_000_000.0
HOUR, DAY = 3600.0, 86_400.0
BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Schedule(by="06:00", zone="Europe/Berlin")


def monitor(kind=MonitorKind.SILENCE, **fields):
    given = {"schedule": Schedule(every=100.0), "grace": 10.0, "since": T} | fields
    return Monitor("m", "i", "nightly", T, T, kind=kind, **given)


class Key:
    """One key of a monitor, and what was told of it."""

    def __init__(self, monitor, outages=(), *, split=False):
        self.monitor, self.outages, self.told, self.number = monitor, outages, [], 0
        fresh = Standing("m", "k" if split else "", armed=monitor.since if split else None)
        self.standing = fresh if split else armed(monitor, fresh, T, outages)

    def at(self, moment):
        """Only time."""
        self._take(advance(self.monitor, self.standing, moment, self.outages))
        return self

    def see(self, moment, failed=False, value=None):
        self.number += 1
        seen = Seen(self.number, Observation("m", "k", failed, value), f"e{self.number}", moment)
        self._take(observe(self.monitor, self.standing, seen, self.outages))
        return self

    def _take(self, step):
        self.standing = step.standing
        self.told += [(turn.happening.value, turn.at, turn.breach) for turn in step.turns]
        assert self.standing.wake_at is None or not step.turns or self.standing.wake_at > step.turns[-1].at

    @property
    def state(self):
        return self.standing.state.value

    @property
    def said(self):
        return [happening for happening, _, _ in self.told]


def berlin(day, clock):
    return datetime.fromisoformat(f"2026-03-{day:02}T{clock}").replace(tzinfo=BERLIN).timestamp()


def test_what_was_never_seen_is_waited_for_without_alarm():
    key = Key(monitor())
    assert key.at(T + 10 * DAY).state == "waiting"
    assert key.standing.wake_at is None and key.told == []


def test_a_first_event_can_be_expected_too():
    key = Key(monitor(from_start=True))
    assert (key.state, key.standing.wake_at) == ("waiting", T + 100)
    assert key.at(T + 105).state == "late"
    assert key.at(T + 110).state == "missed"
    assert key.told == [("missed", T + 110, f"{T + 100:.3f}")]


def test_late_missed_and_recovered():
    key = Key(monitor(), split=True).see(T)
    assert (key.state, key.standing.wake_at) == ("ok", T + 100)
    assert key.at(T + 99.9).state == "ok"
    assert (key.at(T + 100).state, key.standing.wake_at) == ("late", T + 110)
    assert key.see(T + 105).state == "ok" and key.told == [], "in the grace nothing is told"
    key.at(T + 215)
    assert (key.state, key.standing.since) == ("missed", T + 215)
    key.at(T + 500).see(T + 600)
    assert key.state == "ok" and key.standing.last_event == "e3"
    assert key.told == [("missed", T + 215, f"{T + 205:.3f}"), ("recovered", T + 600, f"{T + 205:.3f}")]


def test_what_time_did_before_an_event_is_told_first():
    key = Key(monitor(), split=True).see(T).see(T + 300)
    assert key.said == ["missed", "recovered"] and key.state == "ok"


def test_an_older_event_that_comes_later_changes_no_deadline():
    key = Key(monitor(), split=True).see(T + 50).see(T)
    assert (key.standing.due, key.standing.last_seen) == (T + 150, T + 50)


def test_reminders_are_numbered_and_those_that_were_missed_are_not_made_up_for():
    key = Key(monitor(remind_every=60.0), split=True).see(T).at(T + 110)
    assert key.standing.wake_at == T + 170
    key.at(T + 169).at(T + 170).at(T + 171).at(T + 110 + 5 * 60 + 1)
    breach = f"{T + 100:.3f}"
    assert key.told[1:] == [("reminder", T + 170, f"{breach}/1"), ("reminder", T + 410, f"{breach}/5")]
    assert key.see(T + 500).said[-1] == "recovered"
    assert key.at(T + 600 + 10 + 60).told[-1][2] == f"{T + 600:.3f}/1", "each breach counts its own"


def test_a_missed_key_is_retired_after_so_many_periods_and_comes_back():
    key = Key(monitor(retire_after=3, remind_every=1000.0), split=True).see(T).at(T + 110)
    assert key.standing.wake_at == T + 100 + 300 + 10
    assert key.at(T + 409).state == "missed"
    assert (key.at(T + 410).state, key.standing.wake_at) == ("retired", None)
    assert key.at(T + 9000).said == ["missed"]
    assert (key.see(T + 9001).state, key.said) == ("ok", ["missed", "recovered"])


def test_by_a_time_of_day_an_early_event_answers_that_day_and_a_late_one_no_other():
    key = Key(monitor(schedule=DAILY, grace=1800.0), split=True).see(berlin(9, "05:30"))
    assert key.standing.due == berlin(10, "06:00")
    key.see(berlin(9, "05:50"))
    assert key.standing.due == berlin(10, "06:00"), "the second one of a day counts for no other"
    assert key.at(berlin(10, "06:10")).state == "late"
    key.see(berlin(10, "06:20"))
    assert (key.state, key.standing.due) == ("ok", berlin(11, "06:00"))
    key.at(berlin(11, "06:30"))
    assert key.state == "missed"
    key.see(berlin(14, "12:00"))
    assert key.standing.due == berlin(15, "06:00") and key.said == ["missed", "recovered"]


def test_by_a_time_of_day_over_the_change_of_the_clocks():
    key = Key(monitor(schedule=DAILY, grace=0.0), split=True).see(berlin(28, "05:00"))
    assert key.at(berlin(29, "05:59")).state == "ok"
    assert key.at(berlin(29, "06:00")).state == "missed"
    assert key.told[0][1] == berlin(28, "06:00") + 23 * HOUR


def test_clocks_stand_still_while_no_node_took_events():
    outage = Outage(T + 50, T + 5000)
    key = Key(monitor(), [outage], split=True).see(T)
    assert key.at(T + 5000).state == "ok", "half of the period is left"
    assert key.standing.wake_at == T + 5050
    assert key.at(T + 5059).state == "late" and key.at(T + 5060).state == "missed"


def test_an_outage_that_becomes_known_takes_a_late_key_back():
    key = Key(monitor(), split=True).see(T).at(T + 105)
    key.outages = [Outage(T + 106, T + 500)]
    assert key.at(T + 500).state == "late", "the grace goes on"
    key.outages = [Outage(T + 90, T + 500)]
    assert key.at(T + 500).state == "ok"
    assert key.at(T + 520).state == "missed"


def test_pausing_and_resuming_begin_anew():
    key = Key(monitor(), split=True).see(T)
    key.monitor = replace(key.monitor, paused=True, since=T + 50)
    key.standing = armed(key.monitor, key.standing, T + 50, [])
    assert key.standing.wake_at is None and key.at(T + 900).told == []
    key.monitor = replace(key.monitor, paused=False, since=T + 1000)
    key.standing = armed(key.monitor, key.standing, T + 1000, [])
    assert (key.state, key.standing.wake_at) == ("ok", T + 1100)
    assert key.at(T + 1110).state == "missed"


def test_a_breach_outlives_a_pause():
    key = Key(monitor(remind_every=50.0), split=True).see(T).at(T + 110)
    for paused, since in ((True, T + 120), (False, T + 1000)):
        key.monitor = replace(key.monitor, paused=paused, since=since)
        key.standing = armed(key.monitor, key.standing, since, [])
    assert key.at(T + 1000).said == ["missed", "reminder"]
    assert key.see(T + 1001).said[-1] == "recovered"


def test_the_same_happening_has_the_same_name_on_every_node():
    one, two = Key(monitor(), split=True).see(T), Key(monitor(), split=True).see(T)
    assert one.at(T + 111).told == two.at(T + 112.5).told


@pytest.mark.parametrize(("count", "events", "said"), [
    (1, "ffoo", ["failing", "recovered"]),
    (3, "ffoffo", []),
    (3, "offfffo", ["failing", "recovered"]),
    (2, "ffoff", ["failing", "recovered", "failing"]),
])  # fmt: skip
def test_failures_in_a_row(count, events, said):
    key = Key(monitor(MonitorKind.FAILURES, count=count), split=True)
    for number, one in enumerate(events):
        key.see(T + number, failed=one == "f")
    assert key.said == said
    assert key.state == ("breached" if said and said[-1] == "failing" else "ok")


@pytest.mark.parametrize(("kind", "threshold", "percent", "values", "said"), [
    # A score that drops by more than ten, as Kymaros judges it: exactly ten is no regression.
    ("drop", 10, False, [90, 80, 79], []),
    ("drop", 10, False, [90, 79, 79, 80], ["dropped", "recovered"]),
    ("drop", 10, False, [90, 70, 50, 79, 80], ["dropped", "dropped", "recovered"]),
    ("rise", 50, True, [100, 150, 226], ["rose"]),
    # What is 0 may not have been read; of nothing there is no part.
    ("rise", 50, True, [100, 0, 100], []),
    ("drop", 50, True, [100, 0, 100], ["dropped", "recovered"]),
    ("rise", 0, True, [100, 100, 101], ["rose"]),
    ("rise", 5, False, [1, 7, 7, 6], ["rose", "recovered"]),
    ("limit", 90, False, [95, 99, 90, 91], ["exceeded", "recovered", "exceeded"]),
])  # fmt: skip
def test_numbers(kind, threshold, percent, values, said):
    measured = monitor(MonitorKind(kind), value="data.score", threshold=threshold, percent=percent)
    key = Key(measured, split=True)
    for number, value in enumerate(values):
        key.see(T + number, value=float(value))
    assert key.said == said


@pytest.mark.parametrize(("values", "said"), [
    # The sender tells of what is in brackets by itself.
    ([90, [70], 71], []),
    ([90, [70], 59], ["dropped"]),
    ([90, 79, [60], 62, 80], ["dropped", "recovered"]),
    ([[50], 90, 79], ["dropped"]),
])  # fmt: skip
def test_what_the_sender_tells_of_is_remembered_and_not_told_again(values, said):
    measured = monitor(MonitorKind.DROP, value="data.score", threshold=10, unless="type = regression")
    key = Key(measured, split=True)
    for number, value in enumerate(values):
        itself = isinstance(value, list)
        key.see(T + number, failed=itself, value=float(value[0] if itself else value))
    assert key.said == said


@pytest.mark.parametrize(("kind", "values", "said"), [
    ("rise", [100, 200, 210], ["rose", "recovered"]),
    ("rise", [100, 200, 400, 400], ["rose", "rose", "recovered"]),
    ("drop", [100, 40, 40], ["dropped", "recovered"]),
    ("limit", [100, 100, 40], ["exceeded", "recovered"]),
])  # fmt: skip
def test_a_change_that_stays_can_be_the_new_normal(kind, values, said):
    measured = monitor(MonitorKind(kind), threshold=50, percent=kind != "limit", settles=True)
    key = Key(measured, split=True)
    for number, value in enumerate(values):
        key.see(T + number, value=float(value))
    assert key.said == said


def test_a_breach_of_a_number_is_reminded_of_too():
    key = Key(monitor(MonitorKind.LIMIT, threshold=5.0, remind_every=60.0), split=True).see(T, value=9.0)
    assert key.at(T + 61).said == ["exceeded", "reminder"]
    assert key.see(T + 62, value=1.0).at(T + 999).said == ["exceeded", "reminder", "recovered"]
