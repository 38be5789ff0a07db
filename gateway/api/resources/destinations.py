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
from gateway.domain.delivery import LastResult
from gateway.domain.destination import Destination
from gateway.domain.ids import DestinationId
from gateway.domain.source import Instance
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
        return self._shown(created.destination, None, dict(created.generated))

    async def list(self, call: Call[Any, PageQuery]) -> DestinationPage:
        """Destinations by age, built-in ones included."""
        snapshot = self._services.current.snapshot
        shown, total = select(snapshot.destinations.values(), call.instance, call.query)
        last = await self._services.records.ledger.last_results(call.instance.id)
        items = [destination_list_item(row, snapshot, last.get(row.id)) for row in shown]
        return DestinationPage(destinations=items, **page_frame(call.request.path, call.query, total))

    async def show(self, call: Call[Any, Any]) -> DestinationAnswer:
        """One destination, secrets masked."""
        found = find_destination(self._services.current.snapshot, call.instance, call.path["id"])
        return self._shown(found, await self._last(call.instance, found.id))

    async def update(self, call: Call[DestinationUpdate, Any]) -> DestinationAnswer:
        """Change a destination; what is not given stays."""
        given = call.body
        params = given.config.params if given.config else {}
        last = await self._last(call.instance, call.path["id"])
        changed = await self._services.destinations.update(
            call.instance, call.path["id"], params, destination_fields(given)
        )
        return self._shown(changed, last)

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

    async def _last(self, instance: Instance, destination_id: str) -> LastResult | None:
        results = await self._services.records.ledger.last_results(instance.id)
        return results.get(DestinationId(destination_id))

    def _shown(
        self, destination: Destination, last: LastResult | None, generated: dict[str, str] | None = None
    ) -> DestinationAnswer:
        shown = self._services.destinations.shown(destination)
        return destination_answer(destination, self._services.current.snapshot, shown, last, generated)
