"""What policies do to deliveries when they are planned."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.delivery import State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.event import DataForm, Event
from gateway.domain.noise import (
    UNSAID,
    Digest,
    DuplicateWindow,
    Grouping,
    NoisePolicy,
    RateLimit,
)
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.pipeline.noise import Moment
from gateway.pipeline.route import plan
from gateway.pipeline.snapshot import build
from gateway.ports import Configuration
from gateway.spi.cloudevents.payload import payload

SOURCE = Source("s", "i", "s", 1.0, 1.0)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
NIGHT = NOON + 12 * 3600
HOUR = 3600.0


def view(
    data: object = None, *, severity=Severity.ERROR, outcome=Outcome.FAILED, **given: object
) -> EventView:
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": "backup.done"}
    words = {name: given.pop(name) for name in ("title", "resource", "task_id", "job") if name in given}
    event = Event({**attributes, **given}, orjson.dumps(data), DataForm.JSON)
    return EventView(event, Vocabulary(severity=severity, outcome=outcome, **words), payload(event))


def topic(name: str = "t", policy: NoisePolicy = UNSAID) -> Topic:
    return Topic(name, "i", name, 1.0, 1.0, sources=(TopicSource("s", (SourceRule("r"),)),), policy=policy)


def subscription(name: str, to: str = "d", of: str = "t", **fields) -> Subscription:
    return Subscription(name, "i", name, of, to, 1.0, 1.0, **fields)


def planned(seen: EventView, *rows, now: float = NOON, full: float = 0.0, **policy):
    """The deliveries of an event, of these rows or of one subscription whose topic has this policy."""
    rows = rows or (topic(policy=NoisePolicy(**policy)), subscription("x"))
    destination = Destination("d", "i", "d", "webhook", 1.0, 1.0)
    snapshot = build(Configuration(1, (SOURCE, destination, *rows)), "")
    return plan(snapshot.routes["s"], seen, Moment(now, lambda _: full)).deliveries


def one(seen: EventView, **given):
    (row,) = planned(seen, **given)
    return row


def test_without_a_policy_nothing_is_held():
    row = one(view())
    assert (row.state, row.hold, row.window) == (State.PENDING, None, None)


def test_a_digest_holds_what_its_rule_takes_until_its_next_time():
    routine = Digest("severity in (info, notice)", time="09:00")
    row = one(view(severity=Severity.INFO), digest=routine)
    assert (row.state, row.reason, row.hold.until) == (State.HELD, "digest", NOON + 21 * HOUR)
    assert one(view(), digest=routine).state is State.PENDING


def test_a_digest_whose_rule_cannot_be_evaluated_or_read_takes_nothing():
    assert one(view({"n": 1}), digest=Digest('data.n > "x"')).state is State.PENDING
    assert one(view(), digest=Digest("severity >=")).state is State.PENDING
    assert one(view(), digest=Digest(zone="Nowhere/Land")).state is State.PENDING


def test_quiet_hours_let_through_what_is_severe_enough():
    row = one(view(), now=NIGHT, quiet_hours=True)
    assert (row.reason, row.hold.until, row.hold.rank) == ("quiet_hours", NIGHT + 7 * HOUR, Severity.ERROR)
    assert one(view(severity=Severity.CRITICAL), now=NIGHT, quiet_hours=True).state is State.PENDING
    assert one(view(severity=None), now=NIGHT, quiet_hours=True).state is State.HELD
    assert one(view(), quiet_hours=True).state is State.PENDING


def test_groups_are_by_the_values_of_operands():
    grouping = Grouping(30.0, ("resource", "data.pool"))
    rows = [
        one(view({"pool": pool, "id": number}, resource=resource), grouping=grouping)
        for number, (resource, pool) in enumerate(
            [("a", 1), ("a", 1), ("a", "1"), ("b", 1), ("a", 2), ("a", None)]
        )
    ]
    assert {row.reason for row in rows} == {"grouped"}
    streams = [row.hold.stream for row in rows]
    assert streams[0] == streams[1] == streams[2] and len(set(streams)) == 4
    assert rows[0].hold.until == NOON + 30


def test_what_is_known_to_be_over_its_limit_waits_without_asking():
    row = one(view(), full=NOON + 40, rate_limit=True)
    assert (row.state, row.reason, row.hold.until) == (State.HELD, "rate_limited", NOON + 40)
    assert one(view(), rate_limit=RateLimit(1, 5.0)).state is State.PENDING


def test_policies_come_in_their_order():
    everything = {
        "duplicates": True,
        "digest": Digest('severity = "info"'),
        "quiet_hours": True,
        "grouping": True,
        "rate_limit": True,
    }
    reasons = [
        one(view(severity=severity), now=now, full=now + 1, **everything).reason
        for severity, now in [
            (Severity.INFO, NIGHT),
            (Severity.ERROR, NIGHT),
            (Severity.CRITICAL, NIGHT),
            (Severity.ERROR, NOON),
        ]
    ]
    assert reasons == ["digest", "quiet_hours", "grouped", "grouped"]
    assert one(view(severity=Severity.INFO), **everything).window.until == NOON + 300


def test_a_subscription_goes_before_its_topic():
    rows = (
        topic(policy=NoisePolicy(quiet_hours=True)),
        subscription("x", policy=NoisePolicy(quiet_hours=False)),
    )
    (row,) = planned(view(), *rows, now=NIGHT)
    assert row.state is State.PENDING


def key(seen: EventView, *operands: str) -> bytes:
    return one(seen, duplicates=DuplicateWindow(60.0, operands)).window.key


def test_the_same_but_for_id_time_and_task_is_a_duplicate():
    def run(number: int, **changed) -> EventView:
        upid = f"UPID:pve:0000{number}:vzdump:101"
        data = {
            "status": "failed",
            "job": {"name": "nightly", "id": 7, "started_at": number, "log": f"task {upid} failed"},
            "task": {"id": number, "type": "vzdump"},
            "Start-Time": number,
            "run": number,
            "errors": [{"text": "no space", "timestamp": number}],
        } | changed.pop("data", {})
        given = {
            "id": str(number),
            "time": f"2026-11-20T12:00:0{number}Z",
            "task_id": upid,
            "resource": "vm/101",
        }
        return view(data, **given | changed)

    first = key(run(1))
    assert first == key(run(2))
    assert first != key(run(2, resource="vm/102"))
    assert first != key(run(2, outcome=Outcome.OK))
    assert first != key(run(2, severity=Severity.WARNING))
    assert first != key(run(2, data={"status": "warning"}))
    assert first != key(run(2, data={"job": {"name": "nightly", "id": 8}}))
    assert first != key(run(2, type="backup.other"))


def test_a_stated_key_decides_alone_but_for_the_outcome():
    def seen(**given) -> EventView:
        return view({"pool": "tank", "free": 10}, **given)

    first = key(seen(resource="a", title="one"), "resource", "data.pool")
    assert first == key(seen(resource="a", title="two", type="x"), "resource", "data.pool")
    assert first != key(seen(resource="b"), "resource", "data.pool")
    assert first != key(seen(resource="a", outcome=Outcome.OK), "resource", "data.pool")
    assert key(seen(outcome=None), "data.pool") != key(seen(outcome=None, type="x"), "data.pool")


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4)
names = st.sampled_from(["a", "b", "id", "time", "task", "task_id", "Timestamp", "value"])
bodies = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(bodies, st.randoms())
def test_the_order_of_members_says_nothing(data, random):
    def shuffled(value):
        if isinstance(value, dict):
            members = [(name, shuffled(inner)) for name, inner in value.items()]
            random.shuffle(members)
            return dict(members)
        return [shuffled(inner) for inner in value] if isinstance(value, list) else value

    assert key(view(data)) == key(view(shuffled(data)))


@given(bodies, bodies)
def test_what_differs_beyond_times_and_ids_is_not_the_same(data, other):
    def lasting(value, within=""):
        if isinstance(value, dict):
            kept = {
                name: inner for name, inner in value.items() if name not in ("time", "Timestamp", "task_id")
            }
            if within in ("", "task"):
                kept.pop("id", None)
            return {name: lasting(inner, name) for name, inner in kept.items()}
        return [lasting(inner, within) for inner in value] if isinstance(value, list) else value

    seen = [key(view(each, id="no-such-id")) for each in (data, other)]
    same = orjson.dumps(lasting(data), option=orjson.OPT_SORT_KEYS) == orjson.dumps(
        lasting(other), option=orjson.OPT_SORT_KEYS
    )
    assert (seen[0] == seen[1]) == same


ONCE = NoisePolicy(once_per_target=True)


def told(*rows, now=NOON):
    return {row.subscription_id: (row.state, row.reason) for row in planned(view(), *rows, now=now)}


def test_an_event_of_two_topics_goes_to_one_target_once():
    rows = [topic("t", ONCE), topic("u", ONCE), subscription("x"), subscription("y", of="u")]
    found = planned(view(), *rows)
    assert [row.state for row in found] == [State.PENDING, State.SUPPRESSED]
    assert found[1].reason == f"same_target:{found[0].id}"


def test_the_one_that_goes_out_at_once_is_the_one_that_goes():
    later = NoisePolicy(once_per_target=True, digest=True)
    rows = [topic("t", later), topic("u", ONCE), subscription("x"), subscription("y", of="u")]
    found = told(*rows)
    assert found["y"] == (State.PENDING, "") and found["x"][0] is State.SUPPRESSED


def test_what_does_not_ask_for_it_goes_out_in_any_case():
    rows = [topic("t"), topic("u", ONCE), subscription("x"), subscription("y", of="u")]
    assert [state for state, _ in told(*rows).values()] == [State.PENDING, State.SUPPRESSED]


def test_what_is_silenced_makes_nothing_else_needless():
    def silence(rows):
        return [
            row._replace(state=State.SUPPRESSED, reason="silenced_by:1") if row.topic_id == "t" else row
            for row in rows
        ]

    rows = [topic("t", ONCE), topic("u", ONCE), subscription("x"), subscription("y", of="u")]
    destination = Destination("d", "i", "d", "webhook", 1.0, 1.0)
    snapshot = build(Configuration(1, (SOURCE, destination, *rows)), "")
    found = plan(snapshot.routes["s"], view(), Moment(NOON, lambda _: 0.0), silence).deliveries
    assert [(row.state, row.reason) for row in found] == [
        (State.SUPPRESSED, "silenced_by:1"),
        (State.PENDING, ""),
    ]


@pytest.mark.parametrize(
    ("one_address", "other_address", "once"),
    [
        ({"path": "/a"}, {"path": "/b"}, False),
        ({"path": "/a"}, {"path": "/a", "template_id_notification": "x"}, True),
    ],
)
def test_another_address_is_another_target(one_address, other_address, once):
    rows = [
        topic("t", ONCE),
        subscription("x", address=one_address),
        subscription("y", address=other_address),
    ]
    states = [state for state, _ in told(*rows).values()]
    assert (State.SUPPRESSED in states) == once
