"""Rules that routing could not compile are refused when saved; what got in otherwise matches nothing."""

import pytest
from structlog.testing import capture_logs

from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Invalid
from gateway.domain.event import Event
from gateway.domain.topic import SourceRule, TopicSource
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.route import plan
from gateway.service.subscriptions import Subscriptions
from gateway.service.topics import Topics
from tests.unit.service.configuring import INSTANCE, MANY_PATHS, configured, topic

TOO_COMPLEX = {"event_type_filter": MANY_PATHS, "notification_filter": MANY_PATHS}
TOO_LONG = " or ".join(f"type = {number}" for number in range(4000))
EVENT = EventView(Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "a"}), Vocabulary())


def feeds(**rule):
    return {"name": "t", "sources": (TopicSource("s", (SourceRule("", **rule),)),)}


async def test_parts_that_are_too_much_together_are_refused_and_not_stored():
    registry, _, configurator = await configured()
    topics = Topics(configurator)
    for part in TOO_COMPLEX.items():
        await topics.create(INSTANCE, feeds(**dict([part])))
    version = registry.number
    with pytest.raises(Invalid) as refused:
        await topics.create(INSTANCE, feeds(**TOO_COMPLEX))
    [problem] = refused.value.problems
    assert (problem.code, problem.pointer) == ("rule_too_complex", "/sources/0/rules/0")
    assert registry.number == version


async def test_a_subscriptions_rule_is_compiled_before_it_is_stored():
    registry, _, configurator = await configured(topic(), Destination("d", "i", "d", "webhook", 1.0, 1.0))
    with pytest.raises(Invalid) as refused:
        await Subscriptions(configurator).create(
            INSTANCE, {"name": "n", "topic_id": "t", "destination_id": "d", "rule": TOO_LONG}
        )
    assert refused.value.problems[0].pointer == "/rule" and registry.number == 1


async def test_a_store_with_rules_that_cannot_be_compiled_starts_without_them():
    destination = Destination("d", "i", "d", "webhook", 1.0, 1.0)
    bad = Subscription("s-bad", "i", "bad", "good", "d", 1.0, 1.0, rule="severity >= eror")
    good = Subscription("s-good", "i", "good", "good", "d", 1.0, 1.0)
    with capture_logs() as logs:
        _, current, _ = await configured(
            topic("broken", **TOO_COMPLEX), topic("good"), destination, bad, good
        )
    planned = plan(current.snapshot.routes["s"], EVENT).deliveries
    assert [row.subscription_id for row in planned] == ["s-good"]
    told = [entry for entry in logs if entry["event"] == "rule.uncompilable"]
    assert {entry.get("topic") or entry.get("subscription") for entry in told} == {"broken", "s-bad"}
