"""Incidents: what opens, joins and closes one, what flapping does, and what stays so whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.incident import (
    CALM_SECONDS,
    FLAP_SECONDS,
    FLAPS,
    Chapter,
    Incident,
    IncidentState,
    Part,
    Sign,
    acknowledged,
    calmed,
    duration,
    ended,
    failing,
    met,
    resolved,
    stepped,
    story,
)
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome, Vocabulary

NOW = 1_800_000_000.0
ERROR, CRITICAL = Severity.ERROR, Severity.CRITICAL


def fails(known: Incident | None, at: float, event="f", severity=ERROR) -> Chapter | None:
    return met(known, Sign("k", True, severity, "db failed"), instance_id="i", event_id=event, at=at)


def recovers(known: Incident | None, at: float, event="ok") -> Chapter | None:
    sign = Sign("k", False, Severity.INFO, "db is well")
    return met(known, sign, instance_id="i", event_id=event, at=at)


def flapping(at: float = NOW) -> tuple[Incident, float]:
    """An incident that began to flap, and when it recovered last."""
    known: Incident | None = None
    for turn in range(FLAPS):
        chapter = (recovers if turn % 2 else fails)(known, at + turn, f"e{turn}")
        assert chapter is not None
        known = chapter.incident
    assert known is not None
    return known, at + FLAPS - 1


def test_a_failure_opens_repeats_join_and_recovery_closes():
    opened = fails(None, NOW, "first")
    assert (opened.part, opened.told, opened.incident.id) == (Part.OPENING, True, "first")
    again = fails(opened.incident, NOW + 60, "second", CRITICAL)
    assert (again.part, again.told, again.incident.failures) == (Part.REPEAT, True, 2)
    assert (again.incident.id, again.incident.severity) == ("first", CRITICAL)
    third = fails(again.incident, NOW + 90, "third", ERROR)
    assert third.incident.severity is CRITICAL, "the worst stays"
    closed = recovers(third.incident, NOW + 3 * 3600 + 12 * 60, "ok")
    assert (closed.part, closed.incident.state) == (Part.RECOVERY, IncidentState.RESOLVED)
    assert (closed.incident.resolved_by, closed.incident.resolved_at) == ("ok", NOW + 11_520)
    assert story(closed) == "Recovered after 3 h 12 min, 3 failures."
    assert story(opened) == "" and story(again) == "Failing for 1 min, 2 failures."


def test_the_next_failure_opens_another():
    first = fails(None, NOW, "a").incident
    closed = recovers(first, NOW + 10).incident
    assert fails(closed, NOW + 20, "b").incident.id == "b"
    by_hand = resolved(first, "ada", NOW + 5, "replaced the disk")
    assert (by_hand.resolved_by, by_hand.note) == ("ada", "replaced the disk")
    assert fails(by_hand, NOW + 20, "c").part is Part.OPENING
    assert resolved(by_hand, "bob", NOW + 6) is None
    assert by_hand.wake_at == NOW + 5, "its end is to be told"
    assert ended(by_hand).wake_at is None
    assert story(Chapter(by_hand, Part.RECOVERY)) == "Resolved by ada after 5 s, 1 failure."


def test_what_is_well_without_an_incident_joins_nothing():
    assert recovers(None, NOW) is None
    closed = recovers(fails(None, NOW).incident, NOW + 1).incident
    assert recovers(closed, NOW + 2) is None


def test_acknowledged_once_and_still_joined():
    known = acknowledged(fails(None, NOW).incident, "ada", NOW + 5)
    assert (known.state, known.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "ada")
    assert acknowledged(known, "bob", NOW + 6) is None
    again = fails(known, NOW + 10)
    assert (again.part, again.incident.state) == (Part.REPEAT, IncidentState.ACKNOWLEDGED)
    assert recovers(again.incident, NOW + 20).incident.state is IncidentState.RESOLVED


def test_flapping_keeps_it_open_and_tells_the_recovery_once():
    known, well_at = flapping()
    assert known.flapping and known.state is IncidentState.OPEN and known.calm_since == well_at
    assert known.wake_at == well_at + CALM_SECONDS
    assert not recovers(known, well_at + 1).told
    again = fails(known, well_at + 10)
    assert (again.part, again.told, again.incident.calm_since) == (Part.REPEAT, False, None)
    assert fails(again.incident, well_at + 11).told, "a failure that is no turn is told"
    well = recovers(again.incident, well_at + 20)
    assert (well.part, well.told) == (Part.RECOVERY, False)
    assert calmed(well.incident, well_at + 20 + CALM_SECONDS - 1) is None
    closed = calmed(well.incident, well_at + 20 + CALM_SECONDS)
    assert (closed.state, closed.resolved_at) == (IncidentState.RESOLVED, well_at + 20)
    assert calmed(closed, well_at + 99 * CALM_SECONDS) is None


def test_what_gets_worse_is_told_even_while_it_flaps():
    known, at = flapping()
    assert fails(known, at + 5, severity=CRITICAL).told


def test_flapping_ends_with_its_window():
    known, at = flapping()
    failed = fails(known, at + 1).incident
    closed = recovers(failed, at + 2 + FLAP_SECONDS)
    assert closed.told and closed.incident.state is IncidentState.RESOLVED


def test_when_to_look_again():
    sign = Sign("k", True, ERROR, "t", wake_after=60)
    opened = met(None, sign, instance_id="i", event_id="e", at=NOW).incident
    assert opened.wake_at == NOW + 60
    later = stepped(opened, NOW + 120, ["sub"])
    assert (later.wake_at, later.escalated, later.revision) == (NOW + 120, ("sub",), 2)
    assert acknowledged(later, "ada", NOW).wake_at is None
    unwatched = fails(None, NOW).incident
    assert unwatched.wake_at is None
    assert met(unwatched, sign, instance_id="i", event_id="e", at=NOW + 5).incident.wake_at == NOW + 65


@pytest.mark.parametrize(
    ("outcome", "severity", "expected"),
    [
        (Outcome.FAILED, None, True),
        (Outcome.CORRUPT, Severity.INFO, True),
        (Outcome.MISSED, Severity.WARNING, True),
        (Outcome.OK, Severity.CRITICAL, False),
        (Outcome.PARTIAL, Severity.ERROR, None),
        (Outcome.WARNING, Severity.ERROR, None),
        (Outcome.STARTED, None, None),
        (None, Severity.ERROR, True),
        (None, Severity.WARNING, None),
        (None, None, None),
    ],
)
def test_what_fails(outcome, severity, expected):
    assert failing(Vocabulary(severity=severity, outcome=outcome)) is expected


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3_600, "1 h"),
        (11_520, "3 h 12 min"),
        (3_605, "1 h"),
        (90_000, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_durations_are_read_at_a_glance(seconds, shown):
    assert duration(seconds) == shown


steps = st.lists(
    st.tuples(
        st.sampled_from(["fails", "recovers", "time", "ack", "resolve"]),
        st.floats(0, 2_000),
        st.sampled_from(list(Severity)),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_whatever_comes_the_story_told_is_true(taken):
    """What people were told last is that it fails exactly while the incident is open; each opening is told,
    each incident is closed once, and failures are counted without loss."""
    known: Incident | None = None
    now, told_failing, failures, closed = NOW, False, 0, set[str]()
    for number, (what, passed, severity) in enumerate(taken):
        now += passed
        chapter: Chapter | None = None
        if known is not None and (calm := calmed(known, now)):
            known, told_failing = calm, False
        if what == "fails":
            chapter = fails(known, now, f"e{number}", severity)
            assert chapter is not None
            failures = 1 if chapter.part is Part.OPENING else failures + 1
            assert chapter.incident.failures == failures
            assert chapter.part is not Part.OPENING or chapter.told
        elif what == "recovers":
            chapter = recovers(known, now, f"e{number}")
        elif known is not None and what == "ack":
            known = acknowledged(known, "ada", now) or known
        elif known is not None and what == "resolve" and (by_hand := resolved(known, "ada", now)):
            known, told_failing = by_hand, False
        if chapter is not None:
            if known is not None and known.id == chapter.incident.id:
                assert chapter.incident.revision >= known.revision
            known = chapter.incident
            if chapter.told:
                told_failing = chapter.part is not Part.RECOVERY
            if chapter.part is Part.RECOVERY and chapter.told:
                assert known.id not in closed
                closed.add(known.id)
        if known is not None:
            assert told_failing == (known.state is not IncidentState.RESOLVED)
            assert known.calm_since is None or known.flapping
            assert (known.resolved_at is None) == (known.state is not IncidentState.RESOLVED)
            assert known.wake_at is None or known.telling or known.state is not IncidentState.RESOLVED
