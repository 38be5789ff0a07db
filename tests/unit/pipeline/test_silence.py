"""Silences at routing: what is suppressed, for how long, and what is not touched."""

import pytest
from structlog.testing import CapturingLogger

from gateway.domain.delivery import Hold, Planned, State, Window
from gateway.domain.destination import Destination, Subscription
from gateway.domain.event import Event
from gateway.domain.noise import NoisePolicy
from gateway.domain.silence import SILENCED_BY, Silence, SilenceState
from gateway.domain.source import Source
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline import silence as station
from gateway.pipeline.noise import Moment
from gateway.pipeline.route import plan
from gateway.pipeline.silence import hushes_by_instance, silence_over, silenced, silencer
from gateway.pipeline.snapshot import build
from gateway.ports import Configuration

FAILED = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "backup.failed"})
VIEW = EventView(FAILED, Vocabulary(resource="/vm/1"))
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
    assert silenced(None, (HELD, DUE), VIEW, 15.0) == [HELD, DUE]


ANY = (SourceRule("r"),)
ONCE = NoisePolicy(once_per_target=True, duplicates=True, digest=True)


def caused(*silences):
    """The deliveries of an event that two topics send to one place, by subscription."""
    source, destination = Source("s", "i", "s", 1.0, 1.0), Destination("d", "i", "d", "webhook", 1.0, 1.0)
    topics = [Topic(id, "i", id, 1.0, 1.0, sources=(TopicSource("s", ANY),), policy=ONCE) for id in "tu"]
    ways = [Subscription(f"way of {one.id}", "i", one.id, one.id, "d", 1.0, 1.0) for one in topics]
    snapshot = build(Configuration(1, (source, destination, *topics, *ways, *silences)), "")
    silence_ = silencer(snapshot.hushes.get("i"), VIEW, 15.0)
    found = plan(snapshot.routes["s"], VIEW, Moment(15.0, lambda _: 0.0), silence_).deliveries
    return {row.subscription_id: row for row in found}


def test_a_silenced_topic_tells_nobody_in_the_place_of_another():
    assert {id: row.state for id, row in caused().items()} == {
        "way of t": State.HELD,
        "way of u": State.SUPPRESSED,
    }
    found = caused(silence(topic="t"))
    assert found["way of u"].state is State.HELD, "the other topic tells it"
    assert found["way of t"].reason == SILENCED_BY + "z"
    assert (found["way of t"].hold, found["way of t"].window) == (None, None)
    both = caused(silence())
    assert {row.reason for row in both.values()} == {SILENCED_BY + "z"}


def test_a_rule_that_cannot_be_evaluated_silences_nothing_and_says_so():
    told = []
    hushes = hushes_by_instance([silence(rule='data.big =~ "(x+x+)+y"')], lambda *said: told.append(said))[
        "i"
    ]
    view = EventView(Event({"type": "a"}), Vocabulary(), {"big": "x" * 2_000_000})
    assert silenced(hushes, (DUE,), view, 15.0) == [DUE]
    assert told == [(("z",), "pattern_too_costly")]


def test_a_rule_of_another_version_silences_nothing(monkeypatch):
    log = CapturingLogger()
    monkeypatch.setattr(station, "log", log)
    assert over(silence(rule="a newer rule")) == []
    assert [call.args for call in log.calls] == [("silence.uncompilable",)]
