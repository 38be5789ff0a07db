"""A fallback topic takes what no other topic of its instance took, and nothing else."""

from dataclasses import replace

import pytest

from gateway.domain.destination import Destination, Subscription
from gateway.domain.event import Event
from gateway.domain.source import Source
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.route import plan
from gateway.pipeline.snapshot import build
from gateway.ports import Configuration

ONE, TWO, FOREIGN = (
    Source(id, instance, id, 1.0, 1.0) for id, instance in (("1", "i"), ("2", "i"), ("3", "j"))
)
DESTINATION = Destination("d", "i", "d", "webhook", 1.0, 1.0)
FAILED = Topic(
    "failed", "i", "", 2.0, 2.0, sources=(TopicSource("1", (SourceRule("r", rule="type = failed"),)),)
)
REST = Topic("rest", "i", "", 1.0, 1.0, fallback=True)


def taking(source_id, event_type, *topics):
    """The topics that take an event, and those that deliver it."""
    subscriptions = [Subscription(one.id, "i", one.id, one.id, "d", 1.0, 1.0) for one in topics]
    rows = (ONE, TWO, FOREIGN, DESTINATION, *topics, *subscriptions)
    event = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": event_type})
    caused = plan(build(Configuration(1, rows), "").routes.get(source_id), EventView(event, Vocabulary()))
    assert [row.topic_id for row in caused.deliveries] == list(caused.topics)
    return list(caused.topics)


@pytest.mark.parametrize(
    ("source", "type", "topics"),
    [("1", "failed", ["failed"]), ("1", "ok", ["rest"]), ("2", "failed", ["rest"]), ("3", "failed", [])],
)
def test_it_takes_what_no_other_topic_took(source, type, topics):
    assert taking(source, type, FAILED, REST) == topics


def test_several_take_the_same_and_do_not_count_as_others():
    other = replace(REST, id="rest-2")
    assert taking("1", "ok", FAILED, REST, other) == ["rest", "rest-2"]
    assert taking("1", "failed", FAILED, REST, other) == ["failed"]


def test_with_sources_it_takes_only_what_its_rules_take_of_them():
    narrow = replace(
        REST, sources=(TopicSource("1", (SourceRule("r", rule="severity >= error or type = x"),)),)
    )
    assert taking("1", "x", FAILED, narrow) == ["rest"]
    assert taking("1", "ok", FAILED, narrow) == []
    assert taking("2", "x", FAILED, narrow) == []


def test_what_is_not_enabled_neither_takes_nor_stands_in_its_way():
    assert taking("1", "failed", replace(FAILED, enabled=False), REST) == ["rest"]
    assert taking("1", "ok", FAILED, replace(REST, enabled=False)) == []


def test_a_topic_that_lists_a_source_twice_takes_its_events_once():
    rules = (SourceRule("r2", rule="severity >= info or type = failed"), SourceRule("r3", rule="type = ok"))
    twice = replace(FAILED, sources=(*FAILED.sources, TopicSource("1", rules)))
    assert taking("1", "failed", twice) == ["failed"]
    assert taking("1", "ok", twice) == ["failed"]
