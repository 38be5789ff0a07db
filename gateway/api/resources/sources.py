"""Handlers of sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.activity import ActivityAnswer, activity_answer
from gateway.api.shapes.base import PageQuery, page_frame, select
from gateway.api.shapes.rehearsal import SourceTry, as_tried, tried_answer, tried_envelope
from gateway.api.shapes.sources import (
    RegisteredAnswer,
    SourceAnswer,
    SourceCreate,
    SourcePage,
    SourceUpdate,
    reached_at,
    registered_answer,
    source_answer,
    source_fields,
)
from gateway.domain.source import Source
from gateway.domain.topic import Topic
from gateway.service.rehearsal import rehearse
from gateway.service.services import Services
from gateway.service.source_options import check_options
from gateway.service.sources import any_source, find_source


class SourceHandlers:
    """What the API does with sources."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[SourceCreate, Any]) -> RegisteredAnswer:
        """Register a sender; one of a product of its own gets a credential that it can send."""
        registered = await self._services.sources.create(call.instance, source_fields(call.body))
        base = reached_at(self._services.settings, call.request)
        made = await self._services.connecting.connect(call.instance, registered.source, base)
        return registered_answer(registered, self._topics, made)

    async def list(self, call: Call[Any, PageQuery]) -> SourcePage:
        """Sources by age."""
        snapshot = self._services.current.snapshot
        shown, total = select(snapshot.sources.values(), call.instance, call.query)
        frame = page_frame(call.request.path, call.query, total)
        return SourcePage(sources=[self._shown(row) for row in shown], **frame)

    async def show(self, call: Call[Any, Any]) -> SourceAnswer:
        """One source."""
        return self._shown(any_source(self._services.current.snapshot, call.instance, call.path["id"]))

    async def update(self, call: Call[SourceUpdate, Any]) -> RegisteredAnswer:
        """Change a source."""
        fields = source_fields(call.body)
        changed = await self._services.sources.update(call.instance, call.path["id"], fields)
        return registered_answer(changed, self._topics)

    async def attempt(self, call: Call[SourceTry, Any]) -> Mapping[str, Any]:
        """What a payload would become, without accepting it."""
        snapshot, given = self._services.current.snapshot, call.body
        source = as_tried(find_source(snapshot, call.instance, call.path["id"]), given)
        check_options(source.format, source.options)
        envelope = tried_envelope(given, call.instance, self._services.clock.now())
        limit = self._services.settings.max_batch_events
        return tried_answer(rehearse(snapshot, source, envelope, max_events=limit))

    async def activity(self, call: Call[Any, Any]) -> ActivityAnswer:
        """How a source is doing."""
        source = any_source(self._services.current.snapshot, call.instance, call.path["id"])
        return activity_answer(await self._services.activities.of(source))

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a source and its keys."""
        await self._services.sources.delete(call.instance, call.path["id"])

    def _shown(self, source: Source) -> SourceAnswer:
        return source_answer(source, self._topics)

    @property
    def _topics(self) -> Sequence[Topic]:
        return [*self._services.current.snapshot.topics.values()]
