"""Handlers of sources."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.base import PageQuery, page_frame, select
from gateway.api.shapes.sources import (
    SourceAnswer,
    SourceCreate,
    SourcePage,
    SourceUpdate,
    source_answer,
    source_fields,
)
from gateway.domain.source import Source
from gateway.service.services import Services
from gateway.service.sources import find_source


class SourceHandlers:
    """What the API does with sources."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[SourceCreate, Any]) -> SourceAnswer:
        """Register a sender."""
        return self._shown(await self._services.sources.create(call.instance, source_fields(call.body)))

    async def list(self, call: Call[Any, PageQuery]) -> SourcePage:
        """Sources by age."""
        snapshot = self._services.current.snapshot
        shown, total = select(snapshot.sources.values(), call.instance, call.query)
        frame = page_frame(call.request.path, call.query, total)
        return SourcePage(sources=[self._shown(row) for row in shown], **frame)

    async def show(self, call: Call[Any, Any]) -> SourceAnswer:
        """One source."""
        return self._shown(find_source(self._services.current.snapshot, call.instance, call.path["id"]))

    async def update(self, call: Call[SourceUpdate, Any]) -> SourceAnswer:
        """Change a source."""
        fields = source_fields(call.body)
        return self._shown(await self._services.sources.update(call.instance, call.path["id"], fields))

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a source and its keys."""
        await self._services.sources.delete(call.instance, call.path["id"])

    def _shown(self, source: Source) -> SourceAnswer:
        return source_answer(source, [*self._services.current.snapshot.topics.values()])
