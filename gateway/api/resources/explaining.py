"""Handlers of explanations."""

from __future__ import annotations

import json
from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.explaining import ExplainAnswer, ExplainGiven, ExplainQuery, explain_answer
from gateway.service.services import Services


class ExplainHandlers:
    """What the API says to "why?"."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def stored(self, call: Call[Any, ExplainQuery]) -> ExplainAnswer:
        """Why a stored event went where it went."""
        found = await self._services.explanations.stored(call.instance, call.path["id"], now=call.query.now)
        event_type = found.stored.accepted.event.type if found.stored else ""
        return explain_answer(found, event_type, call.query, self._services.current.snapshot)

    async def pasted(self, call: Call[ExplainGiven, Any]) -> ExplainAnswer:
        """Where an event would go."""
        given = call.body
        found = self._services.explanations.pasted(
            call.instance, given.source_id, json.dumps(given.event, ensure_ascii=False).encode()
        )
        query = ExplainQuery(now=True)
        return explain_answer(found, str(given.event.get("type")), query, self._services.current.snapshot)
