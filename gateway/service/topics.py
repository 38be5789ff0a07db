"""Topics: which events of which sources land where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.domain.errors import Conflict, Invalid, Malformed, NotFound, Problem
from gateway.domain.ids import SourceId, TopicId, new_id
from gateway.domain.source import Instance
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.pipeline.route import joint_problems, rule_problems
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Put, Remove
from gateway.service.configuration import Configurator, Decision
from gateway.service.noise import check_policy, with_policy


class Topics:
    """Use cases over topics."""

    def __init__(self, configurator: Configurator) -> None:
        self._configurator = configurator

    async def create(self, instance: Instance, fields: Mapping[str, object]) -> Topic:
        """A new topic. Raises Invalid for a rule that is none, Malformed for a source that is not there."""
        return await self._put(instance, None, fields)

    async def replace(self, instance: Instance, topic_id: str, fields: Mapping[str, object]) -> Topic:
        """Change a topic; `sources`, where given, replaces the whole set."""
        return await self._put(instance, topic_id, fields)

    def proposed(
        self, snapshot: Snapshot, instance: Instance, topic_id: str | None, fields: Mapping[str, object]
    ) -> Topic:
        """The topic as it would be, a new one without an id; nothing is saved. Raises as `replace` does."""
        now = self._configurator.clock.now()
        known = (
            find_topic(snapshot, instance, topic_id)
            if topic_id is not None
            else Topic(TopicId(new_id()), instance.id, "", now, now)
        )
        topic = self._stamped(replace(known, **with_policy(known.policy, fields), updated_at=now))
        _check(snapshot, topic)
        check_policy(snapshot, topic, known.policy)
        return topic

    async def _put(self, instance: Instance, topic_id: str | None, fields: Mapping[str, object]) -> Topic:
        def decide(snapshot: Snapshot) -> Decision[Topic]:
            topic = self.proposed(snapshot, instance, topic_id, fields)
            return Decision(topic, [Put(topic)])

        return await self._configurator.change(decide)

    async def delete(self, instance: Instance, topic_id: str) -> None:
        """Remove a topic that no subscription uses. Raises Conflict naming those that do."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            topic = find_topic(snapshot, instance, topic_id)
            users = [row.name for row in snapshot.subscriptions.values() if row.topic_id == topic.id]
            refuse_in_use("topic", users)
            return Decision(None, [Remove(topic)])

        await self._configurator.change(decide)

    def _stamped(self, topic: Topic) -> Topic:
        """Give every rule its id and time, as IBM's clients read them."""
        feeds = tuple(
            TopicSource(feed.source_id, tuple(self._stamp(rule, topic.updated_at) for rule in feed.rules))
            for feed in topic.sources
        )
        return replace(topic, sources=feeds)

    @staticmethod
    def _stamp(rule: SourceRule, now: float) -> SourceRule:
        return rule if rule.id else replace(rule, id=new_id(), updated_at=now)


def find_topic(snapshot: Snapshot, instance: Instance, topic_id: str) -> Topic:
    """A topic of this instance. Raises NotFound."""
    topic = snapshot.topics.get(TopicId(topic_id))
    if topic is None or topic.instance_id != instance.id:
        raise NotFound("topic_not_found", f"there is no topic {topic_id!r}")
    return topic


def refuse_in_use(what: str, users: Sequence[str]) -> None:
    """Refuse to delete what subscriptions use."""
    if users:
        names = ", ".join(sorted(users)[:10])
        raise Conflict("in_use", f"{what} is used by subscriptions: {names}", expected="delete them first")


def _check(snapshot: Snapshot, topic: Topic) -> None:
    problems: list[Problem] = []
    for number, feed in enumerate(topic.sources):
        _check_source(snapshot, topic, feed.source_id, number)
        for position, rule in enumerate(feed.rules):
            problems += problems_of(f"/sources/{number}/rules/{position}", rule)
    if problems:
        raise Invalid.of(problems)


def problems_of(place: str, rule: SourceRule) -> list[Problem]:
    """What is wrong with each part; if nothing, what is wrong with them as routing joins them."""
    parts = {
        f"{place}/event_type_filter": rule.event_type_filter,
        f"{place}/notification_filter": rule.notification_filter,
        f"{place}/rule": rule.rule,
    }
    return rule_problems(parts) or joint_problems(place, *parts.values())


def _check_source(snapshot: Snapshot, topic: Topic, source_id: SourceId, number: int) -> None:
    if snapshot.source(topic.instance_id, source_id) is None:
        raise Malformed(
            "wrong_source_id",
            f"Incorrect source id {source_id!r}",
            pointer=f"/sources/{number}/id",
            expected="the id of a source of this instance",
        )
