"""The configuration in force, indexed."""

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

SOURCE = Source("s", "i", "s", 1.0, 1.0)
TOPIC = Topic("t", "i", "t", 1.0, 1.0, sources=(TopicSource("s", (SourceRule("r"),)),))
VIEW = EventView(
    Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "backup.failed"}), Vocabulary()
)


@pytest.mark.parametrize(
    ("kind", "address"),
    [("webhook", {"a_field_of_another_version": 1}), ("a-kind-that-is-not-installed", {})],
)
def test_what_a_subscription_wants_is_planned_although_its_address_cannot_be_read(kind, address):
    destination = Destination("d", "i", "d", kind, 1.0, 1.0)
    subscription = Subscription("x", "i", "x", "t", "d", 1.0, 1.0, address=address)
    snapshot = build(Configuration(1, (SOURCE, TOPIC, destination, subscription)), "")
    assert subscription.id not in snapshot.addresses
    planned = plan(snapshot.routes["s"], VIEW).deliveries
    assert [(one.subscription_id, one.recipient) for one in planned] == [("x", "")]
    assert snapshot.reaches(subscription.id, "")
