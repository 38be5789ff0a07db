"""Which deliveries an event causes, decided by an index that misses nothing."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.delivery import State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.event import Event
from gateway.domain.topic import SourceRule, Topic
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.route import RouteTable, exit_of, exits_of, plan, rule_problems

TYPES = ("backup.failed", "backup.ok", "sync.failed", "a", "")
RULES = (
    "",
    "type = backup.failed",
    "type starts-with backup.",
    "type in (a, sync.failed)",
    "not type = a",
    "type = a or type starts-with sync.",
    "type = a and type = backup.ok",
    'type matches "*.failed"',
)


def view(event_type: str) -> EventView:
    event = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": event_type})
    return EventView(event, Vocabulary())


def topic(number: int) -> Topic:
    return Topic(f"t{number}", "i", f"t{number}", float(number), float(number))


def leading(*names: str, enabled: bool = True, rule: str = "", recipients: tuple[str, ...] = ("",)):
    destination = Destination("d", "i", "d", "webhook", 0.0, 0.0, enabled=enabled)
    exits = [
        exit_of(Subscription(name, "i", name, "t", "d", 0.0, 0.0, rule=rule), destination, recipients)
        for name in names
    ]
    return exits_of(exits)


def planned(table: RouteTable | None, event_type: str):
    return plan(table, view(event_type)).deliveries


@given(st.lists(st.lists(st.sampled_from(RULES), max_size=3), max_size=5), st.sampled_from(TYPES))
def test_the_index_finds_what_asking_every_rule_would(topics, event_type):
    feeds = [
        (topic(number), [SourceRule(str(place), rule=rule) for place, rule in enumerate(rules)], leading("s"))
        for number, rules in enumerate(topics)
    ]
    found = [one.topic_id for one in planned(RouteTable(feeds), event_type)]
    alone = [
        planned(RouteTable([(one, [rule], exits)]), event_type)
        for one, rules, exits in feeds
        for rule in rules
    ]
    expected = sorted({row.topic_id for rows in alone for row in rows})
    assert found == expected, "each topic that takes the event once, in order"


def test_without_a_rule_a_topic_takes_nothing():
    assert planned(RouteTable([(topic(1), [], leading("s"))]), "a") == ()
    assert planned(None, "a") == ()


def test_a_disabled_rule_takes_nothing():
    assert planned(RouteTable([(topic(1), [SourceRule("r", enabled=False)], leading("s"))]), "a") == ()


def test_each_subscription_and_recipient_gets_a_delivery_of_its_own():
    table = RouteTable([(topic(1), [SourceRule("r")], leading("s1", "s2", recipients=("a@x", "b@x")))])
    rows = planned(table, "a")
    assert [(row.subscription_id, row.recipient) for row in rows] == [
        ("s1", "a@x"),
        ("s1", "b@x"),
        ("s2", "a@x"),
        ("s2", "b@x"),
    ]
    assert len({row.id for row in rows}) == 4


def test_a_subscription_may_narrow_what_its_topic_takes():
    table = RouteTable([(topic(1), [SourceRule("r")], leading("s", rule="type = a"))])
    assert len(planned(table, "a")) == 1 and planned(table, "backup.ok") == ()


def test_a_disabled_destination_holds_and_an_enabled_one_is_pending_until_a_lane_has_room():
    def state_of(enabled: bool):
        table = RouteTable([(topic(1), [SourceRule("r")], leading("s", enabled=enabled))])
        return [(row.state, row.reason) for row in planned(table, "a")]

    assert state_of(False) == [(State.HELD, "destination_disabled")]
    assert state_of(True) == [(State.PENDING, "")]


def test_what_is_no_rule_is_pointed_at():
    problems = rule_problems(
        {"/rule": "severity >= eror", "/sources/0/rules/0/event_type_filter": "$.type =="}
    )
    assert [one.pointer for one in problems] == ["/rule", "/sources/0/rules/0/event_type_filter"]
    assert rule_problems({"/rule": "severity >= error", "/x/event_type_filter": "$.*"}) == []


def naming(name: object, table: RouteTable) -> list[str]:
    """The topics that an event reaches which names one."""
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": "a"}
    named = attributes if name is None else {**attributes, "tocsintopic": name}
    return [one.topic_id for one in plan(table, EventView(Event(named), Vocabulary())).deliveries]


def test_a_topic_that_is_named_takes_the_event_once_whatever_its_rules_say():
    rule = SourceRule("r", rule="type = a")
    table = RouteTable([(topic(1), [rule], leading("s")), (topic(2), [], leading("s"))])
    assert naming(None, table) == ["t1"]
    assert naming("t1", table) == ["t1"]
    assert naming("t2", table) == ["t1", "t2"]
    assert naming("t3", table) == naming(7, table) == ["t1"]


def test_what_names_no_topic_that_is_there_goes_to_the_default_too():
    rule = SourceRule("r", rule="type = b")
    feeds = [(topic(number), [rule], leading("s")) for number in (1, 2)]
    table = RouteTable(feeds, default="t2")
    assert naming(None, table) == naming("t3", table) == ["t2"]
    assert naming("t1", table) == ["t1"]


def test_an_id_wins_over_the_name_of_another_topic():
    other = Topic("x", "i", "t2", 1.0, 1.0)
    table = RouteTable([(other, [], leading("s")), (topic(2), [], leading("s"))])
    assert naming("t2", table) == ["t2"]


def test_a_subscription_still_wants_what_its_own_rule_wants():
    table = RouteTable([(topic(1), [], leading("s", rule="type = b"))])
    assert naming("t1", table) == []
