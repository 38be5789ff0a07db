"""Silences at routing: what is suppressed, for how long, and what is not touched."""

import pytest
from structlog.testing import CapturingLogger

from gateway.domain.delivery import Hold, Planned, State, Window
from gateway.domain.event import Event
from gateway.domain.silence import SILENCED_BY, Silence, SilenceState
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline import silence as station
from gateway.pipeline.silence import hushes_by_instance, silence_over, silenced

VIEW = EventView(Event({"type": "backup.failed"}), Vocabulary(resource="/vm/1"))
HELD = Planned("d1", "t1", "s1", "d", "", State.HELD, "digest", Hold("k", 9.0), Window(b"w", 9.0))
DUE = Planned("d2", "t2", "s2", "d")


def silence(id="z", rule="type = backup.failed", start=10.0, end=20.0, topic=None, created=1.0):
    return Silence(id, "i", rule, start, end, "me", "because", created, created, topic)


def over(*silences, at=15.0, planned=(HELD, DUE)):
    hushes = hushes_by_instance(silences, lambda *_: None).get("i")
    return [row.reason for row in silenced(hushes, planned, VIEW, at) if row.state is State.SUPPRESSED]


def test_what_is_silenced_waits_for_nothing():
    hushes = hushes_by_instance([silence()], lambda *_: None)["i"]
    first, second = silenced(hushes, (HELD, DUE), VIEW, 15.0)
    assert first == Planned("d1", "t1", "s1", "d", "", State.SUPPRESSED, SILENCED_BY + "z")
    assert second.state is State.SUPPRESSED


@pytest.mark.parametrize(
    ("at", "state", "count"),
    [(9.9, "pending", 0), (10.0, "active", 2), (19.9, "active", 2), (20.0, "ended", 0), (99.0, "ended", 0)],
)
def test_it_is_over_what_comes_from_its_start_to_before_its_end(at, state, count):
    assert silence().state(at) is SilenceState(state)
    assert len(over(silence(), at=at)) == count
    assert bool(silence_over([silence()], "t1", VIEW, at)) is bool(count)


def test_of_several_the_oldest_is_named():
    younger, older = silence("a", created=2.0), silence("b", created=1.0)
    assert over(younger, older) == [SILENCED_BY + "b"] * 2


def test_one_of_a_topic_leaves_the_others_alone():
    assert over(silence(topic="t2")) == [SILENCED_BY + "z"]
    assert over(silence("a", topic="t2"), silence("b", created=2.0)) == [SILENCED_BY + "b", SILENCED_BY + "a"]


def test_what_it_does_not_match_is_told():
    assert over(silence(rule="type = other"), silence("y", rule="data.x = 1")) == []
    assert silenced(None, (HELD, DUE), VIEW, 15.0) == (HELD, DUE)


def test_a_rule_that_cannot_be_evaluated_silences_nothing_and_says_so():
    told = []
    hushes = hushes_by_instance([silence(rule='data.big =~ "(x+x+)+y"')], lambda *said: told.append(said))[
        "i"
    ]
    view = EventView(Event({"type": "a"}), Vocabulary(), {"big": "x" * 2_000_000})
    assert silenced(hushes, (DUE,), view, 15.0) == (DUE,)
    assert told == [(("z",), "pattern_too_costly")]


def test_a_rule_of_another_version_silences_nothing(monkeypatch):
    log = CapturingLogger()
    monkeypatch.setattr(station, "log", log)
    assert over(silence(rule="a newer rule")) == []
    assert [call.args for call in log.calls] == [("silence.uncompilable",)]
