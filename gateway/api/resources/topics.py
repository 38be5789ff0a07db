"""Handlers of topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.base import PageQuery, page_frame, select
from gateway.api.shapes.counts import HistoryAnswer, history_answer
from gateway.api.shapes.subscriptions import subscription_list_item
from gateway.api.shapes.topic_tests import TopicTest, TopicTestAnswer, topic_sample, topic_test_answer
from gateway.api.shapes.topics import (
    TopicAnswer,
    TopicCreate,
    TopicPage,
    TopicQuery,
    TopicReplace,
    topic_answer,
    topic_fields,
    topic_list_item,
)
from gateway.domain.source import OWN_NAME, SELF
from gateway.domain.topic import Topic
from gateway.service.counting import History
from gateway.service.noise import target_names
from gateway.service.services import Services
from gateway.service.topics import find_topic
from gateway.service.warnings import idle_rules, subjects_of, topic_warnings


class TopicHandlers:
    """What the API does with topics."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[TopicCreate, Any]) -> TopicAnswer:
        """Create a topic."""
        return self._shown(await self._services.topics.create(call.instance, topic_fields(call.body)))

    async def list(self, call: Call[Any, PageQuery]) -> TopicPage:
        """Topics by age."""
        snapshot = self._services.current.snapshot
        shown, total = select(snapshot.topics.values(), call.instance, call.query)
        users = [row.topic_id for row in snapshot.subscriptions.values()]
        items = [topic_list_item(row, self._source_names(), users.count(row.id)) for row in shown]
        return TopicPage(topics=items, **page_frame(call.request.path, call.query, total))

    async def show(self, call: Call[Any, TopicQuery]) -> TopicAnswer:
        """One topic."""
        snapshot = self._services.current.snapshot
        topic = find_topic(snapshot, call.instance, call.path["id"])
        histories = await self._services.counting.lately(subjects_of(topic))
        return self._shown(topic, idle_rules(topic, snapshot, histories), histories.get(topic.id))

    async def counts(self, call: Call[Any, Any]) -> HistoryAnswer:
        """What one topic did, by day."""
        topic = find_topic(self._services.current.snapshot, call.instance, call.path["id"])
        return history_answer((await self._services.counting.histories([topic.id]))[topic.id])

    async def replace(self, call: Call[TopicReplace, Any]) -> TopicAnswer:
        """Change a topic."""
        fields = topic_fields(call.body)
        return self._shown(await self._services.topics.replace(call.instance, call.path["id"], fields))

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a topic that no subscription uses."""
        await self._services.topics.delete(call.instance, call.path["id"])

    async def test(self, call: Call[TopicTest, Any]) -> TopicTestAnswer:
        """Send a test event to everything that the topic leads to, and wait for what becomes of it."""
        topic = find_topic(self._services.current.snapshot, call.instance, call.path["id"])
        trials = await self._services.trials.send_topic(topic, topic_sample(call.body))
        return topic_test_answer(trials, self._services.current.snapshot)

    def _source_names(self) -> dict[str, str]:
        sources = self._services.current.snapshot.sources
        return {str(SELF): OWN_NAME, **{row.id: row.name for row in sources.values()}}

    def _shown(
        self, topic: Topic, warnings: Sequence[str] = (), history: History | None = None
    ) -> TopicAnswer:
        snapshot = self._services.current.snapshot
        users = [row for row in snapshot.subscriptions.values() if row.topic_id == topic.id]
        items = [subscription_list_item(row, snapshot) for row in users]
        warned = [*topic_warnings(topic, snapshot), *warnings]
        targets = target_names(topic.policy, snapshot)
        return topic_answer(topic, self._source_names(), items, warned, targets, history)
