"""An explanation names exactly the deliveries that routing plans, on whatever configuration and event."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.delivery import State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.event import Event
from gateway.domain.severity import Severity
from gateway.domain.silence import SILENCED_BY, Silence
from gateway.domain.source import Source
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.explain import Arrangement, Why, explain
from gateway.pipeline.route import plan
from gateway.pipeline.silence import silenced
from gateway.pipeline.snapshot import build
from gateway.ports import Configuration

RULES = st.sampled_from(
    (
        "", "type = a", "type starts-with a", "type in (a, b)", "severity >= error", "not severity = info",
        "subject = s1", "subject = s1 and type = b", "resource starts-with /r/1", "data.n > 3", "data.t = x",
        "data.items[*].n = 1", 'subject =~ "^s[12]$"', "actor exists", "false",
        "type = a or subject = s2", "weekday(UTC) = sun", 'data.big =~ "(x+x+)+y"',
    )
)  # fmt: skip
FILTERS = st.sampled_from(
    ("$.*", "$.type == 'a'", "$.data[?(@.n == 1)]", "$.subject =~ 's1|s2'", "$..*..*..* == 1")
)
SOURCES = ("1", "2")
DESTINATIONS = [
    Destination("up", "i", "up", "webhook", 1.0, 1.0),
    Destination("down", "i", "down", "webhook", 1.0, 1.0, enabled=False),
]
DATA = (
    None, {"n": 5}, {"t": "x"}, {"items": [{"n": 1}]}, {"big": "x" * 9}, {"big": "x" * 2_000_000},
    {"deep": [[[1] * 30] * 30] * 30},
)  # fmt: skip
ENABLED = st.sampled_from((True, True, True, False))

rules = st.builds(SourceRule, st.just("r"), enabled=ENABLED, event_type_filter=FILTERS, rule=RULES)
feeds = st.builds(TopicSource, st.sampled_from(SOURCES), st.lists(rules, max_size=3).map(tuple))


@st.composite
def configurations(draw):
    topics = [
        Topic(
            f"t{number}", "i", f"name {number % 5}", float(draw(st.integers(0, 3))), 1.0,
            enabled=draw(ENABLED), fallback=draw(st.sampled_from((False, False, True))),
            sources=draw(st.lists(feeds, max_size=2, unique_by=lambda feed: feed.source_id).map(tuple)),
        )
        for number in range(draw(st.integers(0, 12)))
    ]  # fmt: skip
    subscriptions = [
        Subscription(
            f"s{number}", "i", f"s{number}", draw(st.sampled_from([f"t{one}" for one in range(12)])),
            draw(st.sampled_from(("up", "down", "gone"))), 1.0, 1.0, enabled=draw(ENABLED), rule=draw(RULES),
        )
        for number in range(draw(st.integers(0, 15)))
    ]  # fmt: skip
    silences = [
        Silence(
            f"z{number}", draw(st.sampled_from("iiij")), draw(RULES), start, start + draw(st.integers(1, 3)),
            "", "", draw(st.sampled_from((1.0, 2.0))), 1.0,
            draw(st.sampled_from((None, "t1", "t2"))),
        )
        for number in range(draw(st.integers(0, 6)))
        for start in [draw(st.integers(0, 3))]
    ]  # fmt: skip
    foreign = Topic("foreign", "j", "", 1.0, 1.0, fallback=True)
    chosen = st.sampled_from(("", "", "t1", "t2", "gone"))
    sources = [Source(one, "i", one, 1.0, 1.0, topic_id=draw(chosen)) for one in SOURCES]
    return Configuration(1, (*sources, *DESTINATIONS, *topics, *subscriptions, *silences, foreign))


@st.composite
def views(draw):
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": draw(st.sampled_from("abc"))}
    optional = {
        "subject": st.sampled_from(("s1", "s2", "s3")),
        "time": st.just("2026-03-01T08:00:00Z"),
        "tocsintopic": st.sampled_from(("t1", "name 1", "t3", "nobody")),
    }
    attributes |= {name: draw(values) for name, values in optional.items() if draw(st.booleans())}
    words = Vocabulary(
        severity=draw(st.none() | st.sampled_from(Severity)),
        resource=draw(st.none() | st.sampled_from(("/r/1", "/r/2"))),
        actor=draw(st.none() | st.just("root")),
    )
    return EventView(Event(attributes), words, draw(st.sampled_from(DATA)))


@given(configurations(), views(), st.sampled_from(SOURCES), st.integers(0, 6))
@settings(max_examples=150, deadline=None)
def test_what_is_explained_is_what_is_planned(configuration, view, source, at):
    snapshot = build(configuration, "")
    caused = plan(snapshot.routes.get(source), view)
    verdicts = explain(Arrangement.of("i", configuration.entities), source, view, at=at)
    explained = [
        (verdict.topic.id, row.subscription.id, row.subscription.destination_id, recipient)
        for verdict in verdicts
        for row in verdict.exits
        for recipient in row.recipients
    ]
    planned = [
        (row.topic_id, row.subscription_id, row.destination_id, row.recipient) for row in caused.deliveries
    ]
    assert sorted(explained) == sorted(planned)
    assert sorted(verdict.topic.id for verdict in verdicts if verdict.took) == sorted(caused.topics)
    told = silenced(snapshot.hushes.get("i"), caused.deliveries, view, at)
    assert {(row.topic_id, row.reason) for row in told if row.state is State.SUPPRESSED} == {
        (verdict.topic.id, SILENCED_BY + row.silence.id)
        for verdict in verdicts
        for row in verdict.exits
        if row.silence
    }
    for verdict in verdicts:
        for row in verdict.exits:
            assert row.wanted is bool(row.recipients)
            decided = row.explained is not None and (row.explained.findings or not row.subscription.rule)
            assert decided or row.why is not Why.WANTED or row.subscription.rule == "false"


def test_what_is_quarantined_is_taken_by_nothing():
    topic = Topic("t", "i", "", 1.0, 1.0, fallback=True)
    view = EventView(Event({"type": "a"}), Vocabulary())
    (verdict,) = explain(Arrangement.of("i", [topic]), "1", view, quarantined=True)
    assert (verdict.took, verdict.why) == (False, Why.QUARANTINED)
