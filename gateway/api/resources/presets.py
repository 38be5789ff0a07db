"""Handlers of presets."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.presets import (
    AppliedAnswer,
    PresetAnswer,
    PresetApply,
    PresetList,
    applied_answer,
    preset_answer,
    preset_list_item,
    wishes_of,
)
from gateway.service.presets import find_preset
from gateway.service.services import Services
from schemas.presets import presets


class PresetHandlers:
    """What the API does with presets."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call[Any, Any]) -> PresetList:
        """All of them by name."""
        return PresetList(presets=[preset_list_item(one) for one in presets().values()])

    async def show(self, call: Call[Any, Any]) -> PresetAnswer:
        """One preset."""
        return preset_answer(find_preset(call.path["name"]))

    async def apply(self, call: Call[PresetApply, Any]) -> AppliedAnswer:
        """Make what a preset asks for."""
        dry_run = call.body.dry_run
        plan = await self._services.presets.apply(
            call.instance, call.path["name"], wishes_of(call.body), dry_run=dry_run
        )
        return applied_answer(plan, applied=not dry_run)
