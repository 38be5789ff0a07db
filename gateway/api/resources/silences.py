"""Handlers of silences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.base import page_frame
from gateway.api.shapes.silences import (
    SilenceAnswer,
    SilenceCreate,
    SilencePage,
    SilenceQuery,
    selected,
    silence_answer,
    wanted_of,
)
from gateway.domain.silence import Silence
from gateway.pipeline.silence import by_age
from gateway.service.services import Services
from gateway.service.silences import author_of, find_silence


class SilenceHandlers:
    """What the API does with silences."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[SilenceCreate, Any]) -> SilenceAnswer:
        """Silence something for a while."""
        author = author_of(self._services.current.snapshot, call.principal)
        wanted = wanted_of(call.body, author)
        return await self._shown(await self._services.silences.create(call.instance, wanted))

    async def list(self, call: Call[Any, SilenceQuery]) -> SilencePage:
        """Silences, the newest first."""
        rows = self._services.current.snapshot.silences.values()
        own = by_age(one for one in rows if one.instance_id == call.instance.id)
        shown, total = selected(own, call.query, self._services.clock.now())
        frame = page_frame(call.request.path, call.query, total)
        return SilencePage(silences=[*await self._answers(shown)], **frame)

    async def show(self, call: Call[Any, Any]) -> SilenceAnswer:
        """One silence, and how much it held back."""
        found = find_silence(self._services.current.snapshot, call.instance, call.path["id"])
        return await self._shown(found)

    async def end(self, call: Call[Any, Any]) -> SilenceAnswer:
        """End a silence now."""
        return await self._shown(await self._services.silences.end(call.instance, call.path["id"]))

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a silence."""
        await self._services.silences.delete(call.instance, call.path["id"])

    async def _shown(self, silence: Silence) -> SilenceAnswer:
        (answer,) = await self._answers([silence])
        return answer

    async def _answers(self, silences: Sequence[Silence]) -> Sequence[SilenceAnswer]:
        snapshot, now = self._services.current.snapshot, self._services.clock.now()
        histories = await self._services.counting.lately([one.id for one in silences])
        return [silence_answer(one, snapshot, now, histories.get(one.id)) for one in silences]
