"""Handlers of destinations and of their test."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call, Reply
from gateway.api.shapes.base import PageQuery, page_frame, select
from gateway.api.shapes.destinations import (
    DestinationAnswer,
    DestinationCreate,
    DestinationPage,
    DestinationTest,
    DestinationUpdate,
    PublicKeyAnswer,
    destination_answer,
    destination_fields,
    destination_list_item,
    destination_test_answer,
)
from gateway.domain.destination import Destination
from gateway.service.destinations import find_destination
from gateway.service.services import Services


class DestinationHandlers:
    """What the API does with destinations."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[DestinationCreate, Any]) -> DestinationAnswer:
        """Create a destination; secrets that the gateway makes are in this answer and nowhere else."""
        given = call.body
        created = await self._services.destinations.create(
            call.instance, given.type, given.config.params, destination_fields(given)
        )
        return self._shown(created.destination, dict(created.generated))

    async def list(self, call: Call[Any, PageQuery]) -> DestinationPage:
        """Destinations by age, built-in ones included."""
        snapshot = self._services.current.snapshot
        shown, total = select(snapshot.destinations.values(), call.instance, call.query)
        items = [destination_list_item(row, snapshot) for row in shown]
        return DestinationPage(destinations=items, **page_frame(call.request.path, call.query, total))

    async def show(self, call: Call[Any, Any]) -> DestinationAnswer:
        """One destination, secrets masked."""
        return self._shown(find_destination(self._services.current.snapshot, call.instance, call.path["id"]))

    async def update(self, call: Call[DestinationUpdate, Any]) -> DestinationAnswer:
        """Change a destination; what is not given stays."""
        given = call.body
        params = given.config.params if given.config else {}
        changed = await self._services.destinations.update(
            call.instance, call.path["id"], params, destination_fields(given)
        )
        return self._shown(changed)

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a destination that no subscription uses."""
        await self._services.destinations.delete(call.instance, call.path["id"])

    async def test(self, call: Call[Any, DestinationTest]) -> Reply:
        """Send an `io.tocsin.test` event there through the ledger, and wait for what becomes of it."""
        destination = find_destination(self._services.current.snapshot, call.instance, call.path["id"])
        found = await self._services.trials.send(destination, call.query.recipient)
        status = 202 if destination.kind == "webhook" else 200
        return Reply(destination_test_answer(found, destination), status)

    async def public_key(self, call: Call[Any, Any]) -> PublicKeyAnswer:
        """What receivers verify signatures with."""
        destination = find_destination(self._services.current.snapshot, call.instance, call.path["id"])
        return PublicKeyAnswer(public_key=self._services.destinations.public_key(destination))

    def _shown(self, destination: Destination, generated: dict[str, str] | None = None) -> DestinationAnswer:
        shown = self._services.destinations.shown(destination)
        return destination_answer(destination, self._services.current.snapshot, shown, generated)
