"""Schemas: JSON Schemas bound to event types, and what happens to an event that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.ids import InstanceId, SchemaId, SourceId


class SchemaTarget(StrEnum):
    """What a schema describes: the event's data, or the whole event in its JSON form."""

    DATA = "data"
    EVENT = "event"


class SchemaMode(StrEnum):
    """What happens to an event that does not fit: refused with 422, or stored apart and listed."""

    REJECT = "reject"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON Schema for some event types (an entry ending in `*` is a prefix), of one source or of all."""

    id: SchemaId
    instance_id: InstanceId
    name: str
    created_at: float
    updated_at: float
    event_types: tuple[str, ...]
    document: Mapping[str, object] = field(default_factory=dict)
    source_id: SourceId | None = None
    target: SchemaTarget = SchemaTarget.DATA
    mode: SchemaMode = SchemaMode.REJECT
