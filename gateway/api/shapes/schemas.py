"""Bodies of schemas."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway.api.shapes.base import Answer, Name, PageAnswer, StrictGiven, timestamp
from gateway.domain.schema import Schema, SchemaMode, SchemaTarget


class SchemaCreate(StrictGiven):
    """Bind a JSON Schema to event types."""

    name: Name
    event_types: list[str] = Field(
        min_length=1, max_length=100, description="Event types; `x.*` is a prefix."
    )
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema 2020-12, 2019-09 or draft-07.")
    source_id: str | None = Field(None, description="Only events of this source; without it those of all.")
    target: SchemaTarget = Field(
        SchemaTarget.DATA, strict=False, description="What it describes: the data, or the whole event."
    )
    mode: SchemaMode = Field(
        SchemaMode.REJECT,
        strict=False,
        description="`reject` refuses with 422, `quarantine` stores apart, `flag` shows.",
    )


class SchemaUpdate(StrictGiven):
    """Change a schema."""

    name: Name | None = None
    event_types: list[str] | None = Field(None, min_length=1, max_length=100)
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    target: SchemaTarget | None = Field(None, strict=False)
    mode: SchemaMode | None = Field(None, strict=False)


class SchemaAnswer(Answer):
    """A schema."""

    id: str
    name: str
    event_types: list[str]
    source_id: str | None = None
    target: str
    mode: str
    revision: int = Field(description="Counts the changes; an event names those that judged it.")
    schema_: dict[str, Any] = Field(alias="schema")
    created_at: str
    updated_at: str


class SchemaPage(PageAnswer):
    """A page of schemas."""

    schemas: list[SchemaAnswer]


def schema_fields(given: SchemaCreate | SchemaUpdate) -> dict[str, object]:
    """What was given, as fields of a Schema."""
    fields = given.changes(schema_="document")
    if "event_types" in fields:
        fields["event_types"] = tuple(fields["event_types"])
    return fields


def schema_answer(schema: Schema) -> SchemaAnswer:
    """A schema for reading."""
    return SchemaAnswer(
        id=schema.id,
        name=schema.name,
        event_types=list(schema.event_types),
        source_id=schema.source_id,
        target=schema.target.value,
        mode=schema.mode.value,
        revision=schema.revision,
        schema=dict(schema.document),
        created_at=timestamp(schema.created_at),
        updated_at=timestamp(schema.updated_at),
    )
