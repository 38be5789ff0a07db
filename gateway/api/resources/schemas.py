"""Handlers of schemas."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.base import PageQuery, page_frame, select
from gateway.api.shapes.schemas import (
    SchemaAnswer,
    SchemaCreate,
    SchemaPage,
    SchemaUpdate,
    schema_answer,
    schema_fields,
)
from gateway.service.schemas import find_schema
from gateway.service.services import Services


class SchemaHandlers:
    """What the API does with schemas."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[SchemaCreate, Any]) -> SchemaAnswer:
        """Bind a schema to event types."""
        return schema_answer(await self._services.schemas.create(call.instance, schema_fields(call.body)))

    async def list(self, call: Call[Any, PageQuery]) -> SchemaPage:
        """Schemas by age."""
        snapshot = self._services.current.snapshot
        shown, total = select(snapshot.schemas.values(), call.instance, call.query)
        frame = page_frame(call.request.path, call.query, total)
        return SchemaPage(schemas=[schema_answer(row) for row in shown], **frame)

    async def show(self, call: Call[Any, Any]) -> SchemaAnswer:
        """One schema."""
        return schema_answer(find_schema(self._services.current.snapshot, call.instance, call.path["id"]))

    async def revision(self, call: Call[Any, Any]) -> SchemaAnswer:
        """One schema as it was."""
        asked = call.path["revision"]
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
        return schema_answer(await self._services.schemas.at_revision(call.instance, call.path["id"], number))

    async def update(self, call: Call[SchemaUpdate, Any]) -> SchemaAnswer:
        """Change a schema."""
        fields = schema_fields(call.body)
        return schema_answer(await self._services.schemas.update(call.instance, call.path["id"], fields))

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a schema."""
        await self._services.schemas.delete(call.instance, call.path["id"])
