"""Handlers of monitors."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.base import PageQuery, page_frame, select
from gateway.api.shapes.monitors import (
    KeyQuery,
    MonitorAnswer,
    MonitorCreate,
    MonitorPage,
    MonitorUpdate,
    StandingPage,
    monitor_answer,
    monitor_fields,
    standing_answer,
)
from gateway.domain.monitor import Monitor
from gateway.service.monitors import find_monitor
from gateway.service.services import Services


class MonitorHandlers:
    """What the API does with monitors."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[MonitorCreate, Any]) -> MonitorAnswer:
        """Begin to watch."""
        return await self._shown(
            await self._services.monitors.create(call.instance, monitor_fields(call.body))
        )

    async def list(self, call: Call[Any, PageQuery]) -> MonitorPage:
        """Monitors by age."""
        snapshot = self._services.current.snapshot
        shown, total = select(snapshot.monitors.values(), call.instance, call.query)
        frame = page_frame(call.request.path, call.query, total)
        watched = await self._services.monitors.watched(shown)
        return MonitorPage(monitors=[monitor_answer(row) for row in watched], **frame)

    async def show(self, call: Call[Any, Any]) -> MonitorAnswer:
        """One monitor."""
        return await self._shown(self._found(call))

    async def keys(self, call: Call[Any, KeyQuery]) -> StandingPage:
        """How its keys stand."""
        monitor, limit = self._found(call), call.query.limit
        found = await self._services.monitors.standings(monitor, call.query.after, limit)
        return StandingPage(
            keys=[standing_answer(monitor, one) for one in found],
            after=found[-1].key if len(found) == limit else None,
        )

    async def update(self, call: Call[MonitorUpdate, Any]) -> MonitorAnswer:
        """Change a monitor."""
        return await self._changed(call, monitor_fields(call.body))

    async def pause(self, call: Call[Any, Any]) -> MonitorAnswer:
        """Stop watching for a while."""
        return await self._changed(call, {"paused": True})

    async def resume(self, call: Call[Any, Any]) -> MonitorAnswer:
        """Watch again; what is expected is expected anew."""
        return await self._changed(call, {"paused": False})

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a monitor and what it remembers."""
        await self._services.monitors.delete(call.instance, call.path["id"])

    def _found(self, call: Call[Any, Any]) -> Monitor:
        return find_monitor(self._services.current.snapshot, call.instance, call.path["id"])

    async def _changed(self, call: Call[Any, Any], fields: dict[str, object]) -> MonitorAnswer:
        return await self._shown(await self._services.monitors.update(call.instance, call.path["id"], fields))

    async def _shown(self, monitor: Monitor) -> MonitorAnswer:
        (watched,) = await self._services.monitors.watched([monitor])
        return monitor_answer(watched)
