"""Handlers of subscriptions."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.base import PageQuery, page_frame, select
from gateway.api.shapes.counts import HistoryAnswer, history_answer
from gateway.api.shapes.subscriptions import (
    SubscriptionAnswer,
    SubscriptionCreate,
    SubscriptionPage,
    SubscriptionUpdate,
    subscription_answer,
    subscription_fields,
    subscription_list_item,
)
from gateway.domain.destination import Subscription
from gateway.service.services import Services
from gateway.service.subscriptions import find_subscription
from gateway.service.warnings import idle_subscription, subscription_warnings


class SubscriptionHandlers:
    """What the API does with subscriptions."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[SubscriptionCreate, Any]) -> SubscriptionAnswer:
        """Subscribe a destination to a topic."""
        created = await self._services.subscriptions.create(call.instance, subscription_fields(call.body))
        return self._saved(created)

    async def list(self, call: Call[Any, PageQuery]) -> SubscriptionPage:
        """Subscriptions by age."""
        snapshot = self._services.current.snapshot
        shown, total = select(snapshot.subscriptions.values(), call.instance, call.query)
        items = [subscription_list_item(row, snapshot) for row in shown]
        return SubscriptionPage(subscriptions=items, **page_frame(call.request.path, call.query, total))

    async def show(self, call: Call[Any, Any]) -> SubscriptionAnswer:
        """One subscription."""
        snapshot = self._services.current.snapshot
        found = find_subscription(snapshot, call.instance, call.path["id"])
        histories = await self._services.counting.lately([found.id, found.topic_id])
        warnings = [*subscription_warnings(found, snapshot), *idle_subscription(found, histories)]
        return subscription_answer(found, snapshot, warnings, histories.get(found.id))

    async def counts(self, call: Call[Any, Any]) -> HistoryAnswer:
        """What one subscription did, by day."""
        found = find_subscription(self._services.current.snapshot, call.instance, call.path["id"])
        return history_answer((await self._services.counting.histories([found.id]))[found.id])

    async def update(self, call: Call[SubscriptionUpdate, Any]) -> SubscriptionAnswer:
        """Change a subscription; whom it no longer reaches gets nothing more."""
        fields = subscription_fields(call.body)
        changed = await self._services.subscriptions.update(call.instance, call.path["id"], fields)
        return self._saved(changed)

    def _saved(self, subscription: Subscription) -> SubscriptionAnswer:
        snapshot = self._services.current.snapshot
        return subscription_answer(subscription, snapshot, subscription_warnings(subscription, snapshot))

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a subscription and cancel what is pending of it."""
        await self._services.subscriptions.delete(call.instance, call.path["id"])
