"""Handlers of incidents."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.incidents import (
    IncidentAnswer,
    IncidentDetail,
    IncidentNote,
    IncidentPage,
    IncidentQuery,
    incident_answer,
    incident_detail,
)
from gateway.service.services import Services


class IncidentHandlers:
    """What the API does with incidents."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call[Any, IncidentQuery]) -> IncidentPage:
        """Incidents, newest first."""
        query = call.query
        states = [query.state] if query.state else []
        page = await self._services.incidents.page(
            call.instance, states, cursor=query.cursor, limit=query.limit
        )
        return IncidentPage(incidents=[incident_answer(row) for row in page.rows], cursor=page.cursor or None)

    async def show(self, call: Call[Any, Any]) -> IncidentDetail:
        """One incident with its events and their deliveries."""
        whole = await self._services.incidents.whole(call.instance, call.path["id"])
        return incident_detail(whole, self._services.current.snapshot)

    async def acknowledge(self, call: Call[IncidentNote, Any]) -> IncidentAnswer:
        """Take it up."""
        note = call.body
        return incident_answer(
            await self._services.incidents.acknowledge(
                call.instance.id, call.path["id"], note.by or self._key(call), note.note
            )
        )

    async def resolve(self, call: Call[IncidentNote, Any]) -> IncidentAnswer:
        """Close it by hand."""
        note = call.body
        return incident_answer(
            await self._services.incidents.resolve(
                call.instance.id, call.path["id"], note.by or self._key(call), note.note
            )
        )

    def _key(self, call: Call[Any, Any]) -> str:
        """The name of the key that asks; the operator's has none."""
        principal = call.principal
        rows = self._services.current.snapshot.key_rows
        return next((row.name for row in rows if row.id == principal.key_id), principal.role.value)
