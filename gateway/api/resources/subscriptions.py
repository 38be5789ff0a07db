"""Handlers of subscriptions."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.base import PageQuery, page_frame, select
from gateway.api.shapes.subscriptions import (
    SubscriptionAnswer,
    SubscriptionCreate,
    SubscriptionPage,
    SubscriptionUpdate,
    subscription_answer,
    subscription_fields,
    subscription_list_item,
)
from gateway.service.services import Services
from gateway.service.subscriptions import find_subscription


class SubscriptionHandlers:
    """What the API does with subscriptions."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[SubscriptionCreate, Any]) -> SubscriptionAnswer:
        """Subscribe a destination to a topic."""
        created = await self._services.subscriptions.create(call.instance, subscription_fields(call.body))
        return subscription_answer(created, self._services.current.snapshot)

    async def list(self, call: Call[Any, PageQuery]) -> SubscriptionPage:
        """Subscriptions by age."""
        snapshot = self._services.current.snapshot
        shown, total = select(snapshot.subscriptions.values(), call.instance, call.query)
        items = [subscription_list_item(row, snapshot) for row in shown]
        return SubscriptionPage(subscriptions=items, **page_frame(call.request.path, call.query, total))

    async def show(self, call: Call[Any, Any]) -> SubscriptionAnswer:
        """One subscription."""
        snapshot = self._services.current.snapshot
        return subscription_answer(find_subscription(snapshot, call.instance, call.path["id"]), snapshot)

    async def update(self, call: Call[SubscriptionUpdate, Any]) -> SubscriptionAnswer:
        """Change a subscription; whom it no longer reaches gets nothing more."""
        fields = subscription_fields(call.body)
        changed = await self._services.subscriptions.update(call.instance, call.path["id"], fields)
        return subscription_answer(changed, self._services.current.snapshot)

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a subscription and cancel what is pending of it."""
        await self._services.subscriptions.delete(call.instance, call.path["id"])
